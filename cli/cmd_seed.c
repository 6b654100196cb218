/* seed, reset: what a development server begins with, in one document. */
#include "cli/call.h"
#include "cli/input.h"
#include "cli/server_find.h"
#include "cli/show.h"
#include "client/admin.h"

#include <stdlib.h>
#include <unistd.h>

#define DOCUMENT_MAX (8 * MIB)  /* as the server takes it */
#define FILE_MAX     (64 * MIB) /* the same with blanks for people */
#define RESET_MAX    ((size_t)256)

/* ---- export ---- */

static enum exit_code export_seed(struct cli *cli)
{
    struct path path;
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    if (cli->args.n > 0)
        return cli_fail(cli, EXIT_USAGE, "--export writes a document: it takes no FILE");
    path_init(&path, cli, "/admin/seed:export");
    path_query(&path, "parts", args_value(&cli->args, "parts"));
    code = call_once(cli, "GET", path_done(&path, cli), STR_EMPTY, &answer);
    if (code == EXIT_DONE)
        code = show_json(cli, answer); /* it is a document, for people too */
    json_decref(answer);
    return code;
}

/* ---- seed ---- */

static enum exit_code show_seeded(struct cli *cli, const json_t *answer)
{
    static const struct column users[] = {
        {"USER", "as"}, {"ID", "id"}, {"EXTERNAL ID", "externalId"}};
    static const struct column threads[] = {{"THREAD", "as"}, {"ID", "id"}};
    const json_t *made_users = json_object_get(answer, "users");
    const json_t *made = json_object_get(json_object_get(answer, "chat"), "threads");
    enum exit_code code = EXIT_DONE;

    if (cli->json)
        return show_json(cli, answer);
    if (json_array_size(made_users) > 0)
        code = show_list(cli, made_users, users, ARRAY_LEN(users));
    if (code == EXIT_DONE && json_array_size(made) > 0)
        code = show_list(cli, made, threads, ARRAY_LEN(threads));
    return code;
}

/* An export is written with blanks, which may make more of it than the server takes. What does not
 * parse stays as it is: the server says what is wrong. */
static struct str without_blanks(struct cli *cli, struct str document)
{
    json_t *value =
        json_loadb(document.ptr, document.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

    if (text)
        document = arena_dup(&cli->arena, str_from(text));
    free(text);
    json_decref(value);
    return document;
}

int seed_run(struct cli *cli)
{
    struct path path;
    struct str document = STR_EMPTY;
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    if (args_has(&cli->args, "export"))
        return (int)export_seed(cli);
    if (args_has(&cli->args, "parts"))
        return (int)cli_fail(cli, EXIT_USAGE, "--parts goes with --export: a document has its own");
    if (cli->args.n == 0)
        return (int)cli_fail(cli, EXIT_USAGE, "which document? Name a FILE, or - for the input");
    code = input_read(cli, cli->args.words[0], FILE_MAX, &document);
    if (code)
        return (int)code;
    if (document.len > DOCUMENT_MAX)
        document = without_blanks(cli, document);
    path_init(&path, cli, "/admin/seed");
    code = call_once(cli, "POST", path_done(&path, cli), document, &answer);
    if (code == EXIT_DONE)
        code = show_seeded(cli, answer);
    json_decref(answer);
    return (int)code;
}

/* ---- reset ---- */

/* Asks on a terminal; elsewhere --yes is the way. */
static enum exit_code confirm(struct cli *cli, const char *parts)
{
    char line[RESET_MAX];

    if (args_has(&cli->args, "yes"))
        return EXIT_DONE;
    if (!isatty(STDIN_FILENO))
        return cli_fail(cli, EXIT_USAGE, "a reset deletes what the server has: say --yes");
    (void)fprintf(cli->err, "This deletes %s of the resource.\nType reset to go on: ",
                  parts ? parts : "all users, senders, opt-outs, text messages and chat threads");
    if (!fgets(line, sizeof line, stdin))
        return cli_fail(cli, EXIT_REFUSED, "nothing deleted");
    line[strcspn(line, "\n")] = '\0';
    return name_eq(str_from(line), STR("reset"))
               ? EXIT_DONE
               : cli_fail(cli, EXIT_REFUSED, "that was something else: nothing deleted");
}

/* {"parts":["users","chat"]}, in the arena. */
static struct str parts_body(struct cli *cli, const char *parts)
{
    struct str rest = str_from(parts ? parts : ""), part = STR_EMPTY, text;
    struct json_writer w;
    struct buf out;

    buf_init(&out, DOCUMENT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    if (parts) {
        json_name(&w, "parts");
        json_array_begin(&w);
        while (rest.len > 0) {
            (void)str_cut(rest, ',', &part, &rest); /* the last one has no comma */
            json_str(&w, part);
        }
        json_array_end(&w);
    }
    json_object_end(&w);
    text = arena_dup(&cli->arena, buf_str(&out));
    buf_clear(&out);
    return text;
}

int reset_run(struct cli *cli)
{
    const char *parts = args_value(&cli->args, "parts");
    struct path path;
    json_t *answer = NULL;
    enum exit_code code = confirm(cli, parts);

    if (code)
        return (int)code;
    path_init(&path, cli, "/admin/reset");
    code = call_once(cli, "POST", path_done(&path, cli), parts_body(cli, parts), &answer);
    if (code == EXIT_DONE)
        code = show_object(cli, answer);
    json_decref(answer);
    return (int)code;
}
