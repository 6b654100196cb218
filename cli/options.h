/* Options of a command: a table of rows in, values by name out. One parser for every command. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/buf.h"

#define ARGS_MAX 128

/** One option. A table ends with {0}. */
struct option {
    const char *name;  /* "data": --data */
    char letter;       /* 'h': -h; 0: none */
    const char *value; /* "DIR"; NULL: a flag */
    const char *help;  /* one line */
};

struct option_given {
    const struct option *option;
    const char *value; /* "" for a flag */
};

/** What a command was given. Borrows argv and the tables. */
struct args {
    struct option_given given[ARGS_MAX];
    size_t given_n;
    const char *words[ARGS_MAX]; /* what is no option, in order */
    size_t n;
    size_t before;  /* words in front of "--" */
    bool separated; /* there was a "--" */
};

/** Reads argv[0..argc) (behind the command's words) by `tables`, ended by NULL. "--name value" and
 * "--name=value" are alike, options and words may be mixed, "--" ends the options, "-" and
 * what looks like a negative number are words.
 * RC_INVALID with one sentence in `why`, which names the nearest option for an unknown one. */
enum rc options_parse(const struct option *const *tables, int argc, char **argv, struct args *out,
                      struct buf *why) NODISCARD;
/** The last value given for `name`; NULL when not given. */
const char *args_value(const struct args *args, const char *name) NODISCARD;
bool args_has(const struct args *args, const char *name) NODISCARD;
/** All values of `name` in order, at most `max`; returns how many. */
size_t args_values(const struct args *args, const char *name, const char **out, size_t max);
/** Appends help lines of one table, two columns. */
void options_help(const struct option *table, struct buf *out);

#endif
