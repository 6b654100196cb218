/* The settings table and its readers. The table stands in settings.def; nothing else in the
 * program names a default. Source: design D17. */
#include "app/settings.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <unistd.h>

#define TEXT     TYPE_TEXT
#define CHOICE   TYPE_CHOICE
#define LIST     TYPE_LIST
#define INT      TYPE_INT
#define BOOL     TYPE_BOOL
#define DURATION TYPE_DURATION
#define SIZE     TYPE_SIZE
static const struct setting_row rows[] = {
#define X(name, type, fallback, min, max, choices, help)                                           \
    {STR_INIT(name), type, STR_INIT(fallback), min, max, STR_INIT(choices), STR_INIT(help)},
#include "app/settings.def"
#undef X
};
#define ROWS ARRAY_LEN(rows)

#define ENVIRONMENT_PREFIX "CALLGATE_SET_"
#define INI_LINE_MAX       ((size_t)198) /* of inih, less the line's end */
#define HELP_COLUMN        38

const struct setting_row *settings_table(size_t *out_n)
{
    *out_n = ROWS;
    return rows;
}

const char *setting_source_name(enum setting_source source)
{
    static const char *const names[] = {"default", "file", "environment", "flag"};
    return names[source];
}

static bool choice_allows(struct str choices, struct str value)
{
    struct str word;

    while (choices.len > 0) {
        (void)str_cut(choices, ' ', &word, &choices);
        if (str_eq(word, value))
            return true;
    }
    return false;
}

static enum rc parse_number(struct str text, const struct setting_row *row, int64_t *out)
{
    struct str digits = text;
    uint64_t value;
    bool negative = text.len > 0 && text.ptr[0] == '-';

    if (negative)
        digits = str_from_index(text, 1);
    if (str_to_u64(digits, INT64_MAX, &value))
        return RC_INVALID;
    *out = negative ? -(int64_t)value : (int64_t)value;
    return *out < row->min || *out > row->max ? RC_INVALID : RC_OK;
}

static enum rc parse_bool(struct str text, int64_t *out)
{
    static const struct str yes[] = {STR_INIT("true"), STR_INIT("yes"), STR_INIT("on"),
                                     STR_INIT("1")};
    static const struct str no[] = {STR_INIT("false"), STR_INIT("no"), STR_INIT("off"),
                                    STR_INIT("0")};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (name_eq_nocase(text, yes[i]) || name_eq_nocase(text, no[i])) {
            *out = name_eq_nocase(text, yes[i]);
            return RC_OK;
        }
    }
    return RC_INVALID;
}

