/* Answers of the Chat service. Members that are absent, or of another type than expected, are NULL;
 * without those that name a thing the answer is none. Source: wire/chat §1.3. */
#include "client/chat_read.h"

#include "client/service.h"

/* ---- members ---- */

/* The user id of an identifier object; absent: NULL. */
static enum cg_status read_user(const json_t *item, const char *name, char **out)
{
    const json_t *identifier = json_object_get(item, name);
    enum cg_status status = service_read_text(identifier, "rawId", out);

    if (status == CG_OK && !*out)
        status = service_read_text(json_object_get(identifier, "communicationUser"), "id", out);
    return status;
}

/* An object as JSON text; absent: NULL. */
static enum cg_status read_object(const json_t *item, const char *name, char **out)
{
    const json_t *object = json_object_get(item, name);

    if (!json_is_object(object))
        return CG_OK;
    *out = json_dumps(object, JSON_COMPACT);
    return *out ? CG_OK : CG_NOMEM;
}

/* An array member; *out_n is its length. NULL without memory, or when it is empty. */
static void *room_for(const json_t *list, size_t size, size_t *out_n)
{
    size_t n = json_array_size(list);
    void *items = n ? calloc(n, size) : NULL;

    *out_n = items ? n : 0;
    return items;
}

/* ---- items ---- */

enum cg_status chat_read_thread(const json_t *item, struct cg_chat_thread *out)
{
    static const char *const names[] = {"id", "topic", "createdOn", "lastMessageReceivedOn"};
    char **const outs[] = {&out->id, &out->topic, &out->created_on, &out->last_message};
    enum cg_status status = service_read_texts(item, names, outs, ARRAY_LEN(names));
    int64_t days = 0;

    if (status == CG_OK)
        status = read_user(item, "createdByCommunicationIdentifier", &out->created_by);
    if (status == CG_OK)
        status = read_object(item, "metadata", &out->metadata);
    if (status)
        return status;
    if (!json_get_int(json_object_get(item, "retentionPolicy"), "deleteThreadAfterDays", &days) &&
        days > 0 && days <= INT32_MAX)
        out->delete_after_days = (int)days;
    return out->id && out->topic ? CG_OK : CG_PROTOCOL;
}

static enum cg_status read_participant(const json_t *item, struct cg_chat_participant *out)
{
    static const char *const names[] = {"displayName", "shareHistoryTime"};
    char **const outs[] = {&out->display_name, &out->share_history_from};
    enum cg_status status = service_read_texts(item, names, outs, ARRAY_LEN(names));

    if (status == CG_OK)
        status = read_user(item, "communicationIdentifier", &out->user_id);
    if (status == CG_OK)
        status = read_object(item, "metadata", &out->metadata);
    if (status)
        return status;
    return out->user_id ? CG_OK : CG_PROTOCOL;
}

static enum cg_status read_people(const json_t *list, struct cg_chat_participant **out,
                                  size_t *out_n)
{
    enum cg_status status = CG_OK;
    struct cg_chat_participant *items = room_for(list, sizeof *items, out_n);

    *out = items;
    if (!items && json_array_size(list))
        return CG_NOMEM;
    for (size_t i = 0; items && i < *out_n && status == CG_OK; i++)
        status = read_participant(json_array_get(list, i), &items[i]);
    return status;
}

/* `content`: a text, or what the service noted. */
static enum cg_status read_content(const json_t *content, struct cg_chat_message *out)
{
    static const char *const names[] = {"message", "topic"};
    char **const outs[] = {&out->text, &out->topic};
    enum cg_status status = service_read_texts(content, names, outs, ARRAY_LEN(names));

    if (status == CG_OK && !out->sender_id)
        status = read_user(content, "initiatorCommunicationIdentifier", &out->sender_id);
    if (status == CG_OK)
        status = read_people(json_object_get(content, "participants"), &out->participants,
                             &out->participant_count);
    return status;
}

