/* From argv to one command's run: finds the row, reads its options, prints help and usage errors.
 * It knows no server. */
#include "cli/cli.h"

#include "base/json.h"
#include "cli/server_find.h"

#include <stdarg.h>

#define HELP_MAX     (256 * KIB)
#define COMMANDS_MAX 128

static const struct option common_options[] = {
    {"json", 0, NULL, "print JSON, for programs"},
    {"help", 'h', NULL, "print this help"},
    {0},
};

static const char exit_codes[] =
    "Exit codes: 0 done; 1 the server refused or failed, or a check said no; 2 wrong usage;\n"
    "3 no server reached; 4 what was named does not exist; 5 local trouble (file, port, disk).\n";

/* All rows: the folder's own and what the application added. */
struct rows {
    const struct command *items[COMMANDS_MAX];
    size_t n;
};

static void rows_add(struct rows *rows, const struct command *items, size_t n)
{
    for (size_t i = 0; i < n && rows->n < COMMANDS_MAX; i++)
        rows->items[rows->n++] = &items[i];
}

static struct str first_word(const char *words)
{
    return str_head(str_from(words), str_find(str_from(words), ' '));
}

static bool is_in_group(const char *words, struct str group)
{
    struct str rest = str_from_index(str_from(words), group.len);

    return group.len == 0 || (str_starts(str_from(words), group) && rest.len && rest.ptr[0] == ' ');
}

static void print_buf(struct buf *b, FILE *out)
{
    (void)fwrite(b->ptr, 1, b->len, out); /* help: nobody to tell */
    buf_clear(b);
}

void cli_print_help(const struct command *command, FILE *out)
{
    struct buf b;

    buf_init(&b, HELP_MAX);
    buf_addf(&b, "usage: callgate %s%s%s\n\n%s.\n", command->words, command->synopsis[0] ? " " : "",
             command->synopsis, command->help);
    if (command->about)
        buf_addf(&b, "\n%s%s", command->about,
                 str_ends(str_from(command->about), STR("\n")) ? "" : "\n");
    if (command->options) {
        buf_add(&b, STR("\nOptions\n"));
        options_help(command->options, &b);
    }
    if (!command->raw_args) {
        buf_add(&b, command->options ? STR_EMPTY : STR("\nOptions\n"));
        options_help(common_options, &b);
        buf_addf(&b, "%s", command->reach ? "\nWhich server\n" : "");
        options_help(server_options(command->reach), &b);
    }
    buf_addf(&b, "\n%s", exit_codes);
    print_buf(&b, out);
}

static void print_overview(const struct rows *rows, struct str group, FILE *out)
{
    size_t widest = 0;
    struct buf b;

    for (size_t i = 0; i < rows->n; i++)
        if (is_in_group(rows->items[i]->words, group) &&
            str_from(rows->items[i]->words).len > widest)
            widest = str_from(rows->items[i]->words).len;
    buf_init(&b, HELP_MAX);
    buf_addf(&b, "usage: callgate " STR_FMT "%sCOMMAND [options]\n\n", STR_ARG(group),
             group.len > 0 ? " " : "");
    for (size_t i = 0; i < rows->n; i++)
        if (is_in_group(rows->items[i]->words, group))
            buf_addf(&b, "  %-*s  %s\n", (int)widest, rows->items[i]->words, rows->items[i]->help);
    buf_add(&b, STR("\n`callgate help COMMAND` or `callgate COMMAND --help` tells more, with "
                    "examples.\n"));
    buf_addf(&b, "%s", exit_codes);
    print_buf(&b, out);
}

/* The row whose words argv begins with; how many words in *out_used. */
static const struct command *find_command(const struct rows *rows, int argc, char **argv,
                                          int *out_used)
{
    for (size_t i = 0; i < rows->n; i++) {
        struct str rest = str_from(rows->items[i]->words), word = STR_EMPTY;
        int used = 0;
        bool same = true;

        while (same && rest.len > 0) {
            (void)str_cut(rest, ' ', &word, &rest); /* the last word has no blank */
            same = used < argc && name_eq(word, str_from(argv[used]));
            used += same;
        }
        if (same) {
            *out_used = used;
            return rows->items[i];
        }
    }
    return NULL;
}

/* The words that argv begins with and more than one command has in common, like "event" or "event
 * subscription"; how many in *out_used, 0: none. */
static struct str find_group(const struct rows *rows, int argc, char **argv, int *out_used)
{
    struct str found = STR_EMPTY;

    *out_used = 0;
    for (size_t i = 0; i < rows->n; i++) {
        struct str words = str_from(rows->items[i]->words), word, rest = words;
        size_t len = 0;
        int used = 0;

        while (used < argc && str_cut(rest, ' ', &word, &rest) &&
               name_eq(word, str_from(argv[used]))) {
            len += word.len + (used > 0);
            used++;
        }
        if (used > *out_used) {
            *out_used = used;
            found = str_head(words, len);
        }
    }
    return found;
}

static int refuse_command(const struct rows *rows, int argc, char **argv)
{
    struct str names[COMMANDS_MAX], near = STR_EMPTY, given = str_from(argv[0]);
    int used = 0;
    struct str group = find_group(rows, argc, argv, &used);
    char more[130];

    if (used == argc) {
        print_overview(rows, group, stderr);
        return EXIT_USAGE;
    }
    if (argc >= 2 && (used || argv[1][0] != '-')) {
        (void)snprintf(more, sizeof more, "%.*s %.60s", used ? (int)group.len : 60,
                       used ? group.ptr : argv[0], argv[used ? used : 1]);
        for (size_t i = 0; i < rows->n; i++)
            names[i] = str_from(rows->items[i]->words);
        near = str_nearest(str_from(more), names, rows->n);
        given = used ? str_from(more) : given;
    }
    for (size_t i = 0; near.len == 0 && i < rows->n; i++)
        names[i] = first_word(rows->items[i]->words);
    if (near.len == 0)
        near = str_nearest(given, names, rows->n);
    (void)fprintf(stderr, "callgate: unknown command: " STR_FMT "\n", STR_ARG(given));
    if (near.len > 0)
        (void)fprintf(stderr, "Did you mean `callgate " STR_FMT "`?\n", STR_ARG(near));
    (void)fputs("`callgate help` lists the commands.\n", stderr);
    return EXIT_USAGE;
}

