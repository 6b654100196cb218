/* Messages: send, get, edit, delete. Lists are chat_history.c. Source: wire/chat §2.6. */
#include "services/chat/chat_wire.h"

#define ID_JSON_MAX      ((size_t)64)
#define MESSAGE_JSON_MAX ((size_t)2048)
#define ESCAPED_MAX      ((size_t)6)
#define METADATA_MAX     CHAT_CONTENT_MAX /* of a message: its names are free, it counts as text */

struct posting {
    struct chat_write write; /* first */
    struct chat_message_row message;
    /* of a change: */
    bool has_content;
    struct str content;
    struct str metadata; /* the patch */
};

/* ---- what bodies say ---- */

static void wrong(struct chat_reading *r, const char *name, const char *what)
{
    chat_problem_add(&r->problems, arena_printf(r->req->arena, "%s %s.", name, what),
                     str_from(name));
}

static void read_content(struct chat_reading *r, struct str *out)
{
    const json_t *value = json_object_get(r->body, "content");
    struct str text = str_of(json_string_value(value), json_string_length(value));

    if (!json_is_string(value) || !text.len)
        wrong(r, "content", "must be a string that is not empty");
    else if (text.len > CHAT_CONTENT_MAX)
        r->too_large = true;
    else
        *out = arena_dup(r->req->arena, text);
}

static void read_type(struct chat_reading *r, struct chat_message_row *out)
{
    struct str text = STR("text");

    chat_read_str(r, "type", sizeof "participantRemoved", &text);
    out->type = name_eq_nocase(text, STR("text"))   ? CHAT_TEXT
                : name_eq_nocase(text, STR("html")) ? CHAT_HTML
                                                    : CHAT_MESSAGE_NONE;
    if (out->type == CHAT_MESSAGE_NONE)
        wrong(r, "type", "must be 'text' or 'html'");
}

void chat_reading_message(struct chat_reading *r, struct chat_message_row *out)
{
    read_content(r, &out->content);
    read_type(r, out);
    chat_read_str(r, "senderDisplayName", CHAT_NAME_MAX, &out->sender_name);
    chat_read_metadata(r, METADATA_MAX, &out->metadata);
}

static bool read_new(struct posting *p, struct request *req)
{
    struct chat_reading r;

    if (!chat_reading_begin(&r, req))
        return false;
    chat_reading_message(&r, &p->message);
    return chat_reading_end(&r);
}

static bool read_change(struct posting *p, struct request *req)
{
    struct chat_reading r;

    if (!chat_reading_begin(&r, req))
        return false;
    p->has_content = chat_reading_has(&r, "content");
    if (p->has_content)
        read_content(&r, &p->content);
    chat_read_metadata_patch(&r, METADATA_MAX, &p->metadata);
    return chat_reading_end(&r);
}

/* False: answered. */
static bool clean(struct request *req, struct str *content)
{
    enum rc rc = chat_html_clean(*content, CHAT_CONTENT_MAX, req->arena, content);

    if (rc) {
        answer_error(req, &API_CHAT_TOO_LARGE);
        return false;
    }
    if (content->len == 0) {
        chat_answer_problem(req, STR("content holds nothing that may be shown."), STR("content"));
        return false;
    }
    return true;
}

/* ---- what is told ---- */

static void tell(struct chat_write *w, const struct chat_message_row *m, enum chat_event event)
{
    w->notice = chat_write_notice(w, event, &w->turn.row);
    w->notice.actor_name = m->sender_name;
    w->notice.message = m->id;
    w->notice.version = m->version;
    w->notice.seq = m->seq;
    w->notice.edited = m->edited;
    w->notice.deleted = m->deleted;
    w->notice.type = m->type;
    w->notice.content = m->content;
    w->notice.metadata = m->metadata;
    w->notice.members = chat_write_members(w, &w->notice.n_members);
    w->tells = true;
}

/* ---- send ---- */

void chat_message_add(struct chat_write *w, struct change_set *set, struct chat_message_row *m)
{
    m->sender = w->actor.user;
    chat_write_number(w, &w->turn.row, m);
    chat_write_message(w, set, m);
    chat_write_head(w, set, &w->turn.row);
    tell(w, m, CHAT_EVENT_MESSAGE_RECEIVED);
}