/* As people write it: 90s, 1h, 30d. */
static void add_duration(struct buf *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;

    while (ms == 0 ? units[i].ms != 1000 : ms % units[i].ms != 0)
        i++;
    buf_addf(out, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
}

/* What a value of this row must look like, for messages. */
static void say_expected(const struct setting_row *row, struct buf *why)
{
    switch (row->type) {
    case TYPE_TEXT:
        buf_add(why, STR("a text"));
        break;
    case TYPE_CHOICE:
        buf_addf(why, "one of: " STR_FMT, STR_ARG(row->choices));
        break;
    case TYPE_LIST:
        buf_addf(why, "at most %lld items", (long long)row->max);
        break;
    case TYPE_BOOL:
        buf_add(why, STR("true or false"));
        break;
    case TYPE_DURATION:
        buf_add(why, STR("a duration such as 90s, 5m, 1h30m, from "));
        add_duration(why, row->min);
        buf_add(why, STR(" to "));
        add_duration(why, row->max);
        break;
    case TYPE_INT:
    case TYPE_SIZE:
        buf_addf(why, "a number from %lld to %lld", (long long)row->min, (long long)row->max);
        break;
    }
}

static enum rc list_add(struct settings *s, struct setting_value *v, const struct setting_row *row,
                        struct str text)
{
    struct str item;

    for (; text.len > 0;) {
        size_t end = 0;
        while (end < text.len && text.ptr[end] != ' ' && text.ptr[end] != ',')
            end++;
        item = str_head(text, end);
        text = str_from_index(text, end + 1);
        if (item.len == 0)
            continue;
        if (v->count >= (size_t)row->max)
            return RC_INVALID;
        if (!v->items)
            v->items = arena_array(&s->arena, struct str, (size_t)row->max);
        v->items[v->count++] = arena_dup(&s->arena, item);
    }
    return RC_OK;
}

/* Sets one value unless a stronger source has. A list from one source adds up. */
static enum rc set_value(struct settings *s, size_t i, struct str text, enum setting_source source)
{
    const struct setting_row *row = &rows[i];
    struct setting_value *v = &s->values[i];
    struct setting_value next = {.source = source};
    enum rc rc = RC_OK;

    if (v->source > source)
        return RC_OK;
    if (row->type == TYPE_LIST && v->source == source)
        next = *v;
    next.text = arena_dup(&s->arena, text);
    switch (row->type) {
    case TYPE_TEXT:
        break;
    case TYPE_CHOICE:
        rc = choice_allows(row->choices, text) ? RC_OK : RC_INVALID;
        break;
    case TYPE_LIST:
        rc = list_add(s, &next, row, text);
        break;
    case TYPE_INT:
    case TYPE_SIZE:
        rc = parse_number(text, row, &next.number);
        break;
    case TYPE_BOOL:
        rc = parse_bool(text, &next.number);
        break;
    case TYPE_DURATION:
        rc = duration_parse(text, &next.number);
        if (!rc && (next.number < row->min || next.number > row->max))
            rc = RC_INVALID;
        break;
    }
    if (!rc)
        *v = next;
    return rc;
}

static enum rc refuse_value(size_t i, struct str text, struct buf *why)
{
    buf_addf(why, STR_FMT " can't be '" STR_FMT "'; it must be ", STR_ARG(rows[i].name),
             STR_ARG(str_head(text, 80)));
    say_expected(&rows[i], why);
    buf_add(why, STR("."));
    return RC_INVALID;
}

void settings_init(struct settings *s)
{
    *s = (struct settings){0};
    arena_init(&s->arena);
    s->values = arena_array(&s->arena, struct setting_value, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        if (set_value(s, i, rows[i].fallback, FROM_DEFAULT))
            abort(); /* a default of ours does not pass its own check */
    }
}

void settings_clear(struct settings *s)
{
    arena_clear(&s->arena);
    s->values = NULL;
}

/* The name in another spelling: `dot` for '.', `underscore` for '_', letters through `change`. */
static struct str respell(struct str name, char dot, char underscore, int upper, char *out)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '.')
            c = dot;
        else if (c == '_')
            c = underscore;
        else if (upper && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        out[i] = c;
    }
    return str_of(out, name.len);
}

#define NAME_MAX_LEN 64

/* How a source writes names. */
struct spelling {
    const char *what, *prefix;
    char dot, underscore;
    int upper;
};
static const struct spelling as_flag = {"flag", "--", '-', '-', 0},
                             as_environment = {"setting", ENVIRONMENT_PREFIX, '_', '_', 1},
                             as_dotted = {"setting", "", '.', '_', 0};

static size_t find_row(struct str text, const struct spelling *as)
{
    char spelled[NAME_MAX_LEN];

    for (size_t i = 0; i < ROWS; i++) {
        if (str_eq(respell(rows[i].name, as->dot, as->underscore, as->upper, spelled), text))
            return i;
    }
    return ROWS;
}

/* "unknown X 'y'; did you mean 'z'?" with names in the caller's spelling. */
/* NOLINTNEXTLINE(readability-function-size): a spelling is three of them */
static enum rc refuse_unknown(struct str text, const struct spelling *as, struct buf *why)
{
    char spelled[ROWS][NAME_MAX_LEN];
    struct str names[ROWS];
    struct str near;

