/* For libraries that let others allocate: what they free is wiped, since a password or a key may
 * have lain there. */
#ifndef BASE_WIPED_H
#define BASE_WIPED_H

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/** free() of anything from malloc(), calloc() or strdup(); NULL: nothing. */
static inline void wiped_free(void *at)
{
    if (at)
        explicit_bzero(at, malloc_usable_size(at));
    free(at);
}

/** realloc(), but what moves away leaves nothing behind. A smaller `size` keeps the place. */
static inline void *wiped_realloc(void *at, size_t size)
{
    size_t had = at ? malloc_usable_size(at) : 0;
    void *moved;

    if (at && size <= had)
        return at;
    moved = malloc(size);
    if (moved && at) {
        memcpy(moved, at, had);
        wiped_free(at);
    }
    return moved;
}

#endif
