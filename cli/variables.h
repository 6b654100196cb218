/* Environment variables by which clients find the server and trust it; written for shells. */
#ifndef CLI_VARIABLES_H
#define CLI_VARIABLES_H

#include "cli/server_find.h"

#define VARIABLES_MAX 24

/** A name (static) and its value (in the arena). */
struct variable {
    const char *name;
    struct str value;
};
struct variables {
    struct variable items[VARIABLES_MAX];
    size_t n;
};

/** Adds one; an empty value is left out. */
void variables_add(struct variables *v, const char *name, struct str value);
/** Endpoints, authorities to trust, and, unless `key` is empty, what opens everything: connection
 * strings, where the administrator's token is, and the data directory, so that the next commands
 * reach the same server. */
void variables_of_server(struct cli *cli, const struct server_info *info, struct str key,
                         struct variables *v);
/** Prints them as lines for a shell (sh, fish, powershell, dotenv, json; NULL: sh). --json is
 * json. */
enum exit_code variables_print(struct cli *cli, const char *shell, const struct variables *v);

#endif
