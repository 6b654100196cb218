/* The Chat service: one function per operation, all through service_run(). Works against Azure,
 * too: the api-version is its newest. Answers are taken apart in chat_read.c. Source: wire/chat §2.
 */
#include "callgate/chat.h"

#include "base/uuid.h"
#include "client/chat_read.h"
#include "client/failure.h"
#include "client/service.h"

#define API_VERSION "api-version=2025-03-15"
#define THREADS     "/chat/threads"
#define MERGE       "application/merge-patch+json"
#define TARGET_MAX  (8 * KIB)
#define BODY_MAX    (1 * MIB) /* 200 participants with metadata */

/* One call: made by start(), ended by finish() or tell(), whatever happened in between. */
struct call {
    struct service_call service;
    struct buf target, body;
    struct json_writer w;
    json_t *answer;
    struct cg_error *err;
    enum cg_status status;
};

/* ---- a call ---- */

static void refuse(struct call *c, const char *why)
{
    if (c->status == CG_OK)
        c->status = failure(c->err, CG_INVALID, str_from(why));
}

static void start(struct call *c, const char *method, struct cg_error *err)
{
    *c = (struct call){.err = err};
    buf_init(&c->target, TARGET_MAX);
    buf_init(&c->body, BODY_MAX);
    c->service = (struct service_call){.method = method, .target = &c->target};
    buf_add(&c->target, STR(THREADS));
}

/* Appends "/" and an id; one that is missing is refused. */
static void segment(struct call *c, const char *id, const char *what)
{
    if (!id || !*id) {
        refuse(c, what);
        return;
    }
    buf_add_char(&c->target, '/');
    service_segment(&c->target, id);
}

/* "/chat/threads/<id><rest>" */
static void in_thread(struct call *c, const char *thread_id, const char *rest)
{
    segment(c, thread_id, "a thread id is needed");
    buf_add(&c->target, str_from(rest));
}

static void of_message(struct call *c, const char *thread_id, const char *message_id)
{
    in_thread(c, thread_id, "/messages");
    segment(c, message_id, "a message id is needed");
}

static void version(struct call *c)
{
    buf_add(&c->target, STR("?" API_VERSION));
}

static void body_begin(struct call *c)
{
    json_writer_init(&c->w, &c->body);
    json_object_begin(&c->w);
    c->service.body = &c->body;
}

static void run(struct call *c, struct cg_client *client, json_t **out)
{
    if (c->status == CG_OK)
        c->status = service_run(client, &c->service, out, c->err);
}

/* A call with an answer. */
static void ask(struct call *c, struct cg_client *client)
{
    run(c, client, &c->answer);
}

static enum cg_status finish(struct call *c)
{
    json_decref(c->answer);
    buf_wipe(&c->body);
    buf_clear(&c->target);
    return c->status;
}

/* A call without one, and its end. */
static enum cg_status tell(struct call *c, struct cg_client *client)
{
    run(c, client, NULL);
    return finish(c);
}

/* ---- what is sent ---- */

/* A text member, unless it was not given. */
static void member(struct call *c, const char *name, const char *text)
{
    if (!text)
        return;
    if (!str_is_utf8(str_from(text)))
        refuse(c, "texts are UTF-8");
    json_member_str(&c->w, name, str_from(text));
}

/* A member that is JSON already, of the application's making. */
static void object_member(struct call *c, const char *name, const char *text)
{
    json_t *parsed = NULL;

    if (!text)
        return;
    if (json_read(str_from(text), &parsed, NULL) || !json_is_object(parsed))
        refuse(c, "metadata is a JSON object of texts");
    json_decref(parsed);
    json_name(&c->w, name);
    json_raw(&c->w, str_from(text));
}

static void identifier(struct call *c, const char *user_id)
{
    json_name(&c->w, "communicationUser");
    json_object_begin(&c->w);
    json_member_str(&c->w, "id", str_from(user_id));
    json_object_end(&c->w);
}

static void people(struct call *c, const struct cg_chat_people *these)
{
    if (these->count && !these->items)
        refuse(c, "each participant needs a user id");
    json_name(&c->w, "participants");
    json_array_begin(&c->w);
    for (size_t i = 0; these->items && i < these->count; i++) {
        const struct cg_chat_person *p = &these->items[i];

        if (!p->user_id || !*p->user_id)
            refuse(c, "each participant needs a user id");
        json_object_begin(&c->w);
        json_name(&c->w, "communicationIdentifier");
        json_object_begin(&c->w);
        member(c, "rawId", p->user_id);
        identifier(c, p->user_id);
        json_object_end(&c->w);
        member(c, "displayName", p->display_name);
        member(c, "shareHistoryTime", p->share_history_from);
        object_member(c, "metadata", p->metadata);
        json_object_end(&c->w);
    }
    json_array_end(&c->w);
}

