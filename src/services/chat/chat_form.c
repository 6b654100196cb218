/* The objects of answers. Members stand in the contract's order; what is unset is left out. */
#include "services/chat/chat_private.h"

#define RAW_ID_LEN  ((size_t)79) /* "8:acs:<36>_<36>" */
#define SECONDS_LEN ((size_t)19) /* "2021-06-15T23:04:09" */

struct str chat_message_type_name(enum chat_message_type type)
{
    static const struct str names[CHAT_MESSAGE_TYPE_COUNT] = {
        [CHAT_MESSAGE_NONE] = STR_INIT("none"),
        [CHAT_TEXT] = STR_INIT("text"),
        [CHAT_HTML] = STR_INIT("html"),
        [CHAT_TOPIC_UPDATED] = STR_INIT("topicUpdated"),
        [CHAT_PARTICIPANT_ADDED] = STR_INIT("participantAdded"),
        [CHAT_PARTICIPANT_REMOVED] = STR_INIT("participantRemoved"),
    };

    return names[type < CHAT_MESSAGE_TYPE_COUNT ? type : CHAT_MESSAGE_NONE];
}

void chat_member_time(struct json_writer *w, const char *name, unix_ms t)
{
    char text[ISO8601_LEN];

    time_to_iso8601(t, text);
    text[SECONDS_LEN] = 'Z';
    json_member_str(w, name, str_of(text, SECONDS_LEN + 1));
}

static void write_number(struct json_writer *w, const char *name, int64_t value)
{
    char room[CHAT_DIGITS_MAX];

    json_member_str(w, name, chat_digits(value, room));
}

void chat_identifier_write(struct json_writer *w, const struct uuid *resource,
                           const struct uuid *user)
{
    char text[RAW_ID_LEN];
    struct str id = str_of(text, sizeof text), prefix = STR("8:acs:");

    memcpy(text, prefix.ptr, prefix.len);
    uuid_format(resource, text + prefix.len);
    text[prefix.len + UUID_TEXT_LEN] = '_';
    uuid_format(user, text + prefix.len + UUID_TEXT_LEN + 1);
    json_object_begin(w);
    json_member_str(w, "rawId", id);
    json_name(w, "communicationUser");
    json_object_begin(w);
    json_member_str(w, "id", id);
    json_object_end(w);
    json_object_end(w);
}

static void write_metadata(struct json_writer *w, struct str metadata)
{
    if (!metadata.len)
        return;
    json_name(w, "metadata");
    json_raw(w, metadata);
}

void chat_participant_write(struct json_writer *w, const struct uuid *resource,
                            const struct chat_participant *p)
{
    json_object_begin(w);
    json_name(w, "communicationIdentifier");
    chat_identifier_write(w, resource, &p->user);
    if (p->display_name.len)
        json_member_str(w, "displayName", p->display_name);
    chat_member_time(w, "shareHistoryTime", p->share_from);
    write_metadata(w, p->metadata);
    json_object_end(w);
}

struct chat_participant chat_participant_of(const struct chat_member_row *row)
{
    return (struct chat_participant){row->user, row->display_name, row->share_from, row->metadata};
}

/* The content of a message: what it says, or of a system message what happened and by whom. */
static void write_content(struct json_writer *w, const struct uuid *resource,
                          const struct chat_message_row *row)
{
    json_name(w, "content");
    json_object_begin(w);
    switch (row->type) {
    case CHAT_TOPIC_UPDATED:
        json_member_str(w, "topic", row->content);
        break;
    case CHAT_PARTICIPANT_ADDED:
    case CHAT_PARTICIPANT_REMOVED:
        json_name(w, "participants");
        json_raw(w, row->content);
        break;
    default:
        json_member_str(w, "message", row->content);
        json_object_end(w);
        return;
    }
    if (!chat_is_nobody(&row->sender)) {
        json_name(w, "initiatorCommunicationIdentifier");
        chat_identifier_write(w, resource, &row->sender);
    }
    json_object_end(w);
}

void chat_message_write(struct json_writer *w, const struct uuid *resource,
                        const struct chat_message_row *row)
{
    bool by_user = row->type == CHAT_TEXT || row->type == CHAT_HTML;

    json_object_begin(w);
    write_number(w, "id", row->id);
    json_member_str(w, "type", chat_message_type_name(row->type));
    write_number(w, "sequenceId", row->seq);
    write_number(w, "version", row->version);
    write_content(w, resource, row);
    if (row->sender_name.len)
        json_member_str(w, "senderDisplayName", row->sender_name);
    chat_member_time(w, "createdOn", row->id);
    if (by_user && !chat_is_nobody(&row->sender)) {
        json_name(w, "senderCommunicationIdentifier");
        chat_identifier_write(w, resource, &row->sender);
    }
    if (row->deleted)
        chat_member_time(w, "deletedOn", row->deleted);
    else if (row->edited)
        chat_member_time(w, "editedOn", row->edited);
    if (!row->deleted)
        write_metadata(w, row->metadata);
    json_object_end(w);
}

void chat_retention_write(struct json_writer *w, uint32_t days)
{
    json_object_begin(w);
    json_member_str(w, "kind", days ? STR("threadCreationDate") : STR("none"));
    if (days)
        json_member_int(w, "deleteThreadAfterDays", days);
    json_object_end(w);
}

void chat_thread_write(struct json_writer *w, const struct chat_thread_row *row)
{
    char id[CHAT_THREAD_ID_LEN];

    chat_thread_id_format(&row->key, &row->secret, id);
    json_object_begin(w);
    json_member_str(w, "id", str_of(id, sizeof id));
    json_member_str(w, "topic", row->topic);
    chat_member_time(w, "createdOn", row->created);
    json_name(w, "createdByCommunicationIdentifier");
    chat_identifier_write(w, &row->resource, &row->created_by);
    write_metadata(w, row->metadata);
    if (row->delete_after_days) {
        json_name(w, "retentionPolicy");
        chat_retention_write(w, row->delete_after_days);
    }
    json_object_end(w);
}
