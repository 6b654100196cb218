/* Pushes: a JSON object whose member `body` is a string of JSON, in which some members are strings
 * of JSON once more. The client runs those through unescape(), so a percent sign is written %25
 * there. Its own name in an event, recipientMri, comes last, so that everything before it is one
 * text for all. Source: wire/trouter §6. */
#include "services/chat/trouter_push.h"

#define BODY_MAX (8 * MIB)
#define DAY_TEXT 32
/* Of a list of people: quoted twice more, two of them still fit into the least chat.queue_max. */
#define LIST_MAX (64 * KIB)

/* In the order of enum chat_event. */
static const struct event_name {
    struct str name;
    int id;
    bool of_message; /* names sender and recipient */
} names[CHAT_EVENT_COUNT] = {
    [CHAT_EVENT_MESSAGE_RECEIVED] = {STR_INIT("chatMessageReceived"), 200, true},
    [CHAT_EVENT_MESSAGE_EDITED] = {STR_INIT("chatMessageEdited"), 247, true},
    [CHAT_EVENT_MESSAGE_DELETED] = {STR_INIT("chatMessageDeleted"), 248, true},
    [CHAT_EVENT_TYPING] = {STR_INIT("typingIndicatorReceived"), 245, true},
    [CHAT_EVENT_READ_RECEIPT] = {STR_INIT("readReceiptReceived"), 246, true},
    [CHAT_EVENT_THREAD_CREATED] = {STR_INIT("chatThreadCreated"), 257, false},
    [CHAT_EVENT_THREAD_UPDATED] = {STR_INIT("chatThreadPropertiesUpdated"), 258, false},
    [CHAT_EVENT_THREAD_DELETED] = {STR_INIT("chatThreadDeleted"), 259, false},
    [CHAT_EVENT_PARTICIPANTS_ADDED] = {STR_INIT("participantsAdded"), 260, false},
    [CHAT_EVENT_PARTICIPANTS_REMOVED] = {STR_INIT("participantsRemoved"), 261, false},
};

/* ---- who gets what ---- */

static bool is_message(const struct chat_notice *n)
{
    return n->event == CHAT_EVENT_MESSAGE_RECEIVED || n->event == CHAT_EVENT_MESSAGE_EDITED ||
           n->event == CHAT_EVENT_MESSAGE_DELETED;
}

static const struct chat_participant *find(const struct chat_participant *list, size_t n,
                                           const struct uuid *user)
{
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(&list[i].user, user))
            return &list[i];
    return NULL;
}

bool push_goes_to(const struct chat_notice *n, enum push_form form, const struct uuid *user)
{
    if (form == PUSH_NEW_THREAD)
        return n->event == CHAT_EVENT_PARTICIPANTS_ADDED &&
               find(n->participants, n->n_participants, user);
    if (n->event <= CHAT_EVENT_NONE || n->event >= CHAT_EVENT_COUNT)
        return false;
    if (is_message(n)) /* system messages have events of their own */
        return n->type == CHAT_TEXT || n->type == CHAT_HTML;
    return n->event != CHAT_EVENT_READ_RECEIPT || !uuid_eq(&n->actor, user);
}

/* ---- the innermost texts ---- */

void push_raw_id(const struct user_key *user, char out[static 79])
{
    struct str prefix = STR("8:acs:");

    memcpy(out, prefix.ptr, prefix.len);
    out += prefix.len;
    uuid_format(&user->resource, out);
    out[UUID_TEXT_LEN] = '_';
    uuid_format(&user->user, out + UUID_TEXT_LEN + 1);
}

static void member_user(struct json_writer *w, const char *name, const struct chat_notice *n,
                        const struct uuid *user)
{
    char raw[RAW_ID_LEN];

    push_raw_id(&(struct user_key){n->base.resource, *user}, raw);
    json_member_str(w, name, str_of(raw, sizeof raw));
}

static void member_time(struct json_writer *w, const char *name, unix_ms t)
{
    char text[ISO8601_LEN];

    time_to_iso8601(t, text);
    json_member_str(w, name, str_of(text, sizeof text));
}

static void member_ms(struct json_writer *w, const char *name, unix_ms t)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)t);

    json_member_str(w, name, str_of(digits, (size_t)len));
}

static void write_participant(struct json_writer *w, const struct chat_notice *n,
                              const struct chat_participant *p)
{
    json_object_begin(w);
    member_user(w, "participantId", n, &p->user);
    json_member_str(w, "displayName", p->display_name);
    if (p->share_from)
        member_time(w, "shareHistoryTime", p->share_from);
    if (p->metadata.len)
        json_member_str(w, "memberMetaData", p->metadata);
    json_object_end(w);
}

