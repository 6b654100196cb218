/* Who the gate says is calling. The shortest signed request there is: written straight into the
 * arena. */
#include "services/admin/admin.h"
#include "services/answer.h"
#include "services/site.h"

#define ANSWER_ROOM (2 * KIB) /* eight names of roles and more */

static struct str slot_name(enum key_slot slot)
{
    return slot == KEY_SECONDARY ? STR("secondary") : STR("primary");
}

/* "default/primary" */
static struct str key_text(struct request *req, struct str resource, struct str slot)
{
    struct buf out = answer_buf(req, resource.len + slot.len + 2);

    buf_add(&out, resource);
    buf_add_char(&out, '/');
    buf_add(&out, slot);
    return buf_str(&out);
}

static struct str id_text(struct request *req, const struct uuid *id)
{
    char *text = arena_alloc(req->arena, UUID_TEXT_LEN + 1);

    uuid_format(id, text);
    return str_of(text, UUID_TEXT_LEN);
}

/* An opaque name of the caller: the user's raw id, the principal's object id, the resource and key,
 * the peer of the socket. */
static struct str principal_text(struct request *req, const struct principal *p,
                                 struct str resource)
{
    switch (p->kind) {
    case PRINCIPAL_USER:
        return user_id_format(&p->user, req->arena);
    case PRINCIPAL_ACCESS_KEY:
        return key_text(req, resource, slot_name(p->key));
    case PRINCIPAL_ADMINISTRATOR:
        if (p->uid != UINT32_MAX)
            return arena_printf(req->arena, "uid:%u", p->uid);
        return STR("administrator");
    case PRINCIPAL_BEARER:
        return id_text(req, &p->object_id);
    case PRINCIPAL_NONE:
        break;
    }
    return principal_kind_name(p->kind);
}

static void write_scopes(struct json_writer *w, unsigned scopes)
{
    json_array_begin(w);
    for (unsigned i = 0; i < SCOPE_COUNT; i++)
        if (scopes & (1u << i))
            json_str(w, scope_name(1u << i));
    json_array_end(w);
}

void admin_whoami(struct request *req)
{
    const struct principal *p = req->principal;
    struct str resource = p->resource ? p->resource->name : STR_EMPTY;
    struct buf out = answer_buf(req, ANSWER_ROOM);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "kind", principal_kind_name(p->kind));
    json_name(&w, "resource");
    if (resource.len)
        json_str(&w, resource);
    else
        json_null_value(&w);
    json_member_str(&w, "principal", principal_text(req, p, resource));
    json_name(&w, "scopes");
    write_scopes(&w, p->kind == PRINCIPAL_USER ? p->scopes : 0);
    json_name(&w, "roles");
    if (p->kind == PRINCIPAL_BEARER) {
        gate_write_roles(req->site->gate, req, p, &w);
    } else {
        json_array_begin(&w);
        json_array_end(&w);
    }
    if (p->kind == PRINCIPAL_ACCESS_KEY)
        json_member_str(&w, "key", slot_name(p->key));
    if (p->kind == PRINCIPAL_BEARER && !uuid_eq(&p->client_id, &(struct uuid){0}))
        json_member_str(&w, "clientId", id_text(req, &p->client_id));
    if (p->kind == PRINCIPAL_USER || p->kind == PRINCIPAL_BEARER)
        json_member_time(&w, "expiresOn", p->expires);
    json_object_end(&w);
    answer_json(req, 200, &out);
}