static void retention(struct call *c, int days)
{
    if (days == 0)
        return;
    json_name(&c->w, "retentionPolicy");
    json_object_begin(&c->w);
    json_member_str(&c->w, "kind", days < 0 ? STR("none") : STR("threadCreationDate"));
    if (days > 0)
        json_member_int(&c->w, "deleteThreadAfterDays", days);
    json_object_end(&c->w);
}

/* A value of a query: ids and times only, so what must be escaped is little. */
static void query_text(struct call *c, const char *name, const char *value)
{
    buf_addf(&c->target, "&%s=", name);
    service_segment(&c->target, value);
}

static void query_number(struct call *c, const char *name, int value)
{
    if (value != 0)
        buf_addf(&c->target, "&%s=%d", name, value);
}

/* Whether it can be the `next` of a page: it is sent with the user's token. */
static bool is_next(const char *next)
{
    for (const char *at = next; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f || *at == '#')
            return false;
    return str_starts(str_from(next), STR(THREADS));
}

/* The query of a list, or the whole target of a further page. */
static void ranged(struct call *c, const struct cg_chat_range *range, bool by_time)
{
    if (range && range->next) {
        if (!is_next(range->next))
            refuse(c, "this continues no list of chat");
        buf_reset(&c->target);
        buf_add(&c->target, str_from(range->next));
        return;
    }
    version(c);
    if (!range)
        return;
    query_number(c, "maxPageSize", range->page_size);
    if (by_time && range->since)
        query_text(c, "startTime", range->since);
    if (!by_time)
        query_number(c, "skip", range->skip);
}

/* ---- threads ---- */

static void write_thread(struct call *c, const struct cg_chat_thread_new *thread)
{
    body_begin(c);
    if (!thread->topic)
        refuse(c, "a topic is needed");
    member(c, "topic", thread->topic);
    if (thread->people.count)
        people(c, &thread->people);
    object_member(c, "metadata", thread->metadata);
    retention(c, thread->delete_after_days);
    json_object_end(&c->w);
}

/* Both parts of the answer, or neither. */
static enum cg_status read_created(const json_t *answer, struct cg_chat_thread *out,
                                   struct cg_chat_refusals *out_refused)
{
    struct cg_chat_thread thread = {0};
    struct cg_chat_refusals refused = {0};
    enum cg_status status = chat_read_thread(json_object_get(answer, "chatThread"), &thread);

    if (status == CG_OK)
        status = chat_read_refusals(answer, &refused);
    if (status) {
        cg_chat_thread_clear(&thread);
        cg_chat_refusals_clear(&refused);
        return status;
    }
    *out = thread;
    if (out_refused)
        *out_refused = refused;
    else
        cg_chat_refusals_clear(&refused);
    return CG_OK;
}

enum cg_status cg_chat_create_thread(struct cg_client *client,
                                     const struct cg_chat_thread_new *thread,
                                     struct cg_chat_thread *out,
                                     struct cg_chat_refusals *out_refused, struct cg_error *err)
{
    char id[UUID_TEXT_LEN + 1] = "";
    struct uuid random = uuid_random();
    struct call c;

    if (!client || !thread || !out)
        return failure_missing(err);
    uuid_format(&random, id);
    start(&c, "POST", err);
    version(&c);
    write_thread(&c, thread);
    c.service.repeatable = true;
    c.service.repeat_id = thread->repeat_id ? thread->repeat_id : id;
    ask(&c, client);
    if (c.status == CG_OK)
        c.status = service_told(client, read_created(c.answer, out, out_refused), err);
    return finish(&c);
}

enum cg_status cg_chat_list_threads(struct cg_client *client, const struct cg_chat_range *range,
                                    struct cg_chat_threads *out, struct cg_error *err)
{
    struct cg_chat_threads made = {0};
    struct call c;

    if (!client || !out)
        return failure_missing(err);
    start(&c, "GET", err);
    ranged(&c, range, true);
    ask(&c, client);
    if (c.status == CG_OK)
        c.status = service_told(client, chat_read_threads(c.answer, &made), err);
    if (c.status)
        cg_chat_threads_clear(&made);
    else
        *out = made;
    return finish(&c);
}