/* ---- strings of JSON that the client unescapes ---- */

static void inner_begin(struct json_writer *w, struct buf *b)
{
    buf_init(b, BODY_MAX);
    json_writer_init(w, b);
}

static void inner_end(struct json_writer *outer, const char *name, struct buf *b)
{
    struct str rest = buf_str(b), part;
    struct buf text;

    buf_init(&text, BODY_MAX);
    for (bool more = true; more;) {
        more = str_cut(rest, '%', &part, &rest);
        buf_add(&text, part);
        if (more)
            buf_add(&text, STR("%25"));
    }
    if (b->failed || text.failed)
        outer->out->failed = RC_TOO_LARGE;
    json_member_str(outer, name, buf_str(&text));
    buf_clear(&text);
    buf_clear(b);
}

static void member_list(struct json_writer *w, const char *name, const struct chat_notice *n,
                        const struct chat_participant *list, size_t count)
{
    struct json_writer inner;
    struct buf b;

    inner_begin(&inner, &b);
    json_array_begin(&inner);
    for (size_t i = 0; i < count; i++) {
        struct chat_participant p = list[i];

        if (b.len > LIST_MAX)
            p.display_name = p.metadata = STR_EMPTY; /* there is a list of participants to read */
        write_participant(&inner, n, &p);
    }
    json_array_end(&inner);
    inner_end(w, name, &b);
}

/* Somebody by himself, with his name where the notice has it. */
static void member_who(struct json_writer *w, const char *name, const struct chat_notice *n,
                       const struct uuid *user)
{
    const struct chat_participant *known = find(n->members, n->n_members, user);
    struct chat_participant who = {.user = *user};
    struct json_writer inner;
    struct buf b;

    if (!known)
        known = find(n->participants, n->n_participants, user);
    if (known)
        who.display_name = known->display_name;
    else if (uuid_eq(user, &n->actor))
        who.display_name = n->actor_name;
    inner_begin(&inner, &b);
    write_participant(&inner, n, &who);
    inner_end(w, name, &b);
}

static void member_retention(struct json_writer *w, uint32_t days)
{
    struct json_writer inner;
    char after[DAY_TEXT];
    int len = snprintf(after, sizeof after, "%u.00:00:00", (unsigned)days);
    struct buf b;

    buf_init(&b, KIB);
    json_writer_init(&inner, &b);
    json_object_begin(&inner);
    json_member_str(&inner, "retentionPolicyType", STR("DeleteAfterCreationTime"));
    json_member_str(&inner, "executeAfter", str_of(after, (size_t)len));
    json_object_end(&inner);
    json_member_str(w, "retentionPolicy", buf_str(&b));
    buf_clear(&b);
}

static void member_properties(struct json_writer *w, const struct chat_notice *n)
{
    struct json_writer inner;
    struct buf b;

    inner_begin(&inner, &b);
    json_object_begin(&inner);
    json_member_str(&inner, "topic", n->topic);
    if (n->thread_metadata.len)
        json_member_str(&inner, "acsChatThreadMetadata", n->thread_metadata);
    if (n->delete_after_days)
        member_retention(&inner, n->delete_after_days);
    json_object_end(&inner);
    inner_end(w, "properties", &b);
}

/* ---- messages, typing, receipts ---- */

static void write_receipt(struct json_writer *w, const struct chat_notice *n)
{
    struct json_writer inner;
    char horizon[80];
    int len = snprintf(horizon, sizeof horizon, "%lld;%lld;%lld", (long long)n->message,
                       (long long)n->read_on, (long long)n->message);
    struct buf b;

    member_ms(w, "messageId", n->message);
    buf_init(&b, KIB);
    json_writer_init(&inner, &b);
    json_object_begin(&inner);
    member_user(&inner, "user", n, &n->actor);
    json_member_str(&inner, "consumptionhorizon", str_of(horizon, (size_t)len));
    json_member_int(&inner, "messageVisibilityTime", n->message);
    member_ms(&inner, "version", n->read_on);
    json_object_end(&inner);
    json_member_str(w, "messageBody", buf_str(&b));
    buf_clear(&b);
}

static void write_message(struct json_writer *w, const struct chat_notice *n)
{
    member_ms(w, "messageId", n->message);
    json_member_str(w, "messageType", n->type == CHAT_HTML ? STR("RichText/Html") : STR("Text"));
    member_ms(w, "version", n->version);
    member_time(w, "originalArrivalTime", n->message);
    if (n->event == CHAT_EVENT_MESSAGE_DELETED) {
        member_time(w, "deletetime", n->deleted);
        return;
    }
    json_member_str(w, "messageBody", n->content);
    json_member_str(w, "acsChatMessageMetadata", n->metadata);
    if (n->event == CHAT_EVENT_MESSAGE_EDITED)
        member_time(w, "edittime", n->edited);
}

