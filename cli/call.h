/* Administration calls of commands: JSON in and out, errors told to people. */
#ifndef CLI_CALL_H
#define CLI_CALL_H

#include "base/json.h"
#include "callgate/client.h"
#include "cli/cli.h"

/** Tells what a call failed with; the exit code for it. */
enum exit_code call_failed(struct cli *cli, enum cg_status status, const struct cg_error *err);
/** One call; *out is the answer's JSON, owned (NULL when it has none). `out` may be NULL. */
enum exit_code call_json(struct cli *cli, struct cg_client *client, const char *method,
                         struct str path, struct str body, json_t **out) NODISCARD;
/** Opens the command's client, makes one call, closes it. */
enum exit_code call_once(struct cli *cli, const char *method, struct str path, struct str body,
                         json_t **out) NODISCARD;
/** The same, and shows the answer as pairs (or JSON); nothing when there is none. */
enum exit_code call_show(struct cli *cli, const char *method, struct str path,
                         struct str body) NODISCARD;
/** All items of a list, following nextLink, at most `max`: *out is an array, owned. */
enum exit_code call_list(struct cli *cli, struct str path, size_t max, json_t **out) NODISCARD;
/** The same by a client that is open already. */
enum exit_code call_list_by(struct cli *cli, struct cg_client *client, struct str path, size_t max,
                            json_t **out) NODISCARD;

/** A text member of a body; one whose value is NULL is left out. */
struct call_member {
    const char *name, *value;
};
/** A JSON object of text members, in the arena. */
struct str call_body(struct cli *cli, const struct call_member *members, size_t n) NODISCARD;

/** A path under construction: segments are encoded, parameters appended with '?' or '&'. */
struct path {
    struct buf buf;
    bool has_query;
};
/** Starts with literal text; adds resource=NAME when --resource was given. */
void path_init(struct path *p, struct cli *cli, const char *literal);
/** The same with one encoded segment and literal text after it: "/admin/users/" ID ":export". */
void path_init_segment(struct path *p, struct cli *cli, const char *before, const char *segment,
                       const char *after);
/** Appends name=value, encoded; nothing when `value` is NULL. */
void path_query(struct path *p, const char *name, const char *value);
/** The text, moved to the arena. */
struct str path_done(struct path *p, struct cli *cli);

#endif
