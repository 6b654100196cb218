/* Texts that commands read: a file, or - for the standard input. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "cli/cli.h"

/** The whole of a file or of the standard input ("-"), in the arena, NUL-terminated. Tells what is
 * wrong: not there, larger than `max`, or with a NUL in it. */
enum exit_code input_read(struct cli *cli, const char *path, size_t max, struct str *out) NODISCARD;
/** The word at `index`; when that is - the standard input, without its last line's end.
 * NUL-terminated, in the arena. */
enum exit_code input_word(struct cli *cli, size_t index, size_t max, const char **out) NODISCARD;
/** Its first line without blanks around it, which must not be empty: for secrets. */
enum exit_code input_line(struct cli *cli, const char *path, struct str *out) NODISCARD;

#endif
