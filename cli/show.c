/* Prints JSON for people or for programs. */
#include "cli/show.h"

#include "cli/table.h"

#define COLUMNS_MAX 8
#define OUTPUT_MAX  (256 * MIB)
#define DEPTH_MAX   8
#define MEMBER_MAX  ((size_t)64) /* octets of a name in a path */

static enum exit_code print(struct cli *cli, struct buf *b)
{
    enum exit_code code = EXIT_DONE;

    if (b->failed || (b->len > 0 && fwrite(b->ptr, 1, b->len, cli->out) != b->len))
        code = cli_fail(cli, EXIT_LOCAL, "the output could not be written");
    buf_wipe(b);
    return code;
}

/* ["a","b"] as "a, b"; empty when an item is no text. */
static struct str joined(struct cli *cli, const json_t *list)
{
    struct str text = STR_EMPTY;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        if (!json_is_string(item))
            return STR_EMPTY;
        text = arena_printf(&cli->arena, STR_FMT "%s%s", STR_ARG(text), i > 0 ? ", " : "",
                            json_string_value(item));
    }
    return text;
}

static struct str value_text(struct cli *cli, const json_t *v)
{
    char *text = NULL;
    struct str copy;

    if (!v || json_is_null(v))
        return STR_EMPTY;
    if (json_is_string(v))
        return str_of(json_string_value(v), json_string_length(v));
    if (json_is_integer(v))
        return arena_printf(&cli->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    if (json_is_boolean(v))
        return json_is_true(v) ? STR("yes") : STR("no");
    if (json_is_array(v) && (json_array_size(v) == 0 || joined(cli, v).len > 0))
        return joined(cli, v);
    text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
    copy = arena_dup(&cli->arena, str_from(text));
    free(text);
    return copy;
}

/* NULL: there is no such member. */
static const json_t *member_of(const json_t *obj, struct str name)
{
    char text[MEMBER_MAX + 1];

    if (name.len > MEMBER_MAX)
        return NULL;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    return json_object_get(obj, text);
}

struct str show_text(struct cli *cli, const json_t *obj, const char *path)
{
    struct str rest = str_from(path), name = STR_EMPTY;

    while (obj && rest.len > 0) {
        (void)str_cut(rest, '.', &name, &rest); /* the last name has no dot */
        obj = member_of(obj, name);
    }
    return value_text(cli, obj);
}

enum exit_code show_json(struct cli *cli, const json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    struct buf b;

    buf_init(&b, OUTPUT_MAX);
    buf_add(&b, str_from(text));
    buf_add_char(&b, '\n');
    free(text);
    return print(cli, &b);
}

enum exit_code show_list(struct cli *cli, const json_t *items, const struct column *columns,
                         size_t n)
{
    const char *titles[COLUMNS_MAX];
    struct str cells[COLUMNS_MAX];
    struct table t;
    struct buf b;

    if (cli->json)
        return show_json(cli, items);
    n = n < COLUMNS_MAX ? n : COLUMNS_MAX;
    for (size_t c = 0; c < n; c++)
        titles[c] = columns[c].title;
    table_init(&t, &cli->arena, titles, n);
    for (size_t i = 0; i < json_array_size(items); i++) {
        for (size_t c = 0; c < n; c++)
            cells[c] = show_text(cli, json_array_get(items, i), columns[c].path);
        table_row(&t, cells);
    }
    buf_init(&b, OUTPUT_MAX);
    table_write(&t, &b);
    return print(cli, &b);
}

static void add_pairs(struct cli *cli, struct table *t, struct str prefix, const json_t *obj,
                      unsigned depth)
{
    const char *name = NULL;
    json_t *value = NULL;

    /* jansson's iteration wants a non-const object but changes nothing */
    json_object_foreach((json_t *)(uintptr_t)obj, name, value)
    {
        struct str full = arena_printf(&cli->arena, STR_FMT "%s%s", STR_ARG(prefix),
                                       prefix.len > 0 ? "." : "", name);

        if (json_is_object(value) && depth < DEPTH_MAX)
            add_pairs(cli, t, full, value, depth + 1);
        else
            table_row(t, (const struct str[]){full, value_text(cli, value)});
    }
}

enum exit_code show_object(struct cli *cli, const json_t *obj)
{
    struct table t;
    struct buf b;

    if (cli->json)
        return show_json(cli, obj);
    table_init(&t, &cli->arena, NULL, 2);
    add_pairs(cli, &t, STR_EMPTY, obj, 0);
    buf_init(&b, OUTPUT_MAX);
    table_write(&t, &b);
    return print(cli, &b);
}
