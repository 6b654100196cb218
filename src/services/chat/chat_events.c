/* Events of chat: which types a notice becomes, what each says, and to whom.
 *
 * A thread may have hundreds of participants and a message tens of kilobytes, so what all the
 * recipients' events have in common is written once. Source: wire/chat §5. */
#include "services/chat/chat_events.h"

#include "events/event.h"
#include "services/chat/chat_private.h"

#define DATA_MAX        (8 * MIB) /* never reached: services limit names, texts and how many */
#define TRANSACTION_LEN ((size_t)22)
#define TYPE(name)      STR_INIT("Microsoft.Communication." name)

enum level { LEVEL_USER, LEVEL_THREAD };

struct writing;

/* What a notice becomes. */
struct kind {
    struct str type[2]; /* by level; empty: no events */
    struct str word[2]; /* of the subject: what the one behind it did or had done to him */
    const char *by;     /* of the two members that name who did it; NULL: a message */
    void (*write)(struct writing *at);
};

/* One change on its way into the set. */
struct telling {
    struct events *events;
    const struct chat_notice *what;
    const struct kind *kind;
    unix_ms now;
    struct change_list changes;
    struct str transaction;
    const struct chat_participant *person; /* PARTICIPANTS_…: whom this one is about; else NULL */
};

struct writing {
    const struct telling *t;
    enum level level;
    struct json_writer w;
};

/* ---- members ---- */

static struct str raw_id(const struct telling *t, const struct uuid *user)
{
    const struct user_key key = {t->what->base.resource, *user};

    return user_id_format(&key, t->changes.arena);
}

static void write_identifier(struct writing *at, const char *name, const struct uuid *user)
{
    json_name(&at->w, name);
    chat_identifier_write(&at->w, &at->t->what->base.resource, user);
}

static void write_json(struct json_writer *w, const char *name, struct str json)
{
    json_name(w, name);
    json_raw(w, json);
}

static void write_participant(struct writing *at, const struct chat_participant *p)
{
    json_object_begin(&at->w);
    json_member_str(&at->w, "displayName", p->display_name);
    if (p->metadata.len)
        write_json(&at->w, "metadata", p->metadata);
    write_identifier(at, "participantCommunicationIdentifier", &p->user);
    json_object_end(&at->w);
}

/* "createdBy" and "createdByCommunicationIdentifier", as far as there is somebody. */
static void write_actor(struct writing *at)
{
    const struct telling *t = at->t;
    const struct uuid *actor = &t->what->actor;

    if (chat_is_nobody(actor))
        return;
    if (at->level == LEVEL_USER && !t->person)
        json_member_str(&at->w, t->kind->by, raw_id(t, actor));
    write_identifier(
        at, arena_printf(t->changes.arena, "%sCommunicationIdentifier", t->kind->by).ptr, actor);
}

static void write_message(struct writing *at)
{
    const struct chat_notice *m = at->t->what;
    struct json_writer *w = &at->w;

    if (m->event == CHAT_EVENT_MESSAGE_EDITED)
        json_member_time(w, "editTime", m->edited);
    if (m->event == CHAT_EVENT_MESSAGE_DELETED)
        json_member_time(w, "deleteTime", m->deleted);
    else
        json_member_str(w, "messageBody", m->content);
    json_name(w, "messageId");
    json_str(w, arena_printf(at->t->changes.arena, "%lld", (long long)m->message));
    if (m->event != CHAT_EVENT_MESSAGE_DELETED)
        write_json(w, "metadata", m->metadata.len ? m->metadata : STR("{}"));
    if (at->level == LEVEL_USER)
        json_member_str(w, "senderId", raw_id(at->t, &m->actor));
    write_identifier(at, "senderCommunicationIdentifier", &m->actor);
    json_member_str(w, "senderDisplayName", m->actor_name);
    json_member_time(w, "composeTime", m->message);
    json_member_str(w, "type", m->type == CHAT_HTML ? STR("RichText/Html") : STR("Text"));
    if (at->level == LEVEL_USER)
        json_member_int(w, "version", m->version);
    else /* a text there, as published */
        json_member_str(w, "version",
                        arena_printf(at->t->changes.arena, "%lld", (long long)m->version));
}

static void write_properties(struct writing *at)
{
    json_name(&at->w, "properties");
    json_object_begin(&at->w);
    json_member_str(&at->w, "topic", at->t->what->topic);
    json_object_end(&at->w);
    if (at->t->what->thread_metadata.len)
        write_json(&at->w, "metadata", at->t->what->thread_metadata);
}

static void write_age(struct writing *at)
{
    json_member_time(&at->w, "createTime", at->t->what->created);
    json_member_int(&at->w, "version", at->t->what->time);
}

static void write_members(struct writing *at)
{
    const struct chat_notice *n = at->t->what;

    json_name(&at->w, "members");
    json_array_begin(&at->w);
    for (size_t i = 0; i < n->n_participants; i++) {
        json_object_begin(&at->w);
        json_member_str(&at->w, "displayName", n->participants[i].display_name);
        json_member_str(&at->w, "memberId", raw_id(at->t, &n->participants[i].user));
        json_object_end(&at->w);
    }
    json_array_end(&at->w);
}