static void write_of_message(struct json_writer *w, const struct chat_notice *n)
{
    member_user(w, "senderId", n, &n->actor);
    json_member_str(w, "groupId", n->thread_id);
    json_member_str(w, "senderDisplayName", n->actor_name);
    if (is_message(n)) {
        write_message(w, n);
    } else if (n->event == CHAT_EVENT_READ_RECEIPT) {
        write_receipt(w, n);
    } else {
        member_ms(w, "version", n->time);
        member_time(w, "originalArrivalTime", n->time);
    }
}

/* ---- threads and who is in them ---- */

static void write_created(struct json_writer *w, const struct chat_notice *n,
                          const struct chat_participant *members, size_t count)
{
    member_time(w, "createTime", n->created);
    member_who(w, "createdBy", n, &n->created_by);
    member_list(w, "members", n, members, count);
    member_properties(w, n);
}

static void write_deleted(struct json_writer *w, const struct chat_notice *n)
{
    bool by_policy = chat_is_nobody(&n->actor);

    member_time(w, "deleteTime", n->time);
    if (!by_policy)
        member_who(w, "deletedBy", n, &n->actor);
    json_member_str(w, "reason", by_policy ? STR("deletedByPolicy") : STR("deletedByUser"));
}

static void write_of_thread(struct json_writer *w, const struct chat_notice *n)
{
    switch (n->event) {
    case CHAT_EVENT_THREAD_CREATED:
        write_created(w, n, n->participants, n->n_participants);
        break;
    case CHAT_EVENT_THREAD_UPDATED:
        member_time(w, "editTime", n->time);
        member_who(w, "editedBy", n, &n->actor);
        member_properties(w, n);
        break;
    case CHAT_EVENT_THREAD_DELETED:
        write_deleted(w, n);
        break;
    case CHAT_EVENT_PARTICIPANTS_ADDED:
        member_time(w, "time", n->time);
        member_who(w, "addedBy", n, &n->actor);
        member_list(w, "participantsAdded", n, n->participants, n->n_participants);
        break;
    case CHAT_EVENT_PARTICIPANTS_REMOVED:
        member_time(w, "time", n->time);
        member_who(w, "removedBy", n, &n->actor);
        member_list(w, "participantsRemoved", n, n->participants, n->n_participants);
        break;
    default: /* those of messages: write_of_message() */
        break;
    }
}

/* ---- the whole ---- */

/* `name","headers":{…},"body":"{…` as far as it is the same for all. */
static void render(const struct chat_notice *n, const struct event_name *event, struct buf *out)
{
    struct json_writer w;
    struct buf body;

    buf_init(&body, BODY_MAX);
    json_writer_init(&w, &body);
    json_object_begin(&w);
    json_member_int(&w, "eventId", event->id);
    if (event->of_message) {
        write_of_message(&w, n);
    } else {
        json_member_str(&w, "threadId", n->thread_id);
        member_ms(&w, "version", n->time);
        if (event->id == names[n->event].id)
            write_of_thread(&w, n);
        else
            write_created(&w, n, n->members, n->n_members);
    }
    buf_add(out, event->name);
    buf_add(out, STR("\",\"headers\":{\"Content-Type\":\"application/json\"},\"body\":\""));
    json_escape(out, buf_str(&body));
    if (body.failed)
        out->failed = body.failed;
    buf_clear(&body);
}

void push_render_event(const struct chat_notice *n, struct buf *out)
{
    render(n, &names[n->event], out);
}

void push_render_new_thread(const struct chat_notice *n, struct buf *out)
{
    render(n, &names[CHAT_EVENT_THREAD_CREATED], out);
}

size_t push_pieces(const struct chat_notice *n, enum push_form form, struct str rendered,
                   const struct push_to *to, struct str pieces[static PUSH_PIECES])
{
    size_t at = 0;

    pieces[at++] = STR("3:::{\"id\":");
    pieces[at++] = to->id;
    pieces[at++] = STR(",\"method\":\"POST\",\"url\":\"/v4/f/");
    pieces[at++] = to->connection;
    pieces[at++] = STR("/");
    pieces[at++] = rendered;
    if (form == PUSH_EVENT && names[n->event].of_message) {
        pieces[at++] = STR(",\\\"recipientMri\\\":\\\"");
        pieces[at++] = to->user;
        pieces[at++] = STR("\\\"}\"}");
    } else {
        pieces[at++] = STR("}\"}");
    }
    return at;
}
