/* Event subscriptions over HTTP: what their handlers share. Private to this folder.
 * Source: wire/events §1. */
#ifndef SERVICES_EVENTS_SUBSCRIPTION_HANDLERS_H
#define SERVICES_EVENTS_SUBSCRIPTION_HANDLERS_H

#include "events/events.h"
#include "events/subscriptions.h"
#include "services/answer.h"
#include "services/list.h"
#include "services/site.h"

#define SUBSCRIPTIONS_MAX ((size_t)100) /* of a resource */
/** What a secret value is shown as, and, in a request, means: leave it as it is. */
#define HIDDEN STR("Hidden")

void subscription_put(struct request *req);
void subscription_get(struct request *req);
void subscription_delete(struct request *req);
void subscription_list(struct request *req);
void subscription_deliveries(struct request *req);
void subscription_dead_letters(struct request *req);
void subscription_replay(struct request *req);
void subscription_validate(struct request *req);

/** The body as a subscription: everything but ids, state and version. `former`: the one that it
 * replaces, or NULL; hidden values come from it. Texts in the request's arena, or `former`'s. */
bool subscription_body(struct request *req, const struct subscription *former,
                       struct subscription *out, struct refusal *why) NODISCARD;
void subscription_write_json(struct request *req, const struct subscription *s,
                             struct json_writer *w);
/** A copy of the one that the path names, with texts in the request's arena; false: 404 was
 * answered. */
bool subscription_named(struct request *req, struct subscription *out) NODISCARD;

#endif