static const struct api_error *decide_send(struct chat_write *w, struct change_set *set)
{
    struct posting *p = (struct posting *)w;

    chat_message_add(w, set, &p->message);
    return NULL;
}

static void answer_sent(struct chat_write *w)
{
    const struct posting *p = (const struct posting *)w;
    struct request *req = w->req;
    struct str id = chat_message_id(p->message.id, req->arena);
    struct str thread = chat_thread_id(&w->turn.row, req->arena), origin = request_origin(req);
    struct buf out = answer_buf(req, ID_JSON_MAX);
    struct json_writer writer;

    json_writer_init(&writer, &out);
    json_object_begin(&writer);
    json_member_str(&writer, "id", id);
    json_object_end(&writer);
    reply_header(req, STR("Location"),
                 arena_printf(req->arena,
                              STR_FMT "/chat/threads/19%%3A" STR_FMT "/messages/" STR_FMT,
                              STR_ARG(origin), STR_ARG(str_from_index(thread, sizeof "19:" - 1)),
                              STR_ARG(id)));
    answer_json(req, 201, &out);
}

void chat_message_send(struct request *req)
{
    struct posting *p = arena_new(req->arena, struct posting);
    struct chat_place place;

    if (!chat_enter(req, &place) ||
        !chat_limits_allow(req, CHAT_LIMIT_CHANGE_MESSAGES, &place.thread.key) ||
        !read_new(p, req) || (p->message.type == CHAT_HTML && !clean(req, &p->message.content)))
        return;
    chat_write_begin(&p->write, req, &place);
    p->write.decide = decide_send;
    p->write.answer = answer_sent;
    chat_write_commit(&p->write, CHAT_EVENT_MESSAGE_RECEIVED);
}

/* ---- get ---- */

/* The message of the path, if the member sees it; false: answered. */
static bool find_message(struct request *req, const struct chat_place *place,
                         struct chat_message_row *out)
{
    unix_ms id = 0;
    enum rc rc = chat_message_id_parse(req->params[1], &id) ? RC_NOT_FOUND : RC_OK;

    if (!rc)
        rc = store_chat_message(req->site->reader, &place->thread.key, id, req->arena, out);
    if (!rc && !chat_sees(&place->member, id)) {
        req->explain = STR("chat; the message is outside of what the token's user may see");
        rc = RC_NOT_FOUND;
    }
    if (rc == RC_NOT_FOUND)
        answer_error(req, &API_CHAT_MESSAGE_NOT_FOUND);
    else if (rc)
        chat_answer_rc(req, rc);
    return rc == RC_OK;
}

void chat_message_get(struct request *req)
{
    struct chat_message_row row;
    struct chat_place place;
    struct json_writer w;
    struct buf out;

    if (!chat_enter_to_read(req, &place) ||
        !chat_limits_allow(req, CHAT_LIMIT_GET_MESSAGE, &place.thread.key) ||
        !find_message(req, &place, &row))
        return;
    out = answer_buf(req, MESSAGE_JSON_MAX + ESCAPED_MAX * (row.content.len + row.sender_name.len) +
                              row.metadata.len);
    json_writer_init(&w, &out);
    chat_message_write(&w, &place.thread.resource, &row);
    answer_json(req, 200, &out);
}

/* ---- edit and delete ---- */

/* Whether it is the actor's to change. The same on the loop and in the turn. */
static const struct api_error *change_refusal(const struct chat_message_row *m,
                                              const struct uuid *actor, struct str *out_explain)
{
    bool by_user = m->type == CHAT_TEXT || m->type == CHAT_HTML;

    if (!m->id)
        return &API_CHAT_MESSAGE_NOT_FOUND;
    if (by_user && uuid_eq(&m->sender, actor))
        return NULL;
    *out_explain = by_user ? STR("chat; only the sender may change a message")
                           : STR("chat; system messages can't be changed");
    return &API_FORBIDDEN;
}

