/* Who speaks in chat commands: a user, by a token that he has or that is issued for him. */
#ifndef CLI_SEAT_H
#define CLI_SEAT_H

#include "callgate/client.h"
#include "cli/cli.h"

/** Texts in the arena. */
struct seat {
    struct cg_client *client; /* by the user's token */
    struct str endpoint, token, ca_file;
};

/** True when a user was named: by --as, --token, or $CALLGATE_USER_TOKEN. Else commands that can
 * do without one speak as the owner of the resource. */
bool seat_is_taken(const struct cli *cli) NODISCARD;
/** --as: issues a token of scope chat, as the resource or the administrator. */
enum exit_code seat_open(struct cli *cli, struct seat *out) NODISCARD;
/** Zeros are fine. */
void seat_close(struct seat *seat);

#endif
