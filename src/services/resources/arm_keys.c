/* Access keys by the management API: shown, and renewed at once. Source: wire/managed-identity
 * §5.2, §5.3. */
#include "gate/access_key.h"
#include "services/resource_rows.h"
#include "services/resources/arm.h"

struct member_names {
    const char *key, *connection_string;
};

static const struct member_names names[KEY_SLOTS] = {
    [KEY_PRIMARY] = {"primaryKey", "primaryConnectionString"},
    [KEY_SECONDARY] = {"secondaryKey", "secondaryConnectionString"},
};

static void write_key(struct request *req, const struct resource *r, enum key_slot slot,
                      struct str key, struct json_writer *w)
{
    json_member_str(w, names[slot].key, key);
    json_member_str(w, names[slot].connection_string, resource_connection_string(req, r, key));
}

void arm_list_keys(struct request *req)
{
    const struct resource *r = arm_service(req);
    struct arm_answer a;

    if (!r)
        return;
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    for (int slot = 0; slot < KEY_SLOTS; slot++) {
        const struct access_key *k = &r->keys[slot];

        if (k->present)
            write_key(req, r, (enum key_slot)slot, access_key_text(&k->secret, req->arena), &a.w);
    }
    json_object_end(&a.w);
    reply_header(req, STR("Cache-Control"), STR("no-store"));
    arm_answer_end(&a, 200);
}

struct renewal {
    struct changes changes; /* first */
    const struct resource *resource;
    enum key_slot slot;
    struct str text;
};

static void on_renewed(void *ctx, enum rc rc, struct change_set *set)
{
    struct renewal *n = ctx;
    struct request *req = n->changes.req;
    struct arm_answer a;

    (void)set;
    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    write_key(req, n->resource, n->slot, n->text, &a.w);
    json_object_end(&a.w);
    reply_header(req, STR("Cache-Control"), STR("no-store"));
    arm_answer_end(&a, 200);
}

static bool read_slot(struct request *req, enum key_slot *out)
{
    AUTO(json_freep) json_t *body = NULL;
    struct str type;

    if (!arm_body(req, &body))
        return false;
    if (json_get_str(body, "keyType", &type) == RC_OK) {
        *out = name_eq_nocase(type, STR("Secondary")) ? KEY_SECONDARY : KEY_PRIMARY;
        if (*out == KEY_SECONDARY || name_eq_nocase(type, STR("Primary")))
            return true;
    }
    arm_refuse(req, &API_INVALID_REQUEST_CONTENT, STR("keyType must be Primary or Secondary."));
    return false;
}

void arm_regenerate_key(struct request *req)
{
    const struct resource *r = arm_service(req);
    struct renewal *n = arena_new(req->arena, struct renewal);
    AUTO(secret_clear) struct secret secret = resource_key_secret();
    enum rc rc;

    if (!r || !read_slot(req, &n->slot))
        return;
    n->resource = r;
    rc = resource_key_change(req, &r->id, n->slot, &secret, &n->changes.items[0]);
    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    resource_key_follow(&r->keys[n->slot], false, &n->changes.items[0]);
    n->text = access_key_text(&secret, req->arena);
    n->changes.n = 1;
    changes_commit(&n->changes, req, on_renewed);
}
