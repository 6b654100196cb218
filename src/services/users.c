/* Finding, changing and telling of users. */
#include "services/users.h"
#include "services/answer.h"

#define EXTERNAL_ID_MAX ((size_t)256)

enum rc user_key_of(const struct request *req, struct str raw_id, struct user_key *out)
{
    const struct resource *own = req->principal->resource;

    if (!own || user_id_parse(raw_id, out) || !uuid_eq(&out->resource, &own->id))
        return RC_NOT_FOUND;
    return RC_OK;
}

enum rc user_find(struct request *req, struct str raw_id, struct user_row *out)
{
    struct user_key key;
    enum rc rc = user_key_of(req, raw_id, &key);

    if (!rc)
        rc = store_user(req->site->reader, &key, req->arena, out);
    if (!rc && out->deleted)
        rc = RC_NOT_FOUND;
    return rc;
}

struct user_row user_new(const struct request *req)
{
    return (struct user_row){
        .key = {.resource = req->principal->resource->id, .user = uuid_ordered(req->now)},
        .created = req->now,
    };
}

void user_change(struct request *req, enum change_kind kind, const struct user_row *row,
                 change_done_fn done, void *ctx)
{
    struct change *change = arena_new(req->arena, struct change);
    struct change_set *set = arena_new(req->arena, struct change_set);

    change->kind = kind;
    change->u.user = *row;
    *set =
        (struct change_set){.items = change, .n = 1, .loop = req->loop, .done = done, .ctx = ctx};
    request_hold(req);
    store_commit(req->site->store, set);
}

bool external_id_valid(struct str text)
{
    size_t characters = 0;

    while (text.len) {
        size_t len = str_utf8_char(text);

        if (!len || ++characters > EXTERNAL_ID_MAX)
            return false;
        text = str_from_index(text, len);
    }
    return characters > 0;
}

void user_write(struct json_writer *w, const struct user_row *row, struct arena *arena)
{
    json_object_begin(w);
    json_member_str(w, "id", user_id_format(&row->key, arena));
    if (row->external_id.len)
        json_member_str(w, "externalId", row->external_id);
    json_member_time(w, "createdOn", row->created);
    if (row->last_issued)
        json_member_time(w, "lastTokenIssuedOn", row->last_issued);
    if (row->valid_from)
        json_member_time(w, "tokensValidFrom", row->valid_from);
    if (row->revoked)
        json_member_time(w, "tokensRevokedOn", row->revoked);
    if (row->deleted)
        json_member_time(w, "deletedOn", row->deleted);
    json_object_end(w);
}

void user_answer_rc(struct request *req, enum rc rc)
{
    if (rc == RC_NOT_FOUND)
        answer_error(req, &API_IDENTITY_NOT_FOUND);
    else
        answer_rc(req, rc);
}
