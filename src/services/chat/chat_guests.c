/* People whom requests name: which user of which resource an identifier means, and whether he can
 * be in a thread of ours. Source: wire/chat §1.3, §2.2. */
#include "services/chat/chat_wire.h"

#define RAW_ID_MAX      ((size_t)256)
#define INVALID_MAX     ((size_t)256) /* of one item, without the id */
#define ESCAPED_MAX     ((size_t)6)
#define PARTICIPANT_MAX ((size_t)512) /* the same */

static const struct str text_foreign =
    STR_INIT("Permissions check failed: only users of this resource can be in its threads.");
static const struct str text_unknown = STR_INIT("The user does not exist, or was deleted.");
static const struct str text_no_user = STR_INIT("The identifier is not one of a user.");

/* ---- one identifier ---- */

/* The members that say what kind of identifier it is, and what their id is called. */
static const struct {
    const char *name, *id, *prefix;
} typed[] = {
    {"communicationUser", "id", ""},
    {"phoneNumber", "value", "4:"},
    {"microsoftTeamsUser", "userId", "8:orgid:"},
    {"microsoftTeamsApp", "appId", "28:orgid:"},
    {"teamsExtensionUser", "userId", "8:acs:"},
};

static bool wrong(struct chat_reading *r, struct str target, const char *what)
{
    chat_problem_add(&r->problems,
                     arena_printf(r->req->arena, STR_FMT " %s.", STR_ARG(target), what), target);
    return false;
}

/* A slice into the object; false when there is one that is no text of a fit length. */
static bool get_id(const json_t *obj, const char *name, struct str *out)
{
    enum rc rc = json_get_str(obj, name, out);

    if (rc == RC_NOT_FOUND)
        *out = STR_EMPTY;
    return rc == RC_NOT_FOUND || (rc == RC_OK && out->len && out->len <= RAW_ID_MAX);
}

/* What the typed member says as a raw id, in the arena; empty: there is none. */
static bool read_typed(struct chat_reading *r, const json_t *identifier, struct str target,
                       struct str *out, size_t *out_kind)
{
    size_t found = 0;

    for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
        const json_t *member = json_object_get(identifier, typed[i].name);
        struct str id;

        if (!member || json_is_null(member))
            continue;
        if (!json_is_object(member) || !get_id(member, typed[i].id, &id) || !id.len)
            return wrong(r, target, "has a typed member without a fit id");
        *out = arena_printf(r->req->arena, "%s" STR_FMT, typed[i].prefix, STR_ARG(id));
        *out_kind = i;
        found++;
    }
    return found <= 1 || wrong(r, target, "has more than one typed member");
}

/* Whether it can be a user of the caller's resource at all. */
static void judge(const struct request *req, struct chat_person *p)
{
    const struct uuid *own = &req->principal->user.resource;

    if (!str_starts(p->raw_id, STR("8:"))) {
        p->code = 400;
        p->message = text_no_user;
    } else if (user_id_parse(p->raw_id, &p->key) || !uuid_eq(&p->key.resource, own)) {
        p->code = 403;
        p->message = text_foreign;
    }
}

bool chat_read_person(struct chat_reading *r, const json_t *identifier, struct str target,
                      struct chat_person *out)
{
    struct str raw, spelled = STR_EMPTY;
    size_t kind = 0;

    *out = (struct chat_person){0};
    if (!json_is_object(identifier))
        return wrong(r, target, "must be an identifier object");
    if (!get_id(identifier, "rawId", &raw))
        return wrong(r, target, "has a rawId that is no fit text");
    if (!read_typed(r, identifier, target, &spelled, &kind))
        return false;
    if (!raw.len && !spelled.len)
        return wrong(r, target, "names nobody: rawId or communicationUser is required");
    if (raw.len && spelled.len && kind == 0 && !name_eq(raw, spelled))
        return wrong(r, target, "has a rawId and a communicationUser that differ");
    out->raw_id = raw.len ? arena_dup(r->req->arena, raw) : spelled;
    if (spelled.len && kind != 0) { /* whatever the raw id pretends */
        out->code = str_starts(spelled, STR("8:")) ? 403 : 400;
        out->message = out->code == 400 ? text_no_user : text_foreign;
    } else {
        judge(r->req, out);
    }
    return true;
}

/* ---- participants ---- */

/* False when nobody is named; that is a problem then. */
static bool read_guest(struct chat_reading *r, const json_t *item, struct str at,
                       struct chat_guest *out)
{
    struct chat_reading inner = {.req = r->req};
    struct str time = STR_EMPTY;
    struct arena *arena = r->req->arena;