enum cg_status chat_read_message(const json_t *item, struct cg_chat_message *out)
{
    static const char *const names[] = {"id",        "type",     "sequenceId", "version",
                                        "createdOn", "editedOn", "deletedOn",  "senderDisplayName"};
    char **const outs[] = {&out->id,         &out->type,      &out->sequence_id, &out->version,
                           &out->created_on, &out->edited_on, &out->deleted_on,  &out->sender_name};
    enum cg_status status = service_read_texts(item, names, outs, ARRAY_LEN(names));

    if (status == CG_OK)
        status = read_user(item, "senderCommunicationIdentifier", &out->sender_id);
    if (status == CG_OK)
        status = read_object(item, "metadata", &out->metadata);
    if (status == CG_OK)
        status = read_content(json_object_get(item, "content"), out);
    if (status)
        return status;
    return out->id && out->type ? CG_OK : CG_PROTOCOL;
}

static enum cg_status read_receipt(const json_t *item, struct cg_chat_receipt *out)
{
    static const char *const names[] = {"chatMessageId", "readOn"};
    char **const outs[] = {&out->message_id, &out->read_on};
    enum cg_status status = service_read_texts(item, names, outs, ARRAY_LEN(names));

    if (status == CG_OK)
        status = read_user(item, "senderCommunicationIdentifier", &out->sender_id);
    if (status)
        return status;
    return out->sender_id && out->message_id ? CG_OK : CG_PROTOCOL;
}

static enum cg_status read_refusal(const json_t *item, struct cg_chat_refusal *out)
{
    static const char *const names[] = {"target", "code", "message"};
    char **const outs[] = {&out->user_id, &out->code, &out->message};
    enum cg_status status = service_read_texts(item, names, outs, ARRAY_LEN(names));

    if (status)
        return status;
    return out->code ? CG_OK : CG_PROTOCOL;
}

enum cg_status chat_read_refusals(const json_t *answer, struct cg_chat_refusals *out)
{
    const json_t *list = json_object_get(answer, "invalidParticipants");
    enum cg_status status = CG_OK;

    out->items = room_for(list, sizeof *out->items, &out->count);
    if (!out->items && json_array_size(list))
        return CG_NOMEM;
    for (size_t i = 0; i < out->count && status == CG_OK; i++)
        status = read_refusal(json_array_get(list, i), &out->items[i]);
    return status;
}

/* ---- pages ---- */

/* Path and query of a nextLink: where it leads to is ours to know. */
static enum cg_status read_next(const json_t *page, char **out)
{
    struct str link = STR_EMPTY;
    size_t scheme = 0;

    if (json_get_str(page, "nextLink", &link) || link.len == 0)
        return CG_OK;
    scheme = str_find_str(link, STR("://"));
    if (scheme < link.len) {
        link = str_from_index(link, scheme + 3);
        link = str_from_index(link, str_find(link, '/'));
    }
    if (!str_starts(link, STR("/")))
        return CG_PROTOCOL;
    return service_text(link, out);
}

/* The items of a page, with room for them. */
static enum cg_status open_page(const json_t *page, const json_t **out_list, char **out_next)
{
    *out_list = json_object_get(page, "value");
    return json_is_array(*out_list) ? read_next(page, out_next) : CG_PROTOCOL;
}

enum cg_status chat_read_threads(const json_t *page, struct cg_chat_threads *out)
{
    const json_t *list = NULL;
    enum cg_status status = open_page(page, &list, &out->next);

    if (status)
        return status;
    out->items = room_for(list, sizeof *out->items, &out->count);
    if (!out->items && json_array_size(list))
        return CG_NOMEM;
    for (size_t i = 0; i < out->count && status == CG_OK; i++)
        status = chat_read_thread(json_array_get(list, i), &out->items[i]);
    return status;
}

enum cg_status chat_read_messages(const json_t *page, struct cg_chat_messages *out)
{
    const json_t *list = NULL;
    enum cg_status status = open_page(page, &list, &out->next);

