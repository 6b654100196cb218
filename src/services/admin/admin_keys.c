/* The two access keys of a resource: when they were used, new ones, imported ones. Checking
 * signatures is the gate's; the values leave here only for the administrator. */
#include "gate/access_key.h"
#include "services/admin/admin.h"
#include "services/body.h"
#include "services/resource_rows.h"

#define CONNECTION_ROOM ((size_t)1024)

static void write_value(struct request *req, const struct resource *r, struct str key,
                        struct json_writer *w)
{
    json_member_str(w, "key", key);
    json_member_str(w, "connectionString", connection_string(req, r, key));
}

static void write_key(struct request *req, const struct resource *r, enum key_slot slot,
                      bool reveal, struct json_writer *w)
{
    const struct access_key *k = &r->keys[slot];

    json_object_begin(w);
    json_member_time(w, "lastUsedOn",
                     k->last_used ? atomic_load_explicit(k->last_used, memory_order_relaxed) : 0);
    json_member_time(w, "regeneratedOn", k->regenerated);
    if (reveal && k->present)
        write_value(req, r, access_key_text(&k->secret, req->arena), w);
    json_object_end(w);
}

void admin_keys_get(struct request *req)
{
    const struct resource *r = req->principal->resource;
    bool reveal = name_eq(request_query(req, "reveal"), STR("true"));
    struct buf out = answer_buf(req, 4 * CONNECTION_ROOM);
    struct json_writer w;

    if (reveal && req->principal->kind != PRINCIPAL_ADMINISTRATOR) {
        req->explain = STR("policy; an access key may see when keys were used, not their values");
        answer_refusal(req, &(struct refusal){&API_FORBIDDEN,
                                              STR("Only the administrator may see the keys."),
                                              STR("reveal")});
        return;
    }
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_name(&w, "primary");
    write_key(req, r, KEY_PRIMARY, reveal, &w);
    json_name(&w, "secondary");
    write_key(req, r, KEY_SECONDARY, reveal, &w);
    json_object_end(&w);
    reply_header(req, STR("Cache-Control"), STR("no-store"));
    answer_json(req, 200, &out);
}

struct key_body {
    bool keep_tokens;
    struct str key;
};

struct regeneration {
    struct request *req;
    const struct resource *resource;
    enum key_slot slot;
    struct str text; /* of the new key */
    struct change change;
    struct change_set set;
};

static void on_regenerated(void *ctx, enum rc rc, struct change_set *set)
{
    struct regeneration *g = ctx;
    struct request *req = g->req;
    struct buf out = answer_buf(req, 2 * CONNECTION_ROOM);
    struct json_writer w;

    (void)set;
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    json_writer_init(&w, &out);
    json_object_begin(&w);
    write_value(req, g->resource, g->text, &w);
    json_object_end(&w);
    reply_header(req, STR("Cache-Control"), STR("no-store"));
    answer_json(req, 200, &out);
}

/* The new key: imported, or random. False: answered. */
static bool make_secret(struct regeneration *g, const struct key_body *body, struct secret *out)
{
    enum rc rc;

    if (!body->key.ptr) {
        *out = resource_random_key();
        return true;
    }
    rc = access_key_import(body->key, out);
    if (rc == RC_INVALID) {
        answer_invalid(g->req, STR("key must be 16 to 128 octets in base64."), STR("$.key"));
        return false;
    }
    if (rc) {
        answer_rc(g->req, rc);
        return false;
    }
    if (!access_key_taken(gate_directory(g->req->site->gate), out, &g->resource->id, g->slot))
        return true;
    secret_clear(out);
    answer_refusal(g->req, &(struct refusal){&API_CONFLICT,
                                             STR("Another resource, or the other slot, has this "
                                                 "key already."),
                                             STR("$.key")});
    return false;
}

static bool read_slot(struct str text, enum key_slot *out)
{
    *out = name_eq(text, STR("secondary")) ? KEY_SECONDARY : KEY_PRIMARY;
    return *out == KEY_SECONDARY || name_eq(text, STR("primary"));
}

void admin_key_regenerate(struct request *req)
{
    static const struct json_field fields[] = {
        {"keepTokens", JSON_FIELD_BOOL, offsetof(struct key_body, keep_tokens), 0, 0, false},
        {"key", JSON_FIELD_STR, offsetof(struct key_body, key), 0, 0, false},
        {0}};
    struct regeneration *g = arena_new(req->arena, struct regeneration);
    AUTO(secret_clear) struct secret secret = {0};
    struct key_body body = {0};
    struct refusal why;
    enum rc rc;

    g->req = req;
    g->resource = req->principal->resource;
    if (!g->resource || !read_slot(req->params[0], &g->slot)) {
        answer_error(req, &API_NOT_FOUND);
        return;
    }
    if (!body_fill(req, fields, &body, &why)) {
        answer_refusal(req, &why);
        return;
    }
    if (!make_secret(g, &body, &secret))
        return;
    rc = resource_next_key(req, g->resource, g->slot, &secret, &g->change);
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    if (body.keep_tokens)
        g->change.u.access_key.tokens_valid_from = g->resource->keys[g->slot].tokens_valid_from;
    g->text = access_key_text(&secret, req->arena);
    g->set = (struct change_set){
        .items = &g->change, .n = 1, .loop = req->loop, .done = on_regenerated, .ctx = g};
    request_hold(req);
    store_commit(req->site->store, &g->set);
}
