/* transport: ways out for text messages. Each kind has members of its own, which the server knows;
 * here they are NAME=VALUE. Secrets come from files. */
#include "cli/call.h"
#include "cli/input.h"
#include "cli/show.h"

#define PATH         "/admin/sms/transports"
#define DOCUMENT_MAX (60 * KIB)
#define SECRETS_MAX  8

static const struct column columns[] = {
    {"NAME", "name"}, {"KIND", "kind"}, {"CREATED", "createdOn"}, {"PROBLEM", "problem"}};

static struct str path_of(struct cli *cli, const char *after)
{
    struct path path;

    path_init_segment(&path, cli, PATH "/", cli->args.words[0], after);
    return path_done(&path, cli);
}

/* Digits, true and false as they are; all else is text. */
static json_t *value_of(struct str text)
{
    uint64_t number = 0;

    if (text.len > 0 && text.len < 16 && str_to_u64(text, INT64_MAX, &number) == RC_OK &&
        (text.ptr[0] != '0' || text.len == 1))
        return json_integer((json_int_t)number);
    if (name_eq(text, STR("true")) || name_eq(text, STR("false")))
        return json_boolean(text.ptr[0] == 't');
    return json_stringn(text.ptr, text.len);
}

/* NAME=VALUE, or NAME:=JSON. */
static enum exit_code add_member(struct cli *cli, json_t *document, const char *word)
{
    struct str name, text;
    json_t *value = NULL;

    if (!str_cut(str_from(word), '=', &name, &text) || name.len == 0)
        return cli_fail(cli, EXIT_USAGE, "%s: members are NAME=VALUE or NAME:=JSON", word);
    if (name.ptr[name.len - 1] == ':') {
        name.len--;
        /* in an array, for a text or number is no document of its own */
        text = arena_printf(&cli->arena, "[" STR_FMT "]", STR_ARG(text));
        if (json_read(text, &value, NULL) || json_array_size(value) != 1) {
            json_decref(value);
            return cli_fail(cli, EXIT_USAGE, "%s: behind := stands JSON", word);
        }
        text = STR_EMPTY;
        document = json_object_set(document, arena_dup(&cli->arena, name).ptr,
                                   json_array_get(value, 0)) == 0
                       ? document
                       : NULL;
        json_decref(value);
        return document ? EXIT_DONE : cli_fail(cli, EXIT_LOCAL, "out of memory");
    }
    value = value_of(text);
    if (!value || json_object_set_new(document, arena_dup(&cli->arena, name).ptr, value))
        return cli_fail(cli, EXIT_USAGE, "%s: its value is no text", word);
    return EXIT_DONE;
}

static enum exit_code add_secret(struct cli *cli, json_t *document, const char *name,
                                 const char *file)
{
    struct str line = STR_EMPTY;
    enum exit_code code = input_line(cli, file, &line);

    if (code)
        return code;
    if (json_object_set_new(document, name, json_stringn(line.ptr, line.len)))
        return cli_fail(cli, EXIT_LOCAL, "%s is no text", file);
    return EXIT_DONE;
}

/* --password-file FILE, --secret-file NAME=FILE. */
static enum exit_code add_secrets(struct cli *cli, json_t *document)
{
    const char *given[SECRETS_MAX], *password = args_value(&cli->args, "password-file");
    size_t n = args_values(&cli->args, "secret-file", given, SECRETS_MAX);
    enum exit_code code = password ? add_secret(cli, document, "password", password) : EXIT_DONE;

    for (size_t i = 0; code == EXIT_DONE && i < n; i++) {
        struct str name, file;

        if (!str_cut(str_from(given[i]), '=', &name, &file) || name.len == 0 || file.len == 0)
            return cli_fail(cli, EXIT_USAGE, "--secret-file is NAME=FILE");
        code = add_secret(cli, document, arena_dup(&cli->arena, name).ptr, file.ptr);
    }
    return code;
}

/* What --file holds, else an empty object. */
static enum exit_code begin_document(struct cli *cli, json_t **out)
{
    const char *file = args_value(&cli->args, "file");
    struct str text = STR("{}");
    const char *why = "it is no object";
    enum exit_code code = file ? input_read(cli, file, DOCUMENT_MAX, &text) : EXIT_DONE;

    if (code)
        return code;
    if (json_read(text, out, &why) || !json_is_object(*out))
        return cli_fail(cli, EXIT_LOCAL, "%s: %s", file, why);
    return EXIT_DONE;
}

int transport_set_run(struct cli *cli)
{
    json_t *document = NULL;
    char *text = NULL;
    enum exit_code code = begin_document(cli, &document);

    if (code == EXIT_DONE && cli->args.n > 1 &&
        json_object_set_new(document, "kind", json_string(cli->args.words[1])))
        code = cli_fail(cli, EXIT_USAGE, "the kind is no text");
    for (size_t i = 2; code == EXIT_DONE && i < cli->args.n; i++)
        code = add_member(cli, document, cli->args.words[i]);
    if (code == EXIT_DONE)
        code = add_secrets(cli, document);
    if (code == EXIT_DONE) {
        text = json_dumps(document, JSON_COMPACT);
        code = text ? call_show(cli, "PUT", path_of(cli, ""), str_from(text))
                    : cli_fail(cli, EXIT_LOCAL, "out of memory");
    }
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    json_decref(document);
    return (int)code;
}

int transport_list_run(struct cli *cli)
{
    json_t *items = NULL;
    enum exit_code code = call_list(cli, STR(PATH "?limit=1000"), SIZE_MAX, &items);

    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, ARRAY_LEN(columns));
    json_decref(items);
    return (int)code;
}

int transport_show_run(struct cli *cli)
{
    return (int)call_show(cli, "GET", path_of(cli, ""), STR_EMPTY);
}

int transport_status_run(struct cli *cli)
{
    return (int)call_show(cli, "GET", path_of(cli, ":status"), STR_EMPTY);
}

int transport_delete_run(struct cli *cli)
{
    return (int)call_once(cli, "DELETE", path_of(cli, ""), STR_EMPTY, NULL);
}
