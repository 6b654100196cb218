/* Finding and changing users. It does not know how an answer looks. */
#include "services/users.h"

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
