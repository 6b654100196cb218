/* What the routes that administer text messages share. Source: wire/sms §8. */
#ifndef SERVICES_SMS_ADMIN_H
#define SERVICES_SMS_ADMIN_H

#include "services/body.h"
#include "services/list.h"
#include "services/own_routes.h"
#include "services/sms/sms_private.h"

/** Room for one answer that is no list. */
#define SMS_ADMIN_TEXT_MAX (256 * KIB)

/** The inbox, and what was sent: sms_admin_messages.c. */
void sms_admin_messages_list(struct request *req);
void sms_admin_message_get(struct request *req);
/** The first message to a number that came after the call, or after since=. */
void sms_admin_messages_wait(struct request *req);
/** All that have ended, and those that came in. */
void sms_admin_messages_clear(struct request *req);

/** What a carrier would do: sms_admin_acts.c. */
void sms_admin_inbound(struct request *req);
void sms_admin_report(struct request *req);

/** Who may send: sms_admin_senders.c. */
void sms_admin_senders_list(struct request *req);
void sms_admin_sender_put(struct request *req);
void sms_admin_sender_get(struct request *req);
void sms_admin_sender_delete(struct request *req);

/** Who wants no messages: sms_admin_optouts.c. */
void sms_admin_optouts_list(struct request *req);
void sms_admin_optout_put(struct request *req);
void sms_admin_optout_get(struct request *req);
void sms_admin_optout_delete(struct request *req);

/** Ways out, the server's: sms_admin_transports.c. */
void sms_admin_transports_list(struct request *req);
void sms_admin_transport_put(struct request *req);
void sms_admin_transport_get(struct request *req);
void sms_admin_transport_delete(struct request *req);
void sms_admin_transport_status(struct request *req);

/* ---- helpers: sms_admin.c ---- */

/** A number in the query: '+' may stand as it is, which a query reads as a blank. Empty: absent. */
struct str sms_admin_number(struct request *req, const char *name);
/** Logs at info who changed what. */
void sms_admin_log(struct request *req, const char *event, const char *what, struct str id);
/** Holds the request and commits one change, whose texts are in the request's arena. */
void sms_admin_commit(struct request *req, const struct change *change, change_done_fn done,
                      void *ctx);
/** False and a refusal with target `target`, for readers of bodies. */
bool sms_admin_refuse(struct refusal *why, struct str message, const char *target);
/** Answers 404 and says what there is none of. */
void sms_admin_not_found(struct request *req, struct str message);
/** Answers 409. */
void sms_admin_conflict(struct request *req, struct str message);

/** What a body says of row->sender: fills row->document. sms_admin_senders.c. */
bool sms_admin_sender_read(struct request *req, json_t *obj, struct sms_sender_row *row,
                           struct refusal *why) NODISCARD;
/** Puts a row that was read on top of what is there; `out` is what holds then. */
bool sms_admin_sender_place(struct request *req, struct sms_sender_row *row, struct sms_sender *out,
                            struct refusal *why) NODISCARD;
/** Are sender and recipient well-formed? sms_admin_optouts.c. */
bool sms_admin_optout_check(struct request *req, const struct sms_optout_row *row,
                            struct refusal *why) NODISCARD;

/** Rows of the world, which are few enough to be ordered and cut into pages here. */
struct sms_admin_row {
    unix_ms created;
    struct str key; /* unique: what pages and since= name it by */
    const void *row;
};
/** Fills `rows`, which has room for all that the world has; how many they are. */
typedef size_t (*sms_admin_rows_fn)(const struct list_request *list, const struct sms_world *world,
                                    struct sms_admin_row *rows);
/** Answers a list of such rows, newest first. */
void sms_admin_list_world(struct request *req, sms_admin_rows_fn rows_of,
                          void (*write_row)(const void *row, struct json_writer *w));

#endif