    for (size_t i = 0; i < ROWS; i++)
        names[i] = respell(rows[i].name, as->dot, as->underscore, as->upper, spelled[i]);
    near = str_nearest(text, names, ROWS);
    buf_addf(why, "unknown %s '%s" STR_FMT "'", as->what, as->prefix, STR_ARG(str_head(text, 80)));
    if (near.len > 0)
        buf_addf(why, "; did you mean '%s" STR_FMT "'?", as->prefix, STR_ARG(near));
    else
        buf_add(why, STR("; 'callgate config' lists them all."));
    return RC_INVALID;
}

static enum rc read_flag(struct settings *s, int argc, char **argv, int *at, struct buf *why)
{
    struct str arg = str_from(argv[*at]), name, value;
    bool has_value;
    size_t i;

    if (!str_starts(arg, STR("--"))) {
        buf_addf(why,
                 "unexpected argument '" STR_FMT "'; flags start with --, and a switch is turned "
                 "off by =false.",
                 STR_ARG(str_head(arg, 80)));
        return RC_INVALID;
    }
    has_value = str_cut(str_from_index(arg, 2), '=', &name, &value);
    i = find_row(name, &as_flag);
    if (i == ROWS)
        return refuse_unknown(name, &as_flag, why);
    if (!has_value && rows[i].type == TYPE_BOOL) {
        value = STR("true");
    } else if (!has_value) {
        if (*at + 1 >= argc) {
            buf_addf(why, "--" STR_FMT " needs a value: ", STR_ARG(name));
            say_expected(&rows[i], why);
            buf_add(why, STR("."));
            return RC_INVALID;
        }
        value = str_from(argv[++*at]);
    }
    if (set_value(s, i, value, FROM_FLAG))
        return refuse_value(i, value, why);
    return RC_OK;
}

enum rc settings_read_flags(struct settings *s, int argc, char **argv, struct buf *why)
{
    for (int at = 0; at < argc; at++) {
        if (read_flag(s, argc, argv, &at, why))
            return RC_INVALID;
    }
    return RC_OK;
}

enum rc settings_read_environment(struct settings *s, char **environment, struct buf *why)
{
    for (char **e = environment; *e; e++) {
        struct str entry = str_from(*e), name, value;

        if (!str_starts(entry, STR(ENVIRONMENT_PREFIX)))
            continue;
        (void)str_cut(str_from_index(entry, sizeof ENVIRONMENT_PREFIX - 1), '=', &name, &value);
        size_t i = find_row(name, &as_environment);
        if (i == ROWS)
            return refuse_unknown(name, &as_environment, why);
        if (set_value(s, i, value, FROM_ENVIRONMENT))
            return refuse_value(i, value, why);
    }
    return RC_OK;
}

struct ini_reading {
    struct settings *s;
    struct str file;
    struct buf *why;
};

static int on_ini_line(void *user, const char *section, const char *name, const char *value)
{
    struct ini_reading *r = user;
    char dotted[2 * NAME_MAX_LEN + 2];
    int len = snprintf(dotted, sizeof dotted, "%s%s%s", section, *section ? "." : "", name);
    struct str full = str_of(dotted, len < 0 ? 0 : (size_t)len);
    size_t i;

    if (r->why->len > 0)
        return 0; /* one refusal is enough */
    if (full.len >= sizeof dotted)
        full.len = sizeof dotted - 1;
    i = find_row(full, &as_dotted);
    if (i == ROWS) {
        buf_addf(r->why, STR_FMT ": ", STR_ARG(r->file));
        (void)refuse_unknown(full, &as_dotted, r->why); /* the refusal is the 0 below */
        return 0;
    }
    if (set_value(r->s, i, str_from(value), FROM_FILE)) {
        buf_addf(r->why, STR_FMT ": ", STR_ARG(r->file));
        (void)refuse_value(i, str_from(value), r->why);
        return 0;
    }
    return 1;
}