/* What edit and delete begin with; false: answered. */
static bool enter_to_change(struct request *req, struct chat_place *place)
{
    return chat_enter(req, place) &&
           chat_limits_allow(req, CHAT_LIMIT_CHANGE_MESSAGES, &place->thread.key);
}

/* The message of the path, if it is the caller's to change; false: answered. */
static bool find_own(struct posting *p, struct request *req, const struct chat_place *place)
{
    const struct api_error *error;

    if (!find_message(req, place, &p->message))
        return false;
    error = change_refusal(&p->message, &req->principal->user.user, &req->explain);
    if (error)
        answer_error(req, error);
    return !error;
}

static void commit_change(struct posting *p, struct request *req, const struct chat_place *place,
                          enum chat_event event)
{
    chat_write_begin(&p->write, req, place);
    p->write.turn.message = p->message.id;
    p->write.answer = chat_write_answer_empty;
    chat_write_commit(&p->write, event);
}

/* Behind what it was before, also when its id ran ahead of the clock (many in a millisecond) or the
 * clock was set back. */
static unix_ms change_time(const struct chat_write *w, const struct chat_message_row *m)
{
    return w->now > m->version ? w->now : m->version + 1;
}

/* The changed message gets the next number, so that lists show it as what happened last. */
static void put_change(struct chat_write *w, struct change_set *set, struct chat_message_row *m,
                       enum chat_event event)
{
    struct chat_thread_row row = w->turn.row;

    m->seq = ++row.seq;
    chat_write_message(w, set, m);
    chat_write_head(w, set, &row);
    tell(w, m, event);
}

static const struct api_error *decide_edit(struct chat_write *w, struct change_set *set)
{
    struct posting *p = (struct posting *)w;
    const struct api_error *error = change_refusal(&w->turn.found, &w->actor.user, &w->explain);

    if (!error && w->turn.found.deleted)
        error = &API_CHAT_MESSAGE_NOT_FOUND;
    if (error)
        return error;
    p->message = w->turn.found;
    if (p->has_content)
        p->message.content = p->content;
    if (p->metadata.len)
        error = chat_write_merge(w, w->turn.found.metadata, p->metadata, METADATA_MAX,
                                 &p->message.metadata);
    if (error)
        return error;
    p->message.edited = p->message.version = change_time(w, &p->message);
    put_change(w, set, &p->message, CHAT_EVENT_MESSAGE_EDITED);
    return NULL;
}

void chat_message_update(struct request *req)
{
    struct posting *p = arena_new(req->arena, struct posting);
    struct chat_place place;

    if (!enter_to_change(req, &place) || !read_change(p, req) || !find_own(p, req, &place))
        return;
    if (p->message.deleted) {
        req->explain = STR("chat; the message was deleted");
        answer_error(req, &API_CHAT_MESSAGE_NOT_FOUND);
        return;
    }
    if (p->has_content && p->message.type == CHAT_HTML && !clean(req, &p->content))
        return;
    if (!p->has_content && !p->metadata.len) {
        answer_empty(req, 204);
        return;
    }
    p->write.decide = decide_edit;
    commit_change(p, req, &place, CHAT_EVENT_MESSAGE_EDITED);
}

void chat_message_end(struct chat_write *w, struct change_set *set, struct chat_message_row *m)
{
    m->content = STR_EMPTY;
    m->metadata = STR_EMPTY;
    m->edited = 0;
    m->deleted = m->version = change_time(w, m);
    put_change(w, set, m, CHAT_EVENT_MESSAGE_DELETED);
}

static const struct api_error *decide_delete(struct chat_write *w, struct change_set *set)
{
    struct posting *p = (struct posting *)w;
    const struct api_error *error = change_refusal(&w->turn.found, &w->actor.user, &w->explain);

    if (error || w->turn.found.deleted)
        return error;
    p->message = w->turn.found;
    chat_message_end(w, set, &p->message);
    return NULL;
}

void chat_message_delete(struct request *req)
{
    struct posting *p = arena_new(req->arena, struct posting);
    struct chat_place place;

    if (!enter_to_change(req, &place) || !find_own(p, req, &place))
        return;
    p->write.decide = decide_delete;
    commit_change(p, req, &place, CHAT_EVENT_MESSAGE_DELETED);
}