    if (status)
        return status;
    out->items = room_for(list, sizeof *out->items, &out->count);
    if (!out->items && json_array_size(list))
        return CG_NOMEM;
    for (size_t i = 0; i < out->count && status == CG_OK; i++)
        status = chat_read_message(json_array_get(list, i), &out->items[i]);
    return status;
}

enum cg_status chat_read_participants(const json_t *page, struct cg_chat_participants *out)
{
    const json_t *list = NULL;
    enum cg_status status = open_page(page, &list, &out->next);

    return status ? status : read_people(list, &out->items, &out->count);
}

enum cg_status chat_read_receipts(const json_t *page, struct cg_chat_receipts *out)
{
    const json_t *list = NULL;
    enum cg_status status = open_page(page, &list, &out->next);

    if (status)
        return status;
    out->items = room_for(list, sizeof *out->items, &out->count);
    if (!out->items && json_array_size(list))
        return CG_NOMEM;
    for (size_t i = 0; i < out->count && status == CG_OK; i++)
        status = read_receipt(json_array_get(list, i), &out->items[i]);
    return status;
}

/* ---- what is given back ---- */

void cg_chat_thread_clear(struct cg_chat_thread *thread)
{
    if (!thread)
        return;
    free(thread->id);
    free(thread->topic);
    free(thread->created_on);
    free(thread->created_by);
    free(thread->last_message);
    free(thread->metadata);
    *thread = (struct cg_chat_thread){0};
}

void cg_chat_threads_clear(struct cg_chat_threads *threads)
{
    if (!threads)
        return;
    for (size_t i = 0; i < threads->count; i++)
        cg_chat_thread_clear(&threads->items[i]);
    free(threads->items);
    free(threads->next);
    *threads = (struct cg_chat_threads){0};
}

void cg_chat_refusals_clear(struct cg_chat_refusals *refusals)
{
    if (!refusals)
        return;
    for (size_t i = 0; i < refusals->count; i++) {
        free(refusals->items[i].user_id);
        free(refusals->items[i].code);
        free(refusals->items[i].message);
    }
    free(refusals->items);
    *refusals = (struct cg_chat_refusals){0};
}

static void clear_people(struct cg_chat_participant *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(items[i].user_id);
        free(items[i].display_name);
        free(items[i].share_history_from);
        free(items[i].metadata);
    }
    free(items);
}

void cg_chat_message_clear(struct cg_chat_message *message)
{
    if (!message)
        return;
    if (message->text)
        explicit_bzero(message->text, strlen(message->text));
    clear_people(message->participants, message->participant_count);
    free(message->id);
    free(message->type);
    free(message->sequence_id);
    free(message->version);
    free(message->text);
    free(message->topic);
    free(message->sender_name);
    free(message->sender_id);
    free(message->created_on);
    free(message->edited_on);
    free(message->deleted_on);
    free(message->metadata);
    *message = (struct cg_chat_message){0};
}

void cg_chat_messages_clear(struct cg_chat_messages *messages)
{
    if (!messages)
        return;
    for (size_t i = 0; i < messages->count; i++)
        cg_chat_message_clear(&messages->items[i]);
    free(messages->items);
    free(messages->next);
    *messages = (struct cg_chat_messages){0};
}

void cg_chat_participants_clear(struct cg_chat_participants *participants)
{
    if (!participants)
        return;
    clear_people(participants->items, participants->count);
    free(participants->next);
    *participants = (struct cg_chat_participants){0};
}

void cg_chat_receipts_clear(struct cg_chat_receipts *receipts)
{
    if (!receipts)
        return;
    for (size_t i = 0; i < receipts->count; i++) {
        free(receipts->items[i].sender_id);
        free(receipts->items[i].message_id);
        free(receipts->items[i].read_on);
    }
    free(receipts->items);
    free(receipts->next);
    *receipts = (struct cg_chat_receipts){0};
}