enum cg_status cg_chat_get_thread(struct cg_client *client, const char *thread_id,
                                  struct cg_chat_thread *out, struct cg_error *err)
{
    struct cg_chat_thread made = {0};
    struct call c;

    if (!client || !out)
        return failure_missing(err);
    start(&c, "GET", err);
    in_thread(&c, thread_id, "");
    version(&c);
    ask(&c, client);
    if (c.status == CG_OK)
        c.status = service_told(client, chat_read_thread(c.answer, &made), err);
    if (c.status)
        cg_chat_thread_clear(&made);
    else
        *out = made;
    return finish(&c);
}

enum cg_status cg_chat_update_thread(struct cg_client *client, const char *thread_id,
                                     const struct cg_chat_thread_change *change,
                                     struct cg_error *err)
{
    struct call c;

    if (!client || !change)
        return failure_missing(err);
    start(&c, "PATCH", err);
    in_thread(&c, thread_id, "");
    version(&c);
    body_begin(&c);
    member(&c, "topic", change->topic);
    object_member(&c, "metadata", change->metadata);
    retention(&c, change->delete_after_days);
    json_object_end(&c.w);
    c.service.content_type = MERGE;
    return tell(&c, client);
}

enum cg_status cg_chat_delete_thread(struct cg_client *client, const char *thread_id,
                                     struct cg_error *err)
{
    struct call c;

    if (!client)
        return failure_missing(err);
    start(&c, "DELETE", err);
    in_thread(&c, thread_id, "");
    version(&c);
    return tell(&c, client);
}

/* ---- messages ---- */

static enum cg_status read_sent(const json_t *answer, struct cg_chat_sent *out)
{
    struct str id = STR_EMPTY;

    if (json_get_str(answer, "id", &id) || id.len == 0 || id.len >= sizeof out->id ||
        memchr(id.ptr, '\0', id.len))
        return CG_PROTOCOL;
    *out = (struct cg_chat_sent){{0}};
    memcpy(out->id, id.ptr, id.len);
    return CG_OK;
}

enum cg_status cg_chat_send_message(struct cg_client *client, const char *thread_id,
                                    const struct cg_chat_message_new *message,
                                    struct cg_chat_sent *out, struct cg_error *err)
{
    struct cg_chat_sent unwanted;
    struct call c;

    if (!client || !message)
        return failure_missing(err);
    start(&c, "POST", err);
    in_thread(&c, thread_id, "/messages");
    version(&c);
    body_begin(&c);
    if (!message->text)
        refuse(&c, "a text is needed");
    member(&c, "content", message->text);
    member(&c, "senderDisplayName", message->display_name);
    member(&c, "type", message->html ? "html" : "text");
    object_member(&c, "metadata", message->metadata);
    json_object_end(&c.w);
    ask(&c, client);
    if (c.status == CG_OK)
        c.status = service_told(client, read_sent(c.answer, out ? out : &unwanted), err);
    return finish(&c);
}

enum cg_status cg_chat_list_messages(struct cg_client *client, const char *thread_id,
                                     const struct cg_chat_range *range,
                                     struct cg_chat_messages *out, struct cg_error *err)
{
    struct cg_chat_messages made = {0};
    struct call c;

    if (!client || !out)
        return failure_missing(err);
    start(&c, "GET", err);
    in_thread(&c, thread_id, "/messages");
    ranged(&c, range, true);
    ask(&c, client);
    if (c.status == CG_OK)
        c.status = service_told(client, chat_read_messages(c.answer, &made), err);
    if (c.status)
        cg_chat_messages_clear(&made);
    else
        *out = made;
    return finish(&c);
}

enum cg_status cg_chat_get_message(struct cg_client *client, const char *thread_id,
                                   const char *message_id, struct cg_chat_message *out,
                                   struct cg_error *err)
{
    struct cg_chat_message made = {0};
    struct call c;

    if (!client || !out)
        return failure_missing(err);
    start(&c, "GET", err);
    of_message(&c, thread_id, message_id);
    version(&c);
    ask(&c, client);
    if (c.status == CG_OK)
        c.status = service_told(client, chat_read_message(c.answer, &made), err);
    if (c.status)
        cg_chat_message_clear(&made);
    else
        *out = made;
    return finish(&c);
}

enum cg_status cg_chat_update_message(struct cg_client *client, const char *thread_id,
                                      const char *message_id,
                                      const struct cg_chat_message_change *change,
                                      struct cg_error *err)
{
    struct call c;

