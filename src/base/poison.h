/* Memory that is kept for whoever comes next: nobody may look at it until it is given out again. A
 * build with ASan stops who does; another one knows nothing of it. */
#ifndef BASE_POISON_H
#define BASE_POISON_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define POISONS
#endif

#ifdef POISONS
#include <sanitizer/asan_interface.h>
#define POISON(at, len)   __asan_poison_memory_region(at, len)
#define UNPOISON(at, len) __asan_unpoison_memory_region(at, len)
#else
#define POISON(at, len)   ((void)(at), (void)(len))
#define UNPOISON(at, len) ((void)(at), (void)(len))
#endif

#endif