    if (!json_is_object(item))
        return wrong(r, at, "must be an object");
    inner.body = (json_t *)(uintptr_t)item; /* only read */
    chat_read_str(&inner, "displayName", CHAT_NAME_MAX, &out->participant.display_name);
    chat_read_str(&inner, "shareHistoryTime", RAW_ID_MAX, &time);
    chat_read_metadata(&inner, CHAT_METADATA_MAX, &out->participant.metadata);
    if (time.len && chat_time_parse(time, arena, &out->participant.share_from))
        chat_problem_add(&inner.problems, STR("shareHistoryTime must be a date (RFC 3339)."),
                         STR("shareHistoryTime"));
    for (size_t i = 0; i < inner.problems.n; i++)
        chat_problem_add(&r->problems, inner.problems.items[i].message,
                         arena_printf(arena, STR_FMT "." STR_FMT, STR_ARG(at),
                                      STR_ARG(inner.problems.items[i].target)));
    if (!chat_read_person(r, json_object_get(item, "communicationIdentifier"),
                          arena_printf(arena, STR_FMT ".communicationIdentifier", STR_ARG(at)),
                          &out->person))
        return false;
    out->participant.user = out->person.key.user;
    return true;
}

static bool is_known(const struct chat_guests *guests, const struct chat_guest *g)
{
    for (size_t i = 0; i < guests->n; i++) {
        const struct chat_guest *e = &guests->items[i];

        if (g->person.code == 0 && e->person.code == 0
                ? uuid_eq(&e->participant.user, &g->participant.user)
                : name_eq(e->person.raw_id, g->person.raw_id))
            return true;
    }
    return false;
}

void chat_read_guests(struct chat_reading *r, bool required, struct chat_guests *out)
{
    const json_t *list = json_object_get(r->body, "participants");
    struct str name = STR("participants");
    size_t n = json_array_size(list);

    *out = (struct chat_guests){0};
    if (list && !json_is_null(list) && !json_is_array(list)) {
        (void)wrong(r, name, "must be a list");
    } else if (n > CHAT_ADD_MAX) {
        (void)wrong(r, name, "has too many items: 200 in one request, 250 in a thread");
    } else if (!n && required) {
        (void)wrong(r, name, "must name at least one");
    } else {
        out->items = arena_array(r->req->arena, struct chat_guest, n);
        for (size_t i = 0; i < n && r->problems.n < CHAT_PROBLEMS_MAX; i++) {
            struct chat_guest *g = &out->items[out->n];

            *g = (struct chat_guest){0};
            if (read_guest(r, json_array_get(list, i),
                           arena_printf(r->req->arena, "participants[%zu]", i), g) &&
                !is_known(out, g))
                out->n++;
        }
    }
}

bool chat_guests_look_up(struct request *req, struct chat_guests *guests)
{
    for (size_t i = 0; i < guests->n; i++) {
        struct chat_person *p = &guests->items[i].person;
        struct user_row row;
        enum rc rc;

        if (p->code)
            continue;
        rc = store_user(req->site->reader, &p->key, req->arena, &row);
        if (rc && rc != RC_NOT_FOUND) {
            chat_answer_rc(req, rc);
            return false;
        }
        if (rc || row.deleted) {
            p->code = 404;
            p->message = text_unknown;
        }
    }
    return true;
}

/* ---- answers ---- */

size_t chat_guests_invalid_max(const struct chat_guests *guests)
{
    size_t max = INVALID_MAX;

    for (size_t i = 0; i < guests->n; i++)
        if (guests->items[i].person.code)
            max += INVALID_MAX + ESCAPED_MAX * guests->items[i].person.raw_id.len;
    return max;
}

void chat_guests_write_invalid(struct json_writer *w, const struct chat_guests *guests)
{
    bool open = false;

    for (size_t i = 0; i < guests->n; i++) {
        const struct chat_person *p = &guests->items[i].person;
        char code[3];

        if (!p->code)
            continue;
        if (!open) {
            json_name(w, "invalidParticipants");
            json_array_begin(w);
            open = true;
        }
        code[0] = (char)('0' + p->code / 100);
        code[1] = (char)('0' + p->code / 10 % 10);
        code[2] = (char)('0' + p->code % 10);
        json_object_begin(w);
        json_member_str(w, "code", str_of(code, sizeof code));
        json_member_str(w, "message", p->message);
        json_member_str(w, "target", p->raw_id);
        json_object_end(w);
    }
    if (open)
        json_array_end(w);
}

struct str chat_participants_text(const struct uuid *resource, const struct chat_participant *items,
                                  size_t n, struct arena *arena)
{
    size_t max = 16;
    struct json_writer w;
    struct buf out;

    for (size_t i = 0; i < n; i++)
        max += PARTICIPANT_MAX + ESCAPED_MAX * items[i].display_name.len + items[i].metadata.len;
    out = (struct buf){.ptr = arena_alloc(arena, max), .cap = max, .max = max - 1};
    json_writer_init(&w, &out);
    json_array_begin(&w);
    for (size_t i = 0; i < n; i++)
        chat_participant_write(&w, resource, &items[i]);
    json_array_end(&w);
    return buf_str(&out);
}
