/* Applications, managed identities and roles by the names that people and clients use, and the sets
 * of changes around them. What a name may look like is decided here, so that no text means two
 * things: ids, paths and names can't be mistaken for each other. */
#include "services/applications.h"

#include "gate/issuers.h"

#define NAME_MAX_OCTETS ((size_t)128)
#define PATH_MARK       STR("/roleDefinitions/")

enum rc application_named(struct request *req, struct str text, struct application_row *out)
{
    struct store_reader *reader = req->site->reader;
    struct uuid id;
    enum rc rc;

    if (!text.len || text.len > SCOPE_MAX)
        return RC_NOT_FOUND;
    if (str_starts(text, STR("/")))
        return store_application(reader, APPLICATION_BY_ARM_ID, arena_lower(req->arena, text),
                                 req->arena, out);
    if (uuid_parse(text, &id))
        return store_application(reader, APPLICATION_BY_NAME, text, req->arena, out);
    rc = store_application(reader, APPLICATION_BY_CLIENT_ID, str_of(&id, sizeof id), req->arena,
                           out);
    return rc == RC_NOT_FOUND ? store_application(reader, APPLICATION_BY_OBJECT_ID,
                                                  str_of(&id, sizeof id), req->arena, out)
                              : rc;
}

bool application_name_valid(struct str name)
{
    struct uuid id;

    if (!name.len || name.len > NAME_MAX_OCTETS || !str_is_utf8(name) || !uuid_parse(name, &id))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];

        if (c < 0x20 || c == 0x7F || c == '/')
            return false;
    }
    return name.ptr[0] != ' ' && name.ptr[name.len - 1] != ' ';
}

struct application_row application_make(struct request *req, enum application_kind kind,
                                        struct str name)
{
    struct app_document document = {0};

    return (struct application_row){
        .client_id = uuid_random(),
        .object_id = uuid_random(),
        .kind = kind,
        .version = 1,
        .created = req->now,
        .name = name,
        .document = app_document_write(&document, req->arena),
    };
}

static struct application_row managed_make(struct request *req, struct str name, struct str arm_id,
                                           const struct app_document *document)
{
    struct application_row row = application_make(req, APPLICATION_MANAGED, name);

    row.arm_id = arm_id;
    row.document = app_document_write(document, req->arena);
    (void)app_header_make(gate_master(gate_of(req->site->gate)), req->arena,
                          &row); /* shown when it is asked for */
    return row;
}

struct application_row managed_identity_make(struct request *req, struct str group, struct str name,
                                             struct str location, struct str tags)
{
    const struct directory *d = gate_directory(req->site->gate);
    struct app_document document = {.location = location, .tags = tags};

    return managed_make(
        req, name, managed_identity_id(&d->subscription, group, name, true, req->arena), &document);
}

struct application_row system_identity_make(struct request *req, const struct resource *resource)
{
    struct app_document document = {.location = resource->location};

    return managed_make(req, arena_printf(req->arena, "resource " STR_FMT, STR_ARG(resource->name)),
                        resource->scope, &document);
}

enum rc application_changed(struct request *req, struct application_row *row,
                            const struct app_document *doc)
{
    if (row->version == UINT32_MAX)
        return RC_CONFLICT;
    row->version++;
    row->document = app_document_write(doc, req->arena);
    return RC_OK;
}

void application_revoke(struct request *req, struct application_row *row)
{
    unix_ms now = clock_now(req->site->clock); /* no thread that issues tokens reads a later one */

    row->revoked_before = now > row->revoked_before ? now : row->revoked_before + 1;
}

enum rc role_named(struct request *req, struct str text, struct role *out)
{
    const struct grants *grants = gate_grants(gate_of(req->site->gate));
    size_t at = text.len;
    struct uuid id;

    if (str_starts(text, STR("/"))) {
        while (at && text.ptr[at - 1] != '/')
            at--;
        if (!str_ends(arena_lower(req->arena, str_head(text, at)),
                      arena_lower(req->arena, PATH_MARK)))
            return RC_NOT_FOUND;
        text = str_from_index(text, at);
    }
    if (!uuid_parse(text, &id))
        return grants_role(grants, &id, req->arena, out) ? RC_OK : RC_NOT_FOUND;
    return grants_role_by_name(grants, text, req->arena, out) ? RC_OK : RC_NOT_FOUND;
}

static bool trusts_entra(struct request *req)
{
    const struct issuer_set *issuers = gate_issuers(req->site->gate);

    for (size_t i = 0; issuers && i < issuers->n; i++) {
        if (issuers->items[i].kind == ISSUER_ENTRA)
            return true;
    }
    return false;
}

enum rc principal_change(struct request *req, const struct uuid *object_id, struct changes *c)
{
    struct application_row row;
    char id[UUID_TEXT_LEN];
    enum rc rc = store_application(req->site->reader, APPLICATION_BY_OBJECT_ID,
                                   str_of(object_id, sizeof *object_id), req->arena, &row);

    if (rc != RC_NOT_FOUND || !trusts_entra(req))
        return rc;
    uuid_format(object_id, id);
    row = application_make(req, APPLICATION_FOREIGN,
                           arena_printf(req->arena, "entra %.*s", (int)sizeof id, id));
    row.object_id = *object_id;
    c->items[c->n++] = (struct change){.kind = CHANGE_APPLICATION_PUT, .u.application = row};
    return RC_OK;
}

const struct api_error *role_assignment_refusal(struct request *req,
                                                const struct role_assignment_row *row)
{
    struct role role;

    return grants_role(gate_grants(gate_of(req->site->gate)), &row->role, req->arena, &role)
               ? &API_PRINCIPAL_NOT_FOUND
               : &API_ROLE_DEFINITION_DOES_NOT_EXIST;
}

void changes_commit(struct changes *c, struct request *req, change_done_fn done)
{
    c->req = req;
    c->set = (struct change_set){
        .items = c->items, .n = c->n, .loop = req->loop, .done = done, .ctx = c};
    request_hold(req);
    store_commit(req->site->store, &c->set);
}
