/* A getaddrinfo() in place of libc's, for all of the process: names that end in ".test" mean what
 * names.c says, after a while if need be. No name server is asked. The executable needs
 * export_dynamic. */
#ifndef TESTS_NAMES_H
#define TESTS_NAMES_H

#define HANG_US 1500000 /* so long takes "hangs.test", and means nothing then */

#endif
