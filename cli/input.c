/* Reads what a command is given in a file or on its standard input. */
#include "cli/input.h"

#include <errno.h>

#define LINE_MAX_LEN (16 * KIB)

enum exit_code input_read(struct cli *cli, const char *path, size_t max, struct str *out)
{
    bool standard = name_eq(str_from(path), STR("-"));
    FILE *f = standard ? stdin : fopen(path, "re");
    char *text = NULL;
    size_t len = 0;

    if (!f)
        return cli_fail(cli, EXIT_LOCAL, "%s: %s", path, os_error_text(errno));
    text = arena_alloc(&cli->arena, max + 2);
    len = fread(text, 1, max + 1, f);
    if (!standard)
        (void)fclose(f); /* was only read */
    if (len > max || strlen(text) != len)
        return cli_fail(cli, EXIT_LOCAL, "%s is too large, or no text", path);
    *out = str_of(text, len);
    return EXIT_DONE;
}

enum exit_code input_word(struct cli *cli, size_t index, size_t max, const char **out)
{
    struct str text = STR_EMPTY;
    enum exit_code code = EXIT_DONE;

    *out = cli->args.words[index];
    if (!name_eq(str_from(*out), STR("-")))
        return EXIT_DONE;
    code = input_read(cli, "-", max, &text);
    if (code)
        return code;
    if (str_ends(text, STR("\n")))
        text.len--;
    *out = arena_dup(&cli->arena, text).ptr;
    return EXIT_DONE;
}

enum exit_code input_line(struct cli *cli, const char *path, struct str *out)
{
    struct str text = STR_EMPTY, line = STR_EMPTY, rest = STR_EMPTY;
    enum exit_code code = input_read(cli, path, LINE_MAX_LEN, &text);

    if (code)
        return code;
    (void)str_cut(text, '\n', &line, &rest); /* one line without an end is fine */
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    *out = arena_dup(&cli->arena, str_trim(line));
    return out->len > 0 ? EXIT_DONE
                        : cli_fail(cli, EXIT_LOCAL, "%s: its first line is empty", path);
}