enum exit_code cli_fail(struct cli *cli, enum exit_code code, const char *fmt, ...)
{
    struct buf out;
    struct json_writer w;
    va_list args;
    char line[2048];

    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args); /* cut to fit */
    va_end(args);
    buf_init(&out, 4 * sizeof line);
    if (cli->json) {
        json_writer_init(&w, &out);
        json_object_begin(&w);
        json_name(&w, "error");
        json_object_begin(&w);
        json_member_str(&w, "message", str_from(line));
        json_object_end(&w);
        json_object_end(&w);
        buf_add_char(&out, '\n');
    } else {
        buf_addf(&out, "callgate: %s\n", line);
        if (code == EXIT_USAGE)
            buf_addf(&out, "usage: callgate %s%s%s\n`callgate help %s` tells more.\n",
                     cli->command->words, cli->command->synopsis[0] ? " " : "",
                     cli->command->synopsis, cli->command->words);
    }
    (void)fflush(cli->out);
    print_buf(&out, cli->err);
    return code;
}

/* What did not fit the buffer may have failed before. */
static bool is_written(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}

int cli_written(int code)
{
    if (is_written() || code != EXIT_DONE)
        return code;
    (void)fputs("callgate: the output could not be written\n", stderr);
    return EXIT_LOCAL;
}

static int run_parsed(struct cli *cli)
{
    const struct command *c = cli->command;

    if (cli->args.n < c->words_min)
        return (int)cli_fail(cli, EXIT_USAGE, "%s needs more: %s", c->words, c->synopsis);
    if (cli->args.n > c->words_max)
        return (int)cli_fail(cli, EXIT_USAGE, "%s takes no further argument `%.60s`", c->words,
                             cli->args.words[c->words_max]);
    if (cli->args.n > 0 && !*cli->args.words[0]) /* a variable that is not set, and then a list */
        return (int)cli_fail(cli, EXIT_USAGE, "the first argument is empty");
    return c->run(cli);
}

static int run_command(const struct command *c, int argc, char **argv)
{
    const struct option *tables[] = {common_options, server_options(c->reach), c->options, NULL};
    struct cli cli = {.command = c, .out = stdout, .err = stderr};
    struct buf why;
    int code = EXIT_DONE;
    bool bad = false;

    if (c->raw_args)
        return c->raw_args(argc, argv);
    buf_init(&why, 4 * KIB);
    arena_init(&cli.arena);
    bad = options_parse(tables, argc, argv, &cli.args, &why) != RC_OK;
    cli.json = args_has(&cli.args, "json");
    if (args_has(&cli.args, "help"))
        cli_print_help(c, stdout);
    else if (bad)
        code = (int)cli_fail(&cli, EXIT_USAGE, "%s", buf_cstr(&why) ? buf_cstr(&why) : "");
    else
        code = run_parsed(&cli);
    if (!is_written() && code == EXIT_DONE)
        code = (int)cli_fail(&cli, EXIT_LOCAL, "the output could not be written");
    arena_clear(&cli.arena);
    buf_clear(&why);
    return code;
}

static int run_help(const struct rows *rows, int argc, char **argv)
{
    const struct command *c = NULL;
    struct str group;
    int used = 0;

    if (argc == 0) {
        print_overview(rows, STR_EMPTY, stdout);
        return EXIT_DONE;
    }
    c = find_command(rows, argc, argv, &used);
    if (c) {
        cli_print_help(c, stdout);
        return EXIT_DONE;
    }
    group = find_group(rows, argc, argv, &used);
    if (used == argc) {
        print_overview(rows, group, stdout);
        return EXIT_DONE;
    }
    return refuse_command(rows, argc, argv);
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return name_eq(str_from(text), str_from(a)) || name_eq(str_from(text), str_from(b));
}

int cli_main(int argc, char **argv, const struct command *extra, size_t n_extra)
{
    struct rows rows = {.n = 0};
    const struct command *c = NULL, *own = NULL;
    size_t n_own = 0;
    int used = 0;

    own = commands_table(&n_own);
    rows_add(&rows, extra, n_extra);
    rows_add(&rows, own, n_own);
    if (argc < 2) {
        print_overview(&rows, STR_EMPTY, stderr);
        return EXIT_USAGE;
    }
    if (is_one_of(argv[1], "--version", "version")) {
        (void)puts("callgate " CALLGATE_VERSION);
        return EXIT_DONE;
    }
    if (is_one_of(argv[1], "--help", "-h") || name_eq(str_from(argv[1]), STR("help")))
        return run_help(&rows, argc - 2, argv + 2);
    c = find_command(&rows, argc - 1, argv + 1, &used);
    if (c)
        return run_command(c, argc - 1 - used, argv + 1 + used);
    (void)find_group(&rows, argc - 1, argv + 1, &used); /* how far it goes is all that counts */
    if (used && used == argc - 2 && is_one_of(argv[argc - 1], "--help", "-h"))
        return run_help(&rows, used, argv + 1);
    return refuse_command(&rows, argc - 1, argv + 1);
}
