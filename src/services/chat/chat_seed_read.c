/* Threads of a seed, as the document says them: judged as bodies of requests are, and by what a
 * request could not say, ids and times. Source: wire/administration §3; wire/chat §1.3, §2. */
#include "services/chat/chat_seed.h"

#include "services/body.h"

/* What a reader of bodies found wrong, as the document's fault. */
static bool well_read(struct seeding *s, struct str path, const struct chat_reading *r)
{
    if (r->too_large)
        return seed_refuse(s, seed_member(s, path, "content"), STR("A message has at most 28 KB."));
    if (!r->problems.n)
        return true;
    return seed_refuse(s,
                       arena_printf(s->req->arena, STR_FMT "." STR_FMT, STR_ARG(path),
                                    STR_ARG(r->problems.items[0].target)),
                       r->problems.items[0].message);
}

/* ---- participants ---- */

static bool is_in(const struct chat_making *m, const struct uuid *user)
{
    for (size_t i = 0; i < m->n; i++)
        if (uuid_eq(&m->participants[i].user, user))
            return true;
    return false;
}

static bool read_participant(struct seeding *s, struct str path, json_t *value,
                             struct chat_making *m)
{
    static const struct str names[] = {STR_INIT("user"), STR_INIT("displayName"),
                                       STR_INIT("shareHistoryTime"), STR_INIT("metadata")};
    struct chat_participant *p = &m->participants[m->n];
    struct chat_reading r = {.req = s->req, .body = value};

    *p = (struct chat_participant){0};
    if (!seed_count(s, path) || !seed_members(s, path, value, names, ARRAY_LEN(names)) ||
        !seed_user(s, path, value, "user", &p->user) ||
        !seed_time(s, path, value, "shareHistoryTime", &p->share_from))
        return false;
    if (is_in(m, &p->user))
        return seed_refuse(s, seed_member(s, path, "user"), STR("It is named twice."));
    chat_read_str(&r, "displayName", CHAT_NAME_MAX, &p->display_name);
    chat_read_metadata(&r, CHAT_METADATA_MAX, &p->metadata);
    m->n++;
    return well_read(s, path, &r);
}

/* The creator goes first, listed or not. */
static void put_creator_first(struct chat_making *m, const struct uuid *creator)
{
    size_t at = 0;

    while (at < m->n && !uuid_eq(&m->participants[at].user, creator))
        at++;
    if (at == m->n)
        m->participants[m->n++] = (struct chat_participant){.user = *creator};
    struct chat_participant first = m->participants[at];

    memmove(m->participants + 1, m->participants, at * sizeof first);
    m->participants[0] = first;
}

static bool fit(struct seeding *s, struct str path, size_t n)
{
    return n <= CHAT_MEMBERS_MAX || seed_refuse(s, seed_member(s, path, "participants"),
                                                STR("A thread has at most 250 participants."));
}

static bool read_people(struct seeding *s, struct str path, const json_t *value,
                        struct chat_making *m)
{
    struct uuid *creator = &m->write.actor.user;
    json_t *list;
    size_t n;

    if (!seed_list(s, path, value, "participants", &list))
        return false;
    n = json_array_size(list);
    if (!fit(s, path, n)) /* each is held against the others */
        return false;
    m->participants = arena_array(s->req->arena, struct chat_participant, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!read_participant(s, seed_item(s, seed_member(s, path, "participants"), i),
                              json_array_get(list, i), m))
            return false;
    if (json_object_get(value, "createdBy") || !n) {
        if (!seed_user(s, path, value, "createdBy", creator))
            return false;
    } else {
        *creator = m->participants[0].user;
    }
    put_creator_first(m, creator);
    return fit(s, path, m->n);
}

/* ---- messages ---- */

static bool clean(struct seeding *s, struct str path, struct chat_message_row *m)
{
    struct str at = seed_member(s, path, "content");

    if (m->type != CHAT_HTML)
        return true;
    if (chat_html_clean(m->content, CHAT_CONTENT_MAX, s->req->arena, &m->content))
        return seed_refuse(s, at, STR("A message has at most 28 KB."));
    return m->content.len || seed_refuse(s, at, STR("It holds nothing that may be shown."));
}

