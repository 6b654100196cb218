/* Rows of resources and access keys. What the callers are told, and in which words, is theirs. */
#include "services/resource_rows.h"

#include "gate/access_key.h"

#define KEY_OCTETS   ((size_t)64)
#define NAME_MAX_LEN ((size_t)63)

bool resource_label_valid(struct str s)
{
    if (s.len == 0 || s.len > NAME_MAX_LEN || s.ptr[0] == '-' || s.ptr[s.len - 1] == '-')
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

struct resource_row resource_row_new(struct request *req, struct str name)
{
    struct str location = req->site->options->location;

    return (struct resource_row){
        .id = uuid_random(),
        .name = name,
        .location = location,
        .state = RESOURCE_ACTIVE,
        .created = req->now,
        .group = RESOURCE_GROUP_DEFAULT,
        .data_location = data_location_of(location),
        .properties = STR("{}"),
    };
}

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

struct secret resource_key_secret(void)
{
    return secret_random(KEY_OCTETS);
}

enum rc resource_key_change(struct request *req, const struct uuid *resource, enum key_slot slot,
                            const struct secret *secret, struct change *out)
{
    struct buf sealed;
    enum rc rc;

    buf_init(&sealed, KIB);
    rc = access_key_seal(gate_master(gate_of(req->site->gate)), resource, slot, secret, &sealed);
    if (!rc)
        rc = sealed.failed;
    out->kind = CHANGE_ACCESS_KEY_PUT;
    out->u.access_key = (struct access_key_row){
        .resource = *resource,
        .slot = slot,
        .generation = 1,
        .tokens_valid_from = 1,
        .sealed = rc ? STR_EMPTY : arena_dup(req->arena, buf_str(&sealed)),
        .regenerated = req->now,
    };
    buf_clear(&sealed);
    return rc;
}

void resource_key_follow(const struct access_key *old, bool keep_tokens, struct change *change)
{
    struct access_key_row *row = &change->u.access_key;

    row->generation = old->generation + 1;
    row->tokens_valid_from = keep_tokens ? old->tokens_valid_from : row->generation;
}

struct str resource_connection_string(struct request *req, const struct resource *r, struct str key)
{
    return arena_printf(req->arena, "endpoint=" STR_FMT "/;accesskey=" STR_FMT,
                        STR_ARG(site_endpoint(req, r)), STR_ARG(key));
}

size_t resource_delete_changes(struct request *req, const struct resource *r,
                               const struct application_row *identity, struct change out[static 3])
{
    size_t n = 0;

    out[n].kind = CHANGE_RESOURCE_PUT;
    out[n].u.resource = resource_row_of(req, r);
    out[n].u.resource.state = RESOURCE_DELETED;
    out[n++].u.resource.port = 0;
    out[n].kind = CHANGE_ROLE_SCOPE_DELETE;
    out[n++].u.role_assignment.scope = arena_dup(req->arena, r->scope);
    if (identity) {
        out[n].kind = CHANGE_APPLICATION_DELETE;
        out[n++].u.application.client_id = identity->client_id;
    }
    return n;
}