    if (!client || !change)
        return failure_missing(err);
    start(&c, "PATCH", err);
    of_message(&c, thread_id, message_id);
    version(&c);
    body_begin(&c);
    member(&c, "content", change->text);
    object_member(&c, "metadata", change->metadata);
    json_object_end(&c.w);
    c.service.content_type = MERGE;
    return tell(&c, client);
}

enum cg_status cg_chat_delete_message(struct cg_client *client, const char *thread_id,
                                      const char *message_id, struct cg_error *err)
{
    struct call c;

    if (!client)
        return failure_missing(err);
    start(&c, "DELETE", err);
    of_message(&c, thread_id, message_id);
    version(&c);
    return tell(&c, client);
}

/* ---- participants ---- */

enum cg_status cg_chat_list_participants(struct cg_client *client, const char *thread_id,
                                         const struct cg_chat_range *range,
                                         struct cg_chat_participants *out, struct cg_error *err)
{
    struct cg_chat_participants made = {0};
    struct call c;

    if (!client || !out)
        return failure_missing(err);
    start(&c, "GET", err);
    in_thread(&c, thread_id, "/participants");
    ranged(&c, range, false);
    ask(&c, client);
    if (c.status == CG_OK)
        c.status = service_told(client, chat_read_participants(c.answer, &made), err);
    if (c.status)
        cg_chat_participants_clear(&made);
    else
        *out = made;
    return finish(&c);
}

enum cg_status cg_chat_add_participants(struct cg_client *client, const char *thread_id,
                                        const struct cg_chat_people *these,
                                        struct cg_chat_refusals *out_refused, struct cg_error *err)
{
    struct cg_chat_refusals made = {0};
    struct call c;

    if (!client || !these)
        return failure_missing(err);
    start(&c, "POST", err);
    in_thread(&c, thread_id, "/participants/:add");
    version(&c);
    body_begin(&c);
    if (these->count == 0)
        refuse(&c, "nobody was named");
    people(&c, these);
    json_object_end(&c.w);
    c.service.repeatable = true; /* who is in already stays as he is */
    ask(&c, client);
    if (c.status == CG_OK)
        c.status = service_told(client, chat_read_refusals(c.answer, &made), err);
    if (c.status || !out_refused)
        cg_chat_refusals_clear(&made);
    else
        *out_refused = made;
    return finish(&c);
}

enum cg_status cg_chat_remove_participant(struct cg_client *client, const char *thread_id,
                                          const char *user_id, struct cg_error *err)
{
    struct call c;

    if (!client)
        return failure_missing(err);
    start(&c, "POST", err);
    in_thread(&c, thread_id, "/participants/:remove");
    version(&c);
    body_begin(&c);
    if (!user_id || !*user_id)
        refuse(&c, "a user id is needed");
    member(&c, "rawId", user_id);
    identifier(&c, user_id);
    json_object_end(&c.w);
    return tell(&c, client);
}

/* ---- typing and receipts ---- */

enum cg_status cg_chat_send_typing(struct cg_client *client, const char *thread_id,
                                   const char *display_name, struct cg_error *err)
{
    struct call c;

    if (!client)
        return failure_missing(err);
    start(&c, "POST", err);
    in_thread(&c, thread_id, "/typing");
    version(&c);
    body_begin(&c);
    member(&c, "senderDisplayName", display_name);
    json_object_end(&c.w);
    c.service.repeatable = true;
    return tell(&c, client);
}

enum cg_status cg_chat_send_receipt(struct cg_client *client, const char *thread_id,
                                    const char *message_id, struct cg_error *err)
{
    struct call c;

    if (!client)
        return failure_missing(err);
    start(&c, "POST", err);
    in_thread(&c, thread_id, "/readReceipts");
    version(&c);
    body_begin(&c);
    if (!message_id || !*message_id)
        refuse(&c, "a message id is needed");
    member(&c, "chatMessageId", message_id);
    json_object_end(&c.w);
    c.service.repeatable = true;
    return tell(&c, client);
}

enum cg_status cg_chat_list_receipts(struct cg_client *client, const char *thread_id,
                                     const struct cg_chat_range *range,
                                     struct cg_chat_receipts *out, struct cg_error *err)
{
    struct cg_chat_receipts made = {0};
    struct call c;

    if (!client || !out)
        return failure_missing(err);
    start(&c, "GET", err);
    in_thread(&c, thread_id, "/readReceipts");
    ranged(&c, range, false);
    ask(&c, client);
    if (c.status == CG_OK)
        c.status = service_told(client, chat_read_receipts(c.answer, &made), err);
    if (c.status)
        cg_chat_receipts_clear(&made);
    else
        *out = made;
    return finish(&c);
}
