/* Settings: one table (settings.def), four sources: flag > environment > file > default.
 * Source: design D17. */
#ifndef APP_SETTINGS_H
#define APP_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

enum setting_type {
    TYPE_TEXT = 1,
    TYPE_CHOICE,
    TYPE_LIST,
    TYPE_INT,
    TYPE_BOOL,
    TYPE_DURATION,
    TYPE_SIZE
};
enum setting_source { FROM_DEFAULT = 0, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG };

struct setting_row {
    struct str name; /* dotted */
    enum setting_type type;
    struct str fallback;
    int64_t min, max;   /* INT, DURATION (ms), SIZE: range; LIST: items at most (max) */
    struct str choices; /* CHOICE: separated by blanks */
    struct str help;
};

struct setting_value {
    enum setting_source source;
    struct str text;   /* TEXT, CHOICE; LIST: items separated by blanks, as written otherwise */
    struct str *items; /* LIST */
    size_t count;
    int64_t number; /* INT, BOOL (0, 1), DURATION (ms), SIZE (octets) */
};

struct settings {
    struct arena arena;
    struct setting_value *values; /* in the table's order */
};

/** All at their defaults. */
void settings_init(struct settings *s);
void settings_clear(struct settings *s);
/** The table, for help and documentation. */
const struct setting_row *settings_table(size_t *out_n);

/** Reads flags (--name value, --name=value, booleans also bare), in argv order. `argv` starts
 * behind the command's name. RC_INVALID with one sentence in `why`, naming the nearest flag. */
enum rc settings_read_flags(struct settings *s, int argc, char **argv, struct buf *why) NODISCARD;
/** Reads CALLGATE_SET_… of `environment` (as environ). Lower priority than flags already read. */
enum rc settings_read_environment(struct settings *s, char **environment,
                                  struct buf *why) NODISCARD;
/** Reads INI text; `file` is for messages. Lower priority than what came from elsewhere. */
enum rc settings_read_ini(struct settings *s, struct str text, struct str file,
                          struct buf *why) NODISCARD;
/** Reads everything in order: flags, environment, the file (config, or callgate.ini in the data
 * directory), and fills the default data directory in. */
enum rc settings_load(struct settings *s, int argc, char **argv, struct buf *why) NODISCARD;

/** The value of a setting that exists: an unknown name is our bug and aborts. */
const struct setting_value *setting(const struct settings *s, const char *name);
/** Shorthands. Texts are borrowed from the settings and NUL-terminated. */
struct str setting_text(const struct settings *s, const char *name);
int64_t setting_number(const struct settings *s, const char *name);
bool setting_is(const struct settings *s, const char *name, const char *choice);

/** [{"name","value","from"}] */
void settings_write_json(const struct settings *s, struct json_writer *w);
/** The reference page (Markdown). */
void settings_write_markdown(struct buf *out);
/** "  --auth-clock-skew DURATION  how far …" for each row. */
void settings_write_help(struct buf *out);
/** "flag", "environment", "file", "default". */
const char *setting_source_name(enum setting_source source);

#endif