static void write_created(struct writing *at)
{
    const struct chat_notice *n = at->t->what;

    write_actor(at);
    write_properties(at);
    if (at->level == LEVEL_USER)
        write_members(at);
    json_name(&at->w, "participants");
    json_array_begin(&at->w);
    for (size_t i = 0; i < n->n_participants; i++)
        write_participant(at, &n->participants[i]);
    json_array_end(&at->w);
    write_age(at);
}

static void write_updated(struct writing *at)
{
    write_actor(at);
    json_member_time(&at->w, "editTime", at->t->what->time);
    write_properties(at);
    write_age(at);
}

static void write_deleted(struct writing *at)
{
    write_actor(at);
    json_member_time(&at->w, "deleteTime", at->t->what->time);
    write_age(at);
}

static void write_came_or_left(struct writing *at)
{
    bool came = at->t->what->event == CHAT_EVENT_PARTICIPANTS_ADDED;

    json_member_time(&at->w, "time", at->t->what->time);
    write_actor(at);
    json_name(&at->w, came ? "participantAdded" : "participantRemoved");
    write_participant(at, at->t->person);
    write_age(at);
}

/* clang-format off */
static const struct kind kinds[CHAT_EVENT_COUNT] = {
    [CHAT_EVENT_MESSAGE_RECEIVED] = {
        {TYPE("ChatMessageReceived"), TYPE("ChatMessageReceivedInThread")},
        {STR_INIT("sender"), STR_INIT("sender")}, NULL, write_message},
    [CHAT_EVENT_MESSAGE_EDITED] = {
        {TYPE("ChatMessageEdited"), TYPE("ChatMessageEditedInThread")},
        {STR_INIT("sender"), STR_INIT("sender")}, NULL, write_message},
    [CHAT_EVENT_MESSAGE_DELETED] = {
        {TYPE("ChatMessageDeleted"), TYPE("ChatMessageDeletedInThread")},
        {STR_INIT("sender"), STR_INIT("sender")}, NULL, write_message},
    [CHAT_EVENT_THREAD_CREATED] = {
        {TYPE("ChatThreadCreatedWithUser"), TYPE("ChatThreadCreated")},
        {STR_INIT("createdBy"), STR_INIT("createdBy")}, "createdBy", write_created},
    [CHAT_EVENT_THREAD_UPDATED] = {
        {TYPE("ChatThreadPropertiesUpdatedPerUser"), TYPE("ChatThreadPropertiesUpdated")},
        {STR_INIT("editedBy"), STR_INIT("editedBy")}, "editedBy", write_updated},
    [CHAT_EVENT_THREAD_DELETED] = {
        {TYPE("ChatThreadWithUserDeleted"), TYPE("ChatThreadDeleted")},
        {STR_INIT("deletedBy"), STR_INIT("deletedBy")}, "deletedBy", write_deleted},
    [CHAT_EVENT_PARTICIPANTS_ADDED] = {
        {TYPE("ChatParticipantAddedToThreadWithUser"), TYPE("ChatThreadParticipantAdded")},
        {STR_INIT("participantAdded"), STR_INIT("participantadded")}, "addedBy", write_came_or_left},
    [CHAT_EVENT_PARTICIPANTS_REMOVED] = {
        {TYPE("ChatParticipantRemovedFromThreadWithUser"), TYPE("ChatThreadParticipantRemoved")},
        {STR_INIT("participantRemoved"), STR_INIT("participantremoved")}, "removedBy",
        write_came_or_left},
};
/* clang-format on */

/* ---- events ---- */

/* The beginning of `data`: what is behind it is the recipient's, and the same for all. */
static struct str head_of(const struct telling *t, enum level level)
{
    struct writing at = {.t = t, .level = level};
    struct buf out;
    struct str head;

    buf_init(&out, DATA_MAX);
    json_writer_init(&at.w, &out);
    json_object_begin(&at.w);
    t->kind->write(&at);
    head = arena_dup(t->changes.arena, buf_str(&out));
    buf_clear(&out);
    return head;
}

static struct str tail_of(const struct telling *t)
{
    return arena_printf(t->changes.arena,
                        ",\"transactionId\":\"" STR_FMT "\",\"threadId\":\"" STR_FMT "\"}",
                        STR_ARG(t->transaction), STR_ARG(t->what->thread_id));
}

/* "thread/<id>/sender/<who>": at the level of users "/recipient/<who>" comes behind it. */
static struct str subject_of(const struct telling *t, enum level level)
{
    const struct uuid *who = t->person ? &t->person->user : &t->what->actor;
    struct str id = chat_is_nobody(who) ? STR("policy") : raw_id(t, who),
               word = t->kind->word[level];

    return arena_printf(t->changes.arena, "thread/" STR_FMT "/" STR_FMT "/" STR_FMT,
                        STR_ARG(t->what->thread_id), STR_ARG(word), STR_ARG(id));
}

