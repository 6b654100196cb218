/* The one option parser. It knows tables, not commands. */
#include "cli/options.h"

#define HELP_COLUMN 32
#define NAMES_MAX   64

static const struct option *find_name(const struct option *const *tables, struct str name)
{
    for (; *tables; tables++)
        for (const struct option *o = *tables; o->name; o++)
            if (name_eq(str_from(o->name), name))
                return o;
    return NULL;
}

static const struct option *find_letter(const struct option *const *tables, char letter)
{
    for (; *tables; tables++)
        for (const struct option *o = *tables; o->name; o++)
            if (o->letter && o->letter == letter)
                return o;
    return NULL;
}

static enum rc refuse_unknown(const struct option *const *tables, struct str name, struct buf *why)
{
    struct str names[NAMES_MAX], near;
    size_t n = 0;

    for (; *tables; tables++)
        for (const struct option *o = *tables; o->name && n < NAMES_MAX; o++)
            names[n++] = str_from(o->name);
    near = str_nearest(name, names, n);
    buf_addf(why, "unknown option --" STR_FMT, STR_ARG(name));
    if (near.len > 0)
        buf_addf(why, "; did you mean --" STR_FMT "?", STR_ARG(near));
    return RC_INVALID;
}

static enum rc keep(struct args *out, const struct option *o, const char *value, struct buf *why)
{
    if (out->given_n == ARGS_MAX) {
        buf_add(why, STR("too many options"));
        return RC_INVALID;
    }
    out->given[out->given_n++] = (struct option_given){o, value};
    return RC_OK;
}

/* Reads the option at argv[*i], and its value; leaves *i at the last argument used. */
/* NOLINTNEXTLINE(readability-function-size): the state of one walk over argv */
static enum rc read_option(const struct option *const *tables, int argc, char **argv, int *i,
                           struct args *out, struct buf *why)
{
    struct str text = str_from(argv[*i]), name = STR_EMPTY, rest = STR_EMPTY;
    const struct option *o = NULL;
    bool joined = false;

    if (str_starts(text, STR("--"))) {
        joined = str_cut(str_from_index(text, 2), '=', &name, &rest);
        o = find_name(tables, name);
    } else {
        name = str_from_index(text, 1);
        o = name.len == 1 ? find_letter(tables, name.ptr[0]) : NULL;
    }
    if (!o)
        return refuse_unknown(tables, name, why);
    if (!o->value && joined) {
        buf_addf(why, "--%s takes no value", o->name);
        return RC_INVALID;
    }
    if (!o->value)
        return keep(out, o, "", why);
    if (joined)
        return keep(out, o, argv[*i] + (text.len - rest.len), why);
    if (*i + 1 >= argc) {
        buf_addf(why, "--%s needs a value: --%s %s", o->name, o->name, o->value);
        return RC_INVALID;
    }
    return keep(out, o, argv[++*i], why);
}

/* "-" and "-10m" are words. */
static bool looks_like_option(const char *text)
{
    return text[0] == '-' && text[1] != '\0' && (text[1] < '0' || text[1] > '9');
}

enum rc options_parse(const struct option *const *tables, int argc, char **argv, struct args *out,
                      struct buf *why)
{
    bool words_only = false;
    enum rc rc = RC_OK;

    out->given_n = 0;
    out->n = 0;
    out->before = 0;
    for (int i = 0; rc == RC_OK && i < argc; i++) {
        bool option = !words_only && looks_like_option(argv[i]);

        if (option && name_eq(str_from(argv[i]), STR("--"))) {
            words_only = true;
            out->before = out->n;
        } else if (option) {
            rc = read_option(tables, argc, argv, &i, out, why);
        } else if (out->n == ARGS_MAX) {
            buf_add(why, STR("too many arguments"));
            rc = RC_INVALID;
        } else {
            out->words[out->n++] = argv[i];
        }
    }
    out->separated = words_only;
    if (!words_only)
        out->before = out->n;
    return rc;
}

const char *args_value(const struct args *args, const char *name)
{
    for (size_t i = args->given_n; i > 0; i--)
        if (name_eq(str_from(args->given[i - 1].option->name), str_from(name)))
            return args->given[i - 1].value;
    return NULL;
}

bool args_has(const struct args *args, const char *name)
{
    return args_value(args, name) != NULL;
}

size_t args_values(const struct args *args, const char *name, const char **out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < args->given_n && n < max; i++)
        if (name_eq(str_from(args->given[i].option->name), str_from(name)))
            out[n++] = args->given[i].value;
    return n;
}

void options_help(const struct option *table, struct buf *out)
{
    for (const struct option *o = table; o && o->name; o++) {
        size_t start = out->len;

        buf_addf(out, "  --%s", o->name);
        if (o->value)
            buf_addf(out, " %s", o->value);
        if (o->letter)
            buf_addf(out, ", -%c", o->letter);
        do
            buf_add_char(out, ' ');
        while (!out->failed && out->len - start < HELP_COLUMN);
        buf_addf(out, "%s\n", o->help);
    }
}
