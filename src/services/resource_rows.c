/* Resources and their keys as rows. It does not know bodies, and leaves the last word on names to
 * the store. */
#include "services/resource_rows.h"

#include "gate/access_key.h"

#define KEY_OCTETS ((size_t)64)

/* ---- names ---- */

bool label_valid(struct str s)
{
    if (s.len == 0 || s.len > RESOURCE_NAME_MAX || s.ptr[0] == '-' || s.ptr[s.len - 1] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= '0' && s.ptr[i] <= '9') ||
              s.ptr[i] == '-'))
            return false;
    return true;
}

bool resource_host_free(const struct directory *d, struct str host, const struct uuid *self)
{
    const struct resource *r = directory_by_host(d, host, 0);

    if (r && self && uuid_eq(&r->id, self))
        return !name_eq(host, STR("localhost"));
    return !r && !directory_knows_host(d, host);
}

bool resource_name_free(struct request *req, struct str name)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct str full = arena_printf(req->arena, STR_FMT "." STR_FMT, STR_ARG(name),
                                   STR_ARG(req->site->options->domain));

    return !directory_by_name(d, name) && resource_host_free(d, name, NULL) &&
           resource_host_free(d, full, NULL);
}

/* ---- rows ---- */

struct resource_row resource_row_of(struct request *req, const struct resource *r)
{
    struct str names = STR_EMPTY;

    for (size_t i = 0; i < r->names_count; i++)
        names = arena_printf(req->arena, STR_FMT "%s" STR_FMT, STR_ARG(names), names.len ? " " : "",
                             STR_ARG(r->names[i]));
    return (struct resource_row){
        .id = r->id,
        .name = arena_dup(req->arena, r->name),
        .location = arena_dup(req->arena, r->location),
        .names = names,
        .port = r->port,
        .state = r->state,
        .is_default = r->is_default,
        .created = r->created,
        .group = arena_dup(req->arena, r->group),
        .no_local_auth = r->no_local_auth,
        .data_location = arena_dup(req->arena, r->data_location),
        .properties = arena_dup(req->arena, r->properties),
    };
}

static enum rc seal_key(struct request *req, const struct secret *secret, struct change *c)
{
    struct access_key_row *row = &c->u.access_key;
    struct buf sealed;
    enum rc rc;

    buf_init(&sealed, KIB);
    rc = access_key_seal(gate_master(gate_of(req->site->gate)), &row->resource, row->slot, secret,
                         &sealed);
    if (!rc)
        rc = sealed.failed;
    c->kind = CHANGE_ACCESS_KEY_PUT;
    row->sealed = rc ? STR_EMPTY : arena_dup(req->arena, buf_str(&sealed));
    row->regenerated = req->now;
    buf_clear(&sealed);
    return rc;
}

struct secret resource_random_key(void)
{
    return secret_random(KEY_OCTETS);
}

struct change resource_scope_clear(struct request *req, const struct resource_row *row)
{
    const struct directory *d = gate_directory(req->site->gate);

    return (struct change){.kind = CHANGE_ROLE_SCOPE_DELETE,
                           .u.role_assignment.scope = scope_of_resource(
                               &d->subscription, row->group, row->name, req->arena)};
}

enum rc resource_first_keys(struct request *req, const struct uuid *resource,
                            struct change out[static KEY_SLOTS])
{
    enum rc rc = RC_OK;

    for (int slot = KEY_PRIMARY; slot < KEY_SLOTS && !rc; slot++) {
        AUTO(secret_clear) struct secret secret = resource_random_key();

        out[slot].u.access_key = (struct access_key_row){.resource = *resource,
                                                         .slot = (enum key_slot)slot,
                                                         .generation = 1,
                                                         .tokens_valid_from = 1};
        rc = seal_key(req, &secret, &out[slot]);
    }
    return rc;
}

enum rc resource_next_key(struct request *req, const struct resource *r, enum key_slot slot,
                          const struct secret *secret, struct change *out)
{
    uint32_t generation = r->keys[slot].generation + 1;

    out->u.access_key = (struct access_key_row){
        .resource = r->id,
        .slot = slot,
        .generation = generation,
        .tokens_valid_from = generation,
    };
    return seal_key(req, secret, out);
}

struct str connection_string(struct request *req, const struct resource *r, struct str key)
{
    struct str endpoint = site_endpoint(req, r);

    return arena_printf(req->arena, "endpoint=" STR_FMT "/;accesskey=" STR_FMT, STR_ARG(endpoint),
                        STR_ARG(key));
}

/* ---- the end of a resource ---- */

enum rc system_identity_of(struct request *req, const struct resource *r,
                           struct application_row *out)
{
    return store_application(req->site->reader, APPLICATION_BY_ARM_ID, r->scope, req->arena, out);
}

enum rc resource_delete_changes(struct changes *c, struct request *req, const struct resource *r)
{
    struct application_row identity;
    struct change *gone = &c->items[c->n];
    enum rc rc = system_identity_of(req, r, &identity);

    if (rc && rc != RC_NOT_FOUND)
        return rc;
    gone[0].kind = CHANGE_RESOURCE_PUT;
    gone[0].u.resource = resource_row_of(req, r);
    gone[0].u.resource.state = RESOURCE_DELETED;
    gone[0].u.resource.port = 0;
    gone[1].kind = CHANGE_ROLE_SCOPE_DELETE;
    gone[1].u.role_assignment.scope = arena_dup(req->arena, r->scope);
    c->n += 2;
    if (!rc) {
        gone[2].kind = CHANGE_APPLICATION_DELETE;
        gone[2].u.application.client_id = identity.client_id;
        c->n++;
    }
    return RC_OK;
}