static struct event_part part_of(const struct telling *t, enum level level)
{
    return (struct event_part){subject_of(t, level), head_of(t, level)};
}

/* What is a recipient's own. */
static struct event_part recipient_of(const struct telling *t, const struct uuid *user)
{
    struct arena *arena = t->changes.arena;
    struct str id = raw_id(t, user);

    return (struct event_part){
        .subject = arena_printf(arena, "/recipient/" STR_FMT, STR_ARG(id)),
        .data = arena_printf(
            arena,
            "%s" STR_FMT "%s,\"recipientCommunicationIdentifier\":{\"rawId\":\"" STR_FMT
            "\",\"communicationUser\":{\"id\":\"" STR_FMT "\"}}",
            t->person ? "" : ",\"recipientId\":\"", STR_ARG(t->person ? STR_EMPTY : id),
            t->person ? "" : "\"", STR_ARG(id), STR_ARG(id)),
    };
}

/* Everybody who was in but the one who did it; and who has left. */
static size_t find_recipients(const struct telling *t, struct event_part **out)
{
    const struct chat_notice *what = t->what;
    bool created = what->event == CHAT_EVENT_THREAD_CREATED;
    bool left = what->event == CHAT_EVENT_PARTICIPANTS_REMOVED;
    const struct chat_participant *all = created ? what->participants : what->members;
    size_t n = created ? what->n_participants : what->n_members, found = 0;
    struct event_part *parts = arena_array(t->changes.arena, struct event_part, n + 1);

    for (size_t i = 0; i < n; i++) {
        if (!uuid_eq(&all[i].user, &what->actor))
            parts[found++] = recipient_of(t, &all[i].user);
        left = left && !uuid_eq(&all[i].user, &what->participants[0].user);
    }
    if (left && !uuid_eq(&what->participants[0].user, &what->actor))
        parts[found++] = recipient_of(t, &what->participants[0].user);
    *out = parts;
    return found;
}

/* What came or left is told of each person, everything else once. */
static void tell(struct telling *t, enum level level, bool persons)
{
    size_t n = persons ? t->what->n_participants : 1;
    struct event_part *firsts = arena_array(t->changes.arena, struct event_part, n), *recipients;
    static const struct event_part nobody;
    struct event_series series = {
        .firsts = firsts, .seconds = &nobody, .n_firsts = n, .n_seconds = 1};

    for (size_t i = 0; i < n; i++) {
        t->person = persons ? &t->what->participants[i] : NULL;
        firsts[i] = part_of(t, level);
    }
    if (level == LEVEL_USER) {
        series.n_seconds = find_recipients(t, &recipients);
        series.seconds = recipients;
    }
    series.resource = t->what->base.resource;
    series.type = t->kind->type[level];
    series.time = t->what->time;
    series.tail = tail_of(t);
    event_publish_series(t->events, &series, t->now, &t->changes);
}

/* ---- what others call ---- */

static bool wants(struct events *events, const struct uuid *resource, enum chat_event event,
                  enum level level)
{
    struct str type = kinds[event].type[level];

    return type.len && events_wanted(events, resource, type);
}

bool chat_events_want_members(struct events *events, const struct uuid *resource,
                              enum chat_event event)
{
    return wants(events, resource, event, LEVEL_USER);
}

/* Messages of the service itself are told by what they are about. */
static bool is_system_message(const struct chat_notice *what)
{
    return kinds[what->event].write == write_message && what->type != CHAT_TEXT &&
           what->type != CHAT_HTML;
}

/* Opaque, the same in all events of one change. */
static struct str transaction_id(struct arena *arena, unix_ms now)
{
    struct uuid random = uuid_random();
    char text[TRANSACTION_LEN];

    hex_encode(random.octets, sizeof text / 2, text);
    return arena_printf(arena, "%.*s.1.1.1.1.%lld.1", (int)sizeof text, text,
                        (long long)(now % 1000000000));
}

void chat_events_publish(struct events *events, const struct chat_notice *what, unix_ms now,
                         struct change_set *set, struct arena *arena)
{
    bool users = wants(events, &what->base.resource, what->event, LEVEL_USER);
    bool thread = wants(events, &what->base.resource, what->event, LEVEL_THREAD);
    struct telling t = {.events = events,
                        .what = what,
                        .kind = &kinds[what->event],
                        .now = now,
                        .changes = {.arena = arena,
                                    .items = set->items,
                                    .n = set->n,
                                    .cap = set->cap > set->n ? set->cap : set->n}};
    bool persons = t.kind->write == write_came_or_left;

    if ((!users && !thread) || is_system_message(what))
        return;
    t.transaction = transaction_id(arena, now);
    if (thread)
        tell(&t, LEVEL_THREAD, persons);
    if (users)
        tell(&t, LEVEL_USER, persons);
    set->items = t.changes.items;
    set->n = t.changes.n;
    set->cap = t.changes.cap;
}
