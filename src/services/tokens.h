/* User access tokens on request: which scopes, for how long, and the members of the answer. */
#ifndef SERVICES_TOKENS_H
#define SERVICES_TOKENS_H

#include "base/json.h"
#include "services/answer.h"
#include "services/site.h"

#define TOKEN_MINUTES_MIN     60
#define TOKEN_MINUTES_MAX     1440
#define TOKEN_MINUTES_DEFAULT 1440
#define TOKEN_TEXT_MAX        ((size_t)2048) /* wire/authentication §3.1 */

/** What a version of the interface allows. */
struct token_rules {
    bool join_scopes; /* chat.join, chat.join.limited, voip.join */
    bool pstn;        /* an old name, treated as voip */
    bool minutes;     /* expiresInMinutes is read */
};

struct token_request {
    struct token_rules rules; /* set by the caller, before anything is read */
    unsigned scopes;
    unsigned order[SCOPE_COUNT]; /* as asked for, without repetitions */
    size_t n;
    int64_t minutes;
};

/** Reads the list `obj[member]` into `out`; absent and null leave out->n at 0. */
bool token_read_scopes(struct request *req, const json_t *obj, const char *member,
                       struct token_request *out, struct refusal *why) NODISCARD;
/** Reads expiresInMinutes, if the version has it. */
bool token_read_minutes(struct request *req, const json_t *obj, struct token_request *out,
                        struct refusal *why) NODISCARD;
/** Both from the body of an issue call, where scopes are required. `obj` may be NULL. */
bool token_read(struct request *req, const json_t *obj, struct token_request *out,
                struct refusal *why) NODISCARD;
/** Mints for the user and writes "token" and "expiresOn" into the open object. RC_BUSY: there is
 * no signing key. */
enum rc token_write(struct request *req, const struct user_row *user,
                    const struct token_request *asked, struct json_writer *w) NODISCARD;
/** Notes that the user got a token: written at most about once a second, nobody waits for it. */
void token_note_issued(struct request *req, const struct user_row *user);

#endif
