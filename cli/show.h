/* JSON from the server, shown: as a table, as name and value pairs, or (--json) as it is. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "base/json.h"
#include "cli/cli.h"

/** A column: its title and where its value lies, "primary.lastUsedOn". */
struct column {
    const char *title, *path;
};

/** The member at a dotted path as text: borrowed from `obj`, or in the arena when it is none. Empty
 * when absent or null. */
struct str show_text(struct cli *cli, const json_t *obj, const char *path);
/** An array of objects as a table by `columns` (at most 8). */
enum exit_code show_list(struct cli *cli, const json_t *items, const struct column *columns,
                         size_t n);
/** An object as pairs; members of objects inside get dotted names. */
enum exit_code show_object(struct cli *cli, const json_t *obj);
/** JSON, indented. */
enum exit_code show_json(struct cli *cli, const json_t *value);

#endif
