/* Dead letters as files: one each, whole or not there at all. A file that is written again (the
 * server died before it was noted) has the same name. Source: wire/events §8. */
#include "events/dispatcher.h"
#include "events/envelope.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define LETTER_MAX (8 * MIB)

static enum rc write_whole(int fd, struct str text)
{
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n <= 0)
            return RC_IO;
        text = str_from_index(text, (size_t)n);
    }
    return fsync(fd) ? RC_IO : RC_OK;
}

/* "<name>-<id of the row>.json", first under a name that nobody takes for it. */
static enum rc put_file(struct str dir, struct str name, struct str text, struct arena *arena)
{
    struct str path = arena_printf(arena, STR_FMT "/" STR_FMT ".json", STR_ARG(dir), STR_ARG(name));
    struct str part =
        arena_printf(arena, STR_FMT "/." STR_FMT ".part", STR_ARG(dir), STR_ARG(name));
    int fd = open(part.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum rc rc;

    if (fd < 0)
        return RC_IO;
    rc = write_whole(fd, text);
    if (close(fd))
        rc = RC_IO;
    if (!rc && rename(part.ptr, path.ptr))
        rc = RC_IO;
    if (rc)
        (void)unlink(part.ptr); /* what is left of it says nothing */
    return rc;
}

enum rc dead_letter_write(struct str dir, const struct subscription *sub, struct str topic,
                          const struct event_row *row)
{
    char id[UUID_TEXT_LEN];
    struct json_writer w;
    struct arena arena;
    struct buf text;
    enum rc rc;

    uuid_format(&row->id, id);
    arena_init(&arena);
    buf_init(&text, LETTER_MAX);
    json_writer_init(&w, &text);
    json_array_begin(&w);
    envelope_write_dead(&w, sub->schema, topic, row);
    json_array_end(&w);
    buf_add_char(&text, '\n');
    rc = text.failed ? text.failed
                     : put_file(dir,
                                arena_printf(&arena, STR_FMT "-%.*s", STR_ARG(sub->name),
                                             (int)sizeof id, id),
                                buf_str(&text), &arena);
    buf_clear(&text);
    arena_clear(&arena);
    return rc;
}
