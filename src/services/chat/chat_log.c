/* What the log keeps of a notice besides its columns, and back. Messages keep nothing: they are
 * read from their rows, as they now are. The form is our own and nobody else reads it:
 * {"id","resource","topic","metadata"?,"days"?,"created","createdBy","people":[{"user","name"?,
 * "share","metadata"?}]}. */
#include "services/chat/chat_private.h"

/* 250 people are below that, with names and metadata of controls. */
#define LOG_DATA_MAX (4 * MIB)

static const enum chat_event events[CHAT_LOG_KIND_COUNT] = {
    [CHAT_LOG_THREAD_CREATED] = CHAT_EVENT_THREAD_CREATED,
    [CHAT_LOG_THREAD_UPDATED] = CHAT_EVENT_THREAD_UPDATED,
    [CHAT_LOG_THREAD_DELETED] = CHAT_EVENT_THREAD_DELETED,
    [CHAT_LOG_MESSAGE_RECEIVED] = CHAT_EVENT_MESSAGE_RECEIVED,
    [CHAT_LOG_MESSAGE_EDITED] = CHAT_EVENT_MESSAGE_EDITED,
    [CHAT_LOG_MESSAGE_DELETED] = CHAT_EVENT_MESSAGE_DELETED,
    [CHAT_LOG_PARTICIPANTS_ADDED] = CHAT_EVENT_PARTICIPANTS_ADDED,
    [CHAT_LOG_PARTICIPANTS_REMOVED] = CHAT_EVENT_PARTICIPANTS_REMOVED,
    [CHAT_LOG_READ_RECEIPT] = CHAT_EVENT_READ_RECEIPT,
};

/* ---- writing ---- */

static bool is_about_thread(enum chat_event event)
{
    return event >= CHAT_EVENT_THREAD_CREATED && event <= CHAT_EVENT_PARTICIPANTS_REMOVED;
}

static void write_text(struct json_writer *w, const char *name, struct str text)
{
    if (text.len)
        json_member_str(w, name, text);
}

static void write_people(struct json_writer *w, const struct chat_participant *items, size_t n)
{
    json_name(w, "people");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        json_object_begin(w);
        json_member_id(w, "user", &items[i].user);
        write_text(w, "name", items[i].display_name);
        json_member_int(w, "share", items[i].share_from);
        write_text(w, "metadata", items[i].metadata);
        json_object_end(w);
    }
    json_array_end(w);
}

struct str chat_log_data(const struct chat_notice *what, struct arena *arena)
{
    struct json_writer w;
    struct buf out;
    struct str text;

    if (!is_about_thread(what->event))
        return STR_EMPTY;
    buf_init(&out, LOG_DATA_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "id", what->thread_id);
    json_member_id(&w, "resource", &what->base.resource);
    json_member_str(&w, "topic", what->topic);
    write_text(&w, "metadata", what->thread_metadata);
    json_member_int(&w, "days", what->delete_after_days);
    json_member_int(&w, "created", what->created);
    json_member_id(&w, "createdBy", &what->created_by);
    write_people(&w, what->participants, what->n_participants);
    json_object_end(&w);
    text = out.failed ? STR_EMPTY : arena_dup(arena, buf_str(&out));
    buf_clear(&out);
    return text;
}

/* ---- reading ---- */

static struct str read_text(const json_t *obj, const char *name, struct arena *arena)
{
    struct str text;

    return json_get_str(obj, name, &text) ? STR_EMPTY : arena_dup(arena, text);
}

static int64_t read_int(const json_t *obj, const char *name)
{
    int64_t value;

    return json_get_int(obj, name, &value) ? 0 : value;
}

static struct uuid read_id(const json_t *obj, const char *name)
{
    struct uuid id = {0};
    struct str text;

    if (json_get_str(obj, name, &text) || uuid_parse(text, &id))
        return (struct uuid){0};
    return id;
}

static void read_people(const json_t *list, struct arena *arena, struct chat_notice *out)
{
    size_t n = json_array_size(list);
    struct chat_participant *items = arena_array(arena, struct chat_participant, n);

    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);

        items[i] = (struct chat_participant){
            .user = read_id(item, "user"),
            .display_name = read_text(item, "name", arena),
            .share_from = read_int(item, "share"),
            .metadata = read_text(item, "metadata", arena),
        };
    }
    out->participants = items;
    out->n_participants = n;
}

static enum rc read_data(struct str data, struct arena *arena, struct chat_notice *out)
{
    AUTO(json_freep) json_t *obj = NULL;

    if (json_read(data, &obj, NULL) || !json_is_object(obj))
        return RC_INVALID;
    out->thread_id = read_text(obj, "id", arena);
    if (uuid_eq(&out->base.resource, &(struct uuid){0})) /* the thread is gone */
        out->base.resource = read_id(obj, "resource");
    out->topic = read_text(obj, "topic", arena);
    out->thread_metadata = read_text(obj, "metadata", arena);
    out->delete_after_days = (uint32_t)read_int(obj, "days");
    out->created = read_int(obj, "created");
    out->created_by = read_id(obj, "createdBy");
    read_people(json_object_get(obj, "people"), arena, out);
    return RC_OK;
}

static enum rc read_message(const struct chat_message_row *row, struct chat_notice *out)
{
    if (!row || !row->id)
        return RC_NOT_FOUND;
    out->actor_name = row->sender_name;
    out->version = row->version;
    out->seq = row->seq;
    out->edited = row->edited;
    out->deleted = row->deleted;
    out->type = row->type;
    out->content = row->content;
    out->metadata = row->deleted ? STR_EMPTY : row->metadata;
    return RC_OK;
}

enum rc chat_notice_from_log(const struct chat_log_row *entry, const struct chat_thread_row *thread,
                             const struct chat_message_row *message, struct arena *arena,
                             struct chat_notice *out)
{
    *out = (struct chat_notice){
        .base = {.kind = NOTICE_TOPIC, .topic = entry->thread, .order = entry->order},
        .event = entry->kind < CHAT_LOG_KIND_COUNT ? events[entry->kind] : CHAT_EVENT_NONE,
        .time = entry->time,
        .actor = entry->actor,
        .message = entry->message,
    };
    if (out->event == CHAT_EVENT_NONE)
        return RC_INVALID;
    if (thread)
        out->base.resource = thread->resource;
    if (is_about_thread(out->event))
        return read_data(entry->data, arena, out);
    if (!thread || !thread->created)
        return RC_NOT_FOUND;
    out->thread_id = chat_thread_id(thread, arena);
    if (out->event != CHAT_EVENT_READ_RECEIPT)
        return read_message(message, out);
    out->read_on = entry->time;
    out->version = entry->time;
    return RC_OK;
}
