/* What the commands of chat share. */
#ifndef CLI_CHAT_H
#define CLI_CHAT_H

#include "callgate/chat.h"
#include "cli/call.h"
#include "cli/seat.h"

#define CHAT_VERSION  "2025-03-15"
#define CHAT_TEXT_MAX (64 * KIB)

/** Starts the path of a user's operation, or of the owner's view of it; `thread` NULL: all. */
void chat_path(struct path *path, struct cli *cli, const char *thread, const char *rest);
/** Appends how many a page may have when `max` are wanted in all. */
void chat_page_size(struct path *path, struct cli *cli, uint64_t max);
/** --limit; SIZE_MAX without it. */
enum exit_code chat_limit(struct cli *cli, uint64_t *out) NODISCARD;
/** All items of a list, at most `max`: as the user, or as the owner. *out is an array, owned. */
enum exit_code chat_list(struct cli *cli, struct str path, size_t max, json_t **out) NODISCARD;
/** Ends a command: tells what failed, closes the seat. */
enum exit_code chat_told(struct cli *cli, struct seat *seat, enum cg_status status,
                         const struct cg_error *err) NODISCARD;

#endif