static bool read_message(struct seeding *s, struct str path, json_t *value,
                         const struct seeded_thread *t, struct seeded_message *out)
{
    static const struct str names[] = {STR_INIT("sender"),   STR_INIT("content"),
                                       STR_INIT("type"),     STR_INIT("senderDisplayName"),
                                       STR_INIT("metadata"), STR_INIT("createdOn")};
    struct chat_reading r = {.req = s->req, .body = value};

    if (!seed_count(s, path) || !seed_members(s, path, value, names, ARRAY_LEN(names)) ||
        !seed_user(s, path, value, "sender", &out->sender))
        return false;
    if (!is_in(&t->making, &out->sender))
        return seed_refuse(s, seed_member(s, path, "sender"),
                           STR("It is no participant of the thread."));
    chat_reading_message(&r, &out->row);
    return well_read(s, path, &r) && clean(s, path, &out->row) &&
           seed_time(s, path, value, "createdOn", &out->when);
}

static bool read_messages(struct seeding *s, struct str path, const json_t *value,
                          struct seeded_thread *t)
{
    unix_ms last = t->making.write.now;
    json_t *list;

    if (!seed_list(s, path, value, "messages", &list))
        return false;
    t->n_messages = json_array_size(list);
    t->messages = arena_array(s->req->arena, struct seeded_message, t->n_messages);
    t->notices = arena_array(s->req->arena, struct chat_notice, t->n_messages + 1);
    for (size_t i = 0; i < t->n_messages; i++) {
        struct str at = seed_item(s, seed_member(s, path, "messages"), i);
        struct seeded_message *m = &t->messages[i];

        *m = (struct seeded_message){.when = s->req->now};
        if (!read_message(s, at, json_array_get(list, i), t, m))
            return false;
        if (m->when < last)
            return seed_refuse(s, seed_member(s, at, "createdOn"),
                               STR("It lies before the thread or the message before it."));
        last = m->when;
    }
    return true;
}

/* ---- the thread ---- */

static bool read_id(struct seeding *s, struct str path, const json_t *value, struct chat_making *m)
{
    struct str text, at = seed_member(s, path, "id");
    struct uuid *key = &m->write.turn.thread;
    struct chat_thread_row there;
    enum rc rc = json_get_str(value, "id", &text);

    if (rc == RC_NOT_FOUND) {
        *key = uuid_ordered(m->write.now);
        m->secret = uuid_random();
        return true;
    }
    if (rc || chat_thread_id_parse(text, key, &m->secret))
        return seed_refuse(s, at, STR("It must be the id of a thread, 19:…@thread.v2."));
    rc = store_chat_thread(s->req->site->reader, key, s->req->arena, &there);
    return rc == RC_NOT_FOUND || seed_conflict(s, at,
                                               STR("There is a thread with this id, or was "
                                                   "a moment ago."));
}

/* Its texts, by the reader of bodies. */
static bool read_properties(struct seeding *s, struct str path, json_t *value,
                            struct chat_making *m)
{
    struct chat_reading r = {.req = s->req, .body = value};

    chat_read_topic(&r, &m->topic);
    chat_read_metadata(&r, CHAT_METADATA_MAX, &m->metadata);
    (void)chat_read_retention(&r, &m->days); /* absent: none */
    return well_read(s, path, &r);
}

bool seed_thread_read(struct seeding *s, struct str path, json_t *value, struct seeded_thread *out)
{
    static const struct str names[] = {
        STR_INIT("as"),        STR_INIT("id"),           STR_INIT("topic"),
        STR_INIT("metadata"),  STR_INIT("createdBy"),    STR_INIT("retentionPolicy"),
        STR_INIT("createdOn"), STR_INIT("participants"), STR_INIT("messages")};
    struct chat_making *m = &out->making;

    m->write.chat = s->req->site->chat;
    m->write.arena = s->req->arena;
    m->write.now = s->req->now;
    m->write.actor.resource = s->req->principal->resource->id;
    return seed_count(s, path) && seed_members(s, path, value, names, ARRAY_LEN(names)) &&
           seed_text(s, path, value, "as", &out->as) &&
           seed_time(s, path, value, "createdOn", &m->write.now) && read_id(s, path, value, m) &&
           read_properties(s, path, value, m) && read_people(s, path, value, m) &&
           read_messages(s, path, value, out);
}
