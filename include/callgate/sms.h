/* The SMS service: text messages, what became of them, and who wants none. C99. */
#ifndef CALLGATE_SMS_H
#define CALLGATE_SMS_H

#include "callgate/client.h"

CG_BEGIN

/** A message to one or many. Borrowed for the call. */
struct cg_sms_message {
    const char *from;      /* "+14255550123", a short code, or up to 11 letters and digits */
    const char *const *to; /* 1 to 100 numbers, "+14255550123" */
    size_t to_count;
    const char *text;     /* UTF-8; may be empty */
    int delivery_report;  /* not 0: what becomes of it is told, by event and report */
    const char *tag;      /* comes back in the report; NULL: none */
    int report_timeout_s; /* 60..43200: without news by then it has failed; 0: the server's */
};

/** What became of the request for one recipient. */
struct cg_sms_result {
    char *to;            /* as it was sent */
    char *message_id;    /* NULL: not accepted */
    int successful;      /* 1: accepted */
    int http_status;     /* 202, or this recipient's own: 400, 500, 503 */
    char *error_message; /* NULL: none */
    char *repeatability; /* "accepted", "rejected", or NULL */
};

/** One result for each recipient, in the same order. Zeros are fine for cg_sms_results_clear(). */
struct cg_sms_results {
    struct cg_sms_result *items;
    size_t count;
};

/** Numbers that want, or want again, messages of one sender. Borrowed for the call. */
struct cg_sms_recipients {
    const char *from;
    const char *const *to; /* 1 to 100 numbers */
    size_t to_count;
};

/** What an opt-out route says of one number. */
struct cg_sms_optout {
    char *to;
    int http_status;     /* 200, or this number's own: 400, 500 */
    int opted_out;       /* check: 1 or 0; -1: not told */
    char *error_message; /* NULL: none */
};

/** One for each number, in the same order. Zeros are fine for cg_sms_optouts_clear(). */
struct cg_sms_optouts {
    struct cg_sms_optout *items;
    size_t count;
};

/** One attempt at delivering. */
struct cg_sms_attempt {
    char *timestamp; /* RFC 3339 as the server wrote it */
    int segments_succeeded, segments_failed;
};

/** What became of a message. Texts that the server left out are NULL. Zeros are fine for
 * cg_sms_report_clear(). */
struct cg_sms_report {
    char *message_id, *from, *to;
    char *status;   /* "Delivered", "Failed"; previews know more */
    char *details;  /* "2000: No Error" */
    char *received; /* RFC 3339 as the server wrote it */
    char *tag;
    char *partner_message_id;
    struct cg_sms_attempt *attempts; /* newest first */
    size_t attempt_count;
};

/**
 * Sends a message to one or many.
 *
 * Each recipient gets an id by which the service recognises a second try, so that a call whose
 * answer was lost is repeated by the library, and still sends once. A recipient that is refused is
 * no failure of the call: look at each result.
 *
 * @param client  borrowed; one thread at a time.
 * @param message borrowed for the call.
 * @param out     written on success only; owned by the caller: cg_sms_results_clear().
 * @param err     NULL, or filled on failure: HTTP status, service code (or the member that is
 *                wrong), request id.
 * @return CG_OK; CG_INVALID (no sender, recipient or text); CG_DENIED (credential, or a sender that
 *         is not the resource's); CG_REFUSED; CG_BUSY; CG_NETWORK; CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/sms §2.2, §2.3, §2.4
 */
CG_API enum cg_status cg_sms_send(struct cg_client *client, const struct cg_sms_message *message,
                                  struct cg_sms_results *out, struct cg_error *err) CG_NODISCARD;

/**
 * Notes that these numbers want no messages of this sender. Numbers that are noted already stay.
 *
 * @param client     borrowed; one thread at a time.
 * @param recipients borrowed for the call.
 * @param out        written on success only; owned by the caller: cg_sms_optouts_clear().
 * @param err        NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no sender or number); CG_DENIED; CG_REFUSED; CG_BUSY; CG_NETWORK;
 *         CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/sms §2.7
 */
CG_API enum cg_status cg_sms_optouts_add(struct cg_client *client,
                                         const struct cg_sms_recipients *recipients,
                                         struct cg_sms_optouts *out,
                                         struct cg_error *err) CG_NODISCARD;

/**
 * Takes numbers off that list again. Numbers that are not on it are fine.
 *
 * @param client     borrowed; one thread at a time.
 * @param recipients borrowed for the call.
 * @param out        written on success only; owned by the caller: cg_sms_optouts_clear().
 * @param err        NULL, or filled on failure.
 * @return as cg_sms_optouts_add().
 * Thread rule: as the client.
 * @source wire/sms §2.7
 */
CG_API enum cg_status cg_sms_optouts_remove(struct cg_client *client,
                                            const struct cg_sms_recipients *recipients,
                                            struct cg_sms_optouts *out,
                                            struct cg_error *err) CG_NODISCARD;

/**
 * Asks which of these numbers are on that list.
 *
 * @param client     borrowed; one thread at a time.
 * @param recipients borrowed for the call.
 * @param out        written on success only; `opted_out` says it; owned by the caller:
 *                   cg_sms_optouts_clear().
 * @param err        NULL, or filled on failure.
 * @return as cg_sms_optouts_add().
 * Thread rule: as the client.
 * @source wire/sms §2.7
 */
CG_API enum cg_status cg_sms_optouts_check(struct cg_client *client,
                                           const struct cg_sms_recipients *recipients,
                                           struct cg_sms_optouts *out,
                                           struct cg_error *err) CG_NODISCARD;

/**
 * Reads what became of a message that was sent with `delivery_report`.
 *
 * @param client     borrowed; one thread at a time.
 * @param message_id NUL-terminated, of a cg_sms_result; borrowed for the call.
 * @param out        written on success only; owned by the caller: cg_sms_report_clear().
 * @param err        NULL, or filled on failure.
 * @return CG_OK; CG_INVALID (no id); CG_NOT_FOUND (unknown, sent without `delivery_report`, or not
 *         decided yet); CG_DENIED; CG_BUSY; CG_NETWORK; CG_PROTOCOL; CG_NOMEM.
 * Thread rule: as the client.
 * @source wire/sms §2.7
 */
CG_API enum cg_status cg_sms_get_delivery_report(struct cg_client *client, const char *message_id,
                                                 struct cg_sms_report *out,
                                                 struct cg_error *err) CG_NODISCARD;

/**
 * Frees what results hold and zeroes them.
 *
 * @param results NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_sms_results_clear(struct cg_sms_results *results);

/**
 * Frees what a list of opt-outs holds and zeroes it.
 *
 * @param optouts NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_sms_optouts_clear(struct cg_sms_optouts *optouts);

/**
 * Frees what a report holds and zeroes it.
 *
 * @param report NULL and zeros are fine.
 * Thread rule: any thread.
 * @source own
 */
CG_API void cg_sms_report_clear(struct cg_sms_report *report);

CG_END

#endif
