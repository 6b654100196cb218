/* What a token says of itself, for people who wonder why it was refused. Nothing of it was
 * verified, nothing of it is secret: the signature is left out. Source: design D22. */
#ifndef GATE_TOKEN_SAYS_H
#define GATE_TOKEN_SAYS_H

#include "base/arena.h"

/** "iss=… aud=… sub=… oid=… tid=… exp=… alg=… kid=…" of printable ASCII, each value cut to 120
 * characters; empty when the token can't be read. In the arena. */
struct str token_says(struct str token, struct arena *arena);

#endif
