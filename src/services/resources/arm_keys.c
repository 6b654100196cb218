/* The access keys of a resource in the management API. Their values leave here for whoever has the
 * action, as in Azure. Source: wire/managed-identity §5.2, §5.3. */
#include "gate/access_key.h"
#include "services/resources/arm_service.h"

static void write_key(struct arm_answer *a, const struct resource *r, enum key_slot slot,
                      struct str key)
{
    bool primary = slot == KEY_PRIMARY;

    json_member_str(&a->w, primary ? "primaryKey" : "secondaryKey", key);
    json_member_str(&a->w, primary ? "primaryConnectionString" : "secondaryConnectionString",
                    connection_string(a->req, r, key));
}

static void answer_keys(struct arm_answer *a)
{
    json_object_end(&a->w);
    reply_header(a->req, STR("Cache-Control"), STR("no-store"));
    arm_answer_end(a, 200);
}

void arm_list_keys(struct request *req)
{
    const struct resource *r = arm_service(req);
    struct arm_answer a;

    if (!r)
        return;
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    for (int i = KEY_PRIMARY; i < KEY_SLOTS; i++)
        if (r->keys[i].present)
            write_key(&a, r, (enum key_slot)i, access_key_text(&r->keys[i].secret, req->arena));
    answer_keys(&a);
}

struct regeneration {
    struct changes changes; /* first */
    const struct resource *resource;
    enum key_slot slot;
    struct str text; /* of the new key */
};

static void on_regenerated(void *ctx, enum rc rc, struct change_set *set)
{
    struct regeneration *g = ctx;
    struct arm_answer a;

    (void)set;
    if (rc) {
        arm_refuse_rc(g->changes.req, rc);
        return;
    }
    arm_answer_begin(&a, g->changes.req);
    json_object_begin(&a.w);
    write_key(&a, g->resource, g->slot, g->text);
    answer_keys(&a);
}

static bool read_slot(struct request *req, enum key_slot *out)
{
    static const struct arm_text_rule rule = {"keyType", 32, true};
    AUTO(json_freep) json_t *body = NULL;
    struct str text;

    if (!arm_body(req, &body) || !arm_text(req, body, &rule, &text))
        return false;
    *out = name_eq_nocase(text, STR("Secondary")) ? KEY_SECONDARY : KEY_PRIMARY;
    if (*out == KEY_SECONDARY || name_eq_nocase(text, STR("Primary")))
        return true;
    arm_invalid(req, STR("'keyType' must be Primary or Secondary."));
    return false;
}

void arm_regenerate_key(struct request *req)
{
    const struct resource *r = arm_service(req);
    AUTO(secret_clear) struct secret secret = {0};
    struct regeneration *g;
    enum key_slot slot;
    enum rc rc;

    if (!r || !read_slot(req, &slot))
        return;
    g = arena_new(req->arena, struct regeneration);
    g->resource = r;
    g->slot = slot;
    secret = resource_random_key();
    rc = resource_next_key(req, g->resource, g->slot, &secret, g->changes.items);
    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    g->changes.n = 1;
    g->text = access_key_text(&secret, req->arena);
    changes_commit(&g->changes, req, on_regenerated);
}
