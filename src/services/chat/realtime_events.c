/* Events as frames: the objects are those of the REST API. Source: wire/realtime §3. */
#include "services/chat/realtime.h"

static const struct str names[CHAT_EVENT_COUNT] = {
    [CHAT_EVENT_MESSAGE_RECEIVED] = STR_INIT("chatMessageReceived"),
    [CHAT_EVENT_MESSAGE_EDITED] = STR_INIT("chatMessageEdited"),
    [CHAT_EVENT_MESSAGE_DELETED] = STR_INIT("chatMessageDeleted"),
    [CHAT_EVENT_TYPING] = STR_INIT("typingIndicatorReceived"),
    [CHAT_EVENT_READ_RECEIPT] = STR_INIT("readReceiptReceived"),
    [CHAT_EVENT_THREAD_CREATED] = STR_INIT("chatThreadCreated"),
    [CHAT_EVENT_THREAD_UPDATED] = STR_INIT("chatThreadPropertiesUpdated"),
    [CHAT_EVENT_THREAD_DELETED] = STR_INIT("chatThreadDeleted"),
    [CHAT_EVENT_PARTICIPANTS_ADDED] = STR_INIT("participantsAdded"),
    [CHAT_EVENT_PARTICIPANTS_REMOVED] = STR_INIT("participantsRemoved"),
};

static void write_actor(struct json_writer *w, const char *name, const struct chat_notice *n)
{
    if (chat_is_nobody(&n->actor))
        return;
    json_name(w, name);
    chat_identifier_write(w, &n->base.resource, &n->actor);
}

static void write_decimal(struct json_writer *w, const char *name, int64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)value);

    json_member_str(w, name, str_of(text, (size_t)len));
}

static void write_message(struct json_writer *w, const struct chat_notice *n)
{
    const struct chat_message_row row = {
        .id = n->message,
        .seq = n->seq,
        .type = n->type,
        .sender = n->actor,
        .version = n->version,
        .edited = n->edited,
        .deleted = n->deleted,
        .sender_name = n->actor_name,
        .content = n->content,
        .metadata = n->metadata,
    };

    json_name(w, "message");
    chat_message_write(w, &n->base.resource, &row);
}

static void write_typing(struct json_writer *w, const struct chat_notice *n)
{
    write_actor(w, "senderCommunicationIdentifier", n);
    if (n->actor_name.len)
        json_member_str(w, "senderDisplayName", n->actor_name);
    chat_member_time(w, "receivedOn", n->time);
}

static void write_receipt(struct json_writer *w, const struct chat_notice *n)
{
    json_name(w, "receipt");
    json_object_begin(w);
    write_actor(w, "senderCommunicationIdentifier", n);
    write_decimal(w, "chatMessageId", n->message);
    chat_member_time(w, "readOn", n->read_on);
    json_object_end(w);
}

static void write_thread(struct json_writer *w, const struct chat_notice *n)
{
    json_name(w, "thread");
    json_object_begin(w);
    json_member_str(w, "id", n->thread_id);
    json_member_str(w, "topic", n->topic);
    chat_member_time(w, "createdOn", n->created);
    json_name(w, "createdByCommunicationIdentifier");
    chat_identifier_write(w, &n->base.resource, &n->created_by);
    if (n->thread_metadata.len) {
        json_name(w, "metadata");
        json_raw(w, n->thread_metadata);
    }
    if (n->delete_after_days) {
        json_name(w, "retentionPolicy");
        chat_retention_write(w, n->delete_after_days);
    }
    json_object_end(w);
}

static void write_people(struct json_writer *w, const struct chat_notice *n)
{
    json_name(w, "participants");
    json_array_begin(w);
    for (size_t i = 0; i < n->n_participants; i++)
        chat_participant_write(w, &n->base.resource, &n->participants[i]);
    json_array_end(w);
}

static void write_deleted(struct json_writer *w, const struct chat_notice *n)
{
    bool by_policy = chat_is_nobody(&n->actor);

    chat_member_time(w, "deletedOn", n->time);
    json_member_str(w, "reason", by_policy ? STR("deletedByPolicy") : STR("deletedByUser"));
    write_actor(w, "deletedByCommunicationIdentifier", n);
}

static void write_body(struct json_writer *w, const struct chat_notice *n)
{
    switch (n->event) {
    case CHAT_EVENT_MESSAGE_RECEIVED:
    case CHAT_EVENT_MESSAGE_EDITED:
    case CHAT_EVENT_MESSAGE_DELETED:
        write_message(w, n);
        break;
    case CHAT_EVENT_TYPING:
        write_typing(w, n);
        break;
    case CHAT_EVENT_READ_RECEIPT:
        write_receipt(w, n);
        break;
    case CHAT_EVENT_THREAD_CREATED:
        write_thread(w, n);
        write_people(w, n);
        break;
    case CHAT_EVENT_THREAD_UPDATED:
        write_thread(w, n);
        chat_member_time(w, "updatedOn", n->time);
        write_actor(w, "updatedByCommunicationIdentifier", n);
        break;
    case CHAT_EVENT_THREAD_DELETED:
        write_deleted(w, n);
        break;
    case CHAT_EVENT_PARTICIPANTS_ADDED:
        write_thread(w, n);
        write_people(w, n);
        chat_member_time(w, "addedOn", n->time);
        write_actor(w, "addedByCommunicationIdentifier", n);
        break;
    case CHAT_EVENT_PARTICIPANTS_REMOVED:
        write_people(w, n);
        chat_member_time(w, "removedOn", n->time);
        write_actor(w, "removedByCommunicationIdentifier", n);
        break;
    case CHAT_EVENT_NONE:
    case CHAT_EVENT_COUNT:
        break;
    }
}

void realtime_render(const struct chat_notice *n, struct buf *out)
{
    struct json_writer w;

    if (n->event <= CHAT_EVENT_NONE || n->event >= CHAT_EVENT_COUNT)
        return;
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "type", names[n->event]);
    if (n->base.order)
        write_decimal(&w, "cursor", n->base.order);
    json_member_str(&w, "threadId", n->thread_id);
    write_body(&w, n);
    json_object_end(&w);
}

bool realtime_concerns(const struct realtime *c, const struct chat_notice *n)
{
    return n->event != CHAT_EVENT_READ_RECEIPT ||
           !uuid_eq(&n->actor, &c->session.listener.user.user);
}