/* The reader would take the rest of a longer line for a line of its own. */
static enum rc check_line_lengths(struct str text, struct str file, struct buf *why)
{
    struct str line;

    for (int n = 1; text.len > 0; n++) {
        (void)str_cut(text, '\n', &line, &text); /* the last line may have no end */
        if (line.len <= INI_LINE_MAX)
            continue;
        buf_addf(why,
                 STR_FMT ": line %d has %zu octets, which is more than %zu: break it up; a list "
                         "may be repeated.",
                 STR_ARG(file), n, line.len, INI_LINE_MAX);
        return RC_INVALID;
    }
    return RC_OK;
}

enum rc settings_read_ini(struct settings *s, struct str text, struct str file, struct buf *why)
{
    struct ini_reading r = {s, file, why};
    struct str copy = arena_dup(&s->arena, text);
    int line;

    if (str_find(text, 0) < text.len) {
        buf_addf(why, STR_FMT ": has a NUL octet, so it is not a text file.", STR_ARG(file));
        return RC_INVALID;
    }
    if (check_line_lengths(text, file, why))
        return RC_INVALID;
    line = ini_parse_string(copy.ptr, on_ini_line, &r);
    if (line == 0)
        return RC_OK;
    if (why->len == 0)
        buf_addf(why, STR_FMT ": line %d is not 'name = value'.", STR_ARG(file), line);
    else
        buf_addf(why, " (line %d)", line);
    return RC_INVALID;
}

/* A data directory that may not be entered is told of by the one who opens it, with the reason. */
static bool is_hidden(const char *path, int error)
{
    char parent[PATH_MAX];
    size_t len = (size_t)(strrchr(path, '/') - path);

    if (error != EACCES || len >= sizeof parent)
        return false;
    memcpy(parent, path, len);
    parent[len] = '\0';
    return access(parent, X_OK) != 0;
}

static enum rc read_file(struct settings *s, const char *path, bool must, struct buf *why)
{
    char text[64 * 1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0) {
        if (!must && (errno == ENOENT || errno == ENOTDIR || is_hidden(path, errno)))
            return RC_OK;
        buf_addf(why, "can't read the settings file %s: %s.", path, os_error_text(errno));
        return RC_INVALID;
    }
    n = read(fd, text, sizeof text);
    (void)close(fd); /* opened for reading */
    if (n < 0 || (size_t)n == sizeof text) {
        buf_addf(why, "the settings file %s is %s.", path, n < 0 ? "unreadable" : "over 64 KiB");
        return RC_INVALID;
    }
    return settings_read_ini(s, str_of(text, (size_t)n), str_from(path), why);
}

static void default_data_dir(struct settings *s)
{
    struct setting_value *data = &s->values[find_row(STR("data"), &as_dotted)];
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (data->text.len > 0)
        return;
    if (state && *state == '/')
        data->text = arena_printf(&s->arena, "%s/callgate", state);
    else
        data->text = arena_printf(&s->arena, "%s/.local/state/callgate", home ? home : "/root");
}

enum rc settings_load(struct settings *s, int argc, char **argv, struct buf *why)
{
    enum rc rc = settings_read_flags(s, argc, argv, why);
    struct str file;

    if (rc || (rc = settings_read_environment(s, environ, why)))
        return rc;
    default_data_dir(s);
    file = setting_text(s, "config");
    if (file.len > 0)
        return read_file(s, file.ptr, true, why);
    file = arena_printf(&s->arena, STR_FMT "/callgate.ini", STR_ARG(setting_text(s, "data")));
    return read_file(s, file.ptr, false, why);
}

const struct setting_value *setting(const struct settings *s, const char *name)
{
    size_t i = find_row(str_from(name), &as_dotted);

    if (i == ROWS)
        abort();
    return &s->values[i];
}

struct str setting_text(const struct settings *s, const char *name)
{
    return setting(s, name)->text;
}

