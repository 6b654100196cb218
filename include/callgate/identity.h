/* The Identity service: users and their access tokens. C99. */
#ifndef CALLGATE_IDENTITY_H
#define CALLGATE_IDENTITY_H

#include "callgate/client.h"

CG_BEGIN

/** What a token may do and how long. All zeros: scopes chat and voip, the server's lifetime. */
struct cg_token_options {
    const char *const *scopes; /* "chat", "voip", "chat.join", "chat.join.limited", "voip.join" */
    size_t scope_count;
    int valid_minutes; /* 60..1440; 0: the server's default, 1440 */
};

/** A user access token. Zeros are fine for cg_token_clear(). */
struct cg_token {
    char *text;       /* NUL-terminated JWT */
    char *expires_on; /* RFC 3339 as the server wrote it */
    int64_t expires_unix_ms;
};

/** A user. Zeros are fine for cg_user_clear(). */
struct cg_user {
    char *id; /* NUL-terminated, "8:acs:…" */
};

/**
 * Creates a user in the client's resource.
 *
 * @param client borrowed; one thread at a time.
 * @param out    written on success only; owned by the caller: cg_user_clear().
 * @param err    NULL, or filled on failure: HTTP status, service code, request id.
 * @return CG_OK; CG_DENIED; CG_BUSY; CG_NETWORK; CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/authentication §2.1
 */
CG_API enum cg_status cg_identity_create_user(struct cg_client *client, struct cg_user *out,
                                              struct cg_error *err) CG_NODISCARD;

/**
 * Creates a user and issues a first token, in one request.
 *
 * @param client    borrowed; one thread at a time.
 * @param options   NULL or all zeros for the defaults; borrowed for the call.
 * @param out_user  written on success only; owned by the caller: cg_user_clear().
 * @param out_token written on success only; owned by the caller: cg_token_clear().
 * @param err       NULL, or filled on failure.
 * @return CG_OK; CG_DENIED; CG_REFUSED (scope or lifetime); CG_NETWORK; CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/authentication §2.1, §2.2
 */
CG_API enum cg_status cg_identity_create_user_and_token(struct cg_client *client,
                                                        const struct cg_token_options *options,
                                                        struct cg_user *out_user,
                                                        struct cg_token *out_token,
                                                        struct cg_error *err) CG_NODISCARD;

/**
 * Issues an access token for one user.
 *
 * @param client  borrowed; one thread at a time.
 * @param user_id NUL-terminated communication user id; borrowed for the call.
 * @param options NULL or all zeros for the defaults; borrowed for the call.
 * @param out     written on success only; owned by the caller: cg_token_clear().
 * @param err     NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id); CG_DENIED; CG_NOT_FOUND; CG_REFUSED; CG_NETWORK;
 *         CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/authentication §2.1
 */
CG_API enum cg_status cg_identity_issue_token(struct cg_client *client, const char *user_id,
                                              const struct cg_token_options *options,
                                              struct cg_token *out,
                                              struct cg_error *err) CG_NODISCARD;

/**
 * Revokes every token that the user was issued before this call.
 *
 * @param client  borrowed; one thread at a time.
 * @param user_id NUL-terminated communication user id; borrowed for the call.
 * @param err     NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id); CG_DENIED; CG_NOT_FOUND; CG_NETWORK; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/authentication §2.1, §4
 */
CG_API enum cg_status cg_identity_revoke_tokens(struct cg_client *client, const char *user_id,
                                                struct cg_error *err) CG_NODISCARD;

/**
 * Deletes a user; its tokens die with it.
 *
 * @param client  borrowed; one thread at a time.
 * @param user_id NUL-terminated communication user id; borrowed for the call.
 * @param err     NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id); CG_DENIED; CG_NOT_FOUND; CG_NETWORK; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/authentication §2.1, §4
 */
CG_API enum cg_status cg_identity_delete_user(struct cg_client *client, const char *user_id,
                                              struct cg_error *err) CG_NODISCARD;

/**
 * Frees what a token holds, wiping its text, and zeroes it.
 *
 * @param token NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_token_clear(struct cg_token *token);

/**
 * Frees what a user holds and zeroes it.
 *
 * @param user NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_user_clear(struct cg_user *user);

CG_END

#endif