int64_t setting_number(const struct settings *s, const char *name)
{
    return setting(s, name)->number;
}

bool setting_is(const struct settings *s, const char *name, const char *choice)
{
    return str_eq(setting(s, name)->text, str_from(choice));
}

void settings_write_json(const struct settings *s, struct json_writer *w)
{
    json_array_begin(w);
    for (size_t i = 0; i < ROWS; i++) {
        const struct setting_value *v = &s->values[i];

        json_object_begin(w);
        json_member_str(w, "name", rows[i].name);
        if (rows[i].type == TYPE_LIST) {
            json_name(w, "value");
            json_array_begin(w);
            for (size_t k = 0; k < v->count; k++)
                json_str(w, v->items[k]);
            json_array_end(w);
        } else {
            json_member_str(w, "value", v->text);
        }
        json_member_str(w, "from", str_from(setting_source_name(v->source)));
        json_object_end(w);
    }
    json_array_end(w);
}

static const char *type_word(const struct setting_row *row)
{
    switch (row->type) {
    case TYPE_TEXT:
    case TYPE_LIST:
        return "TEXT";
    case TYPE_CHOICE:
        return "CHOICE";
    case TYPE_INT:
        return "N";
    case TYPE_BOOL:
        return str_eq(row->fallback, STR("true")) ? "=false" : "";
    case TYPE_DURATION:
        return "DURATION";
    case TYPE_SIZE:
        return "OCTETS";
    }
    return "";
}

void settings_write_help(struct buf *out)
{
    char flag[NAME_MAX_LEN], left[2 * NAME_MAX_LEN];

    for (size_t i = 0; i < ROWS; i++) {
        struct str name = respell(rows[i].name, '-', '-', 0, flag);

        (void)snprintf(left, sizeof left, "--" STR_FMT "%s%s", STR_ARG(name),
                       rows[i].type == TYPE_BOOL ? "" : " ", type_word(&rows[i]));
        buf_addf(out, "  %-*s " STR_FMT, HELP_COLUMN, left, STR_ARG(rows[i].help));
        if (rows[i].type == TYPE_CHOICE)
            buf_addf(out, " (" STR_FMT ")", STR_ARG(rows[i].choices));
        if (rows[i].fallback.len > 0)
            buf_addf(out, " [" STR_FMT "]", STR_ARG(rows[i].fallback));
        buf_add_char(out, '\n');
    }
}

void settings_write_markdown(struct buf *out)
{
    char spelled[NAME_MAX_LEN];

    buf_add(out, STR("# Settings\n\nWritten by `callgate config --markdown`. A flag wins over the "
                     "environment, the environment over the file.\nLists may be repeated as flags, "
                     "or hold items separated by commas. A switch alone means true; "
                     "`--chat-removed-reads=false` turns one off.\n\n"
                     "| setting (file) | flag | environment | default | meaning |\n"
                     "|---|---|---|---|---|\n"));
    for (size_t i = 0; i < ROWS; i++) {
        const struct setting_row *row = &rows[i];

        buf_addf(out, "| `" STR_FMT "` ", STR_ARG(row->name));
        buf_addf(out, "| `--" STR_FMT "` ", STR_ARG(respell(row->name, '-', '-', 0, spelled)));
        buf_addf(out, "| `%s" STR_FMT "` ", ENVIRONMENT_PREFIX,
                 STR_ARG(respell(row->name, '_', '_', 1, spelled)));
        if (row->fallback.len > 0)
            buf_addf(out, "| `" STR_FMT "` ", STR_ARG(row->fallback));
        else
            buf_add(out, STR("| – "));
        buf_addf(out, "| " STR_FMT, STR_ARG(row->help));
        if (row->type == TYPE_CHOICE)
            buf_addf(out, " (" STR_FMT ")", STR_ARG(row->choices));
        buf_add(out, STR(" |\n"));
    }
}
