/* A resource as the management API shows it, and what its requests may change. The members that
 * only this API knows live in the row's `properties`:
 *   {"tags": object, "linkedDomains": [text], "publicNetworkAccess": text, "notificationHubId":
 *    text, "identity": {"system": bool, "user": [ARM id in lower case]}}
 * Source: wire/managed-identity §5.3. */
#include "services/resources/arm_identity.h"
#include "services/resources/arm_service.h"

#define DOMAINS_MAX    ((size_t)100)
#define DOMAIN_ID_MAX  ((size_t)1024)
#define IDENTITIES_MAX ((size_t)100)

/* ---- out ---- */

json_t *service_properties(const struct resource *r)
{
    json_t *props = NULL;

    if (json_read(r->properties, &props, NULL) || !json_is_object(props)) {
        json_decref(props);
        props = json_object(); /* no row of ours: a store is checked when it is opened */
    }
    return props;
}

static void write_user_identity(struct arm_answer *a, struct str arm_id)
{
    struct application_row row;
    enum rc rc =
        store_application(a->req->site->reader, APPLICATION_BY_ARM_ID, arm_id, a->req->arena, &row);

    json_name(&a->w, arena_dup(a->req->arena, arm_id).ptr);
    json_object_begin(&a->w);
    if (!rc) {
        json_member_id(&a->w, "principalId", &row.object_id);
        json_member_id(&a->w, "clientId", &row.client_id);
    }
    json_object_end(&a->w);
}

static void write_identity(struct arm_answer *a, const struct resource *r, const json_t *props)
{
    const struct directory *d = gate_directory(a->req->site->gate);
    const json_t *identity = json_object_get(props, "identity");
    const json_t *users = json_object_get(identity, "user");
    bool system = json_is_true(json_object_get(identity, "system"));
    size_t n = json_array_size(users);
    struct application_row row;

    if (system && system_identity_of(a->req, r, &row))
        system = false; /* an administrator has deleted it */
    if (!system && !n)
        return;
    json_name(&a->w, "identity");
    json_object_begin(&a->w);
    if (system) {
        json_member_id(&a->w, "principalId", &row.object_id);
        json_member_str(&a->w, "tenantId", d->tenant_text);
    }
    json_member_str(&a->w, "type",
                    system && n ? STR("SystemAssigned, UserAssigned")
                    : system    ? STR("SystemAssigned")
                                : STR("UserAssigned"));
    if (n) {
        json_name(&a->w, "userAssignedIdentities");
        json_object_begin(&a->w);
        for (size_t i = 0; i < n; i++) {
            const json_t *id = json_array_get(users, i);

            write_user_identity(a, str_of(json_string_value(id), json_string_length(id)));
        }
        json_object_end(&a->w);
    }
    json_object_end(&a->w);
}

/* What the connection string names: host and, unless it is the usual one, port. */
static struct str host_name(struct request *req, const struct resource *r)
{
    struct str endpoint = site_endpoint(req, r), mark = STR("://");

    return str_from_index(endpoint, str_find_str(endpoint, mark) + mark.len);
}

static void write_raw_member(struct arm_answer *a, const json_t *props, const char *name)
{
    struct str raw = arm_raw(a->req, props, name);

    if (!raw.len)
        return;
    json_name(&a->w, name);
    json_raw(&a->w, raw);
}

struct str arm_service_id(struct request *req, const struct resource *r)
{
    return arena_printf(req->arena,
                        STR_FMT "/providers/Microsoft.Communication/CommunicationServices/" STR_FMT,
                        STR_ARG(arm_group_id(req, r->group)), STR_ARG(r->name));
}

void arm_write_service(struct arm_answer *a, const struct resource *r)
{
    AUTO(json_freep) json_t *props = service_properties(r);
    struct json_writer *w = &a->w;

    json_object_begin(w);
    json_member_str(w, "id", arm_service_id(a->req, r));
    json_member_str(w, "name", r->name);
    json_member_str(w, "type", ARM_SERVICE_TYPE);
    json_member_str(w, "location", STR("Global"));
    write_raw_member(a, props, "tags");
    write_identity(a, r, props);
    json_name(w, "properties");
    json_object_begin(w);
    json_member_str(w, "provisioningState", STR("Succeeded"));
    json_member_str(w, "hostName", host_name(a->req, r));
    json_member_str(w, "dataLocation", r->data_location);
    json_member_str(w, "immutableResourceId", r->id_text);
    write_raw_member(a, props, "linkedDomains");
    write_raw_member(a, props, "notificationHubId");
    write_raw_member(a, props, "publicNetworkAccess");
    json_member_bool(w, "disableLocalAuth", r->no_local_auth);
    json_object_end(w);
    json_object_end(w);
}

void arm_answer_service(struct request *req, int status, const struct resource *r)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    arm_write_service(&a, r);
    arm_answer_end(&a, status);
}

/* ---- in: identity ---- */

struct identity_kinds {
    bool system, user;
};

/* "SystemAssigned, UserAssigned": words between commas, in any case. */
static bool read_kinds(struct str text, struct identity_kinds *out)
{
    struct str word;

    *out = (struct identity_kinds){0};
    if (name_eq_nocase(str_trim(text), STR("None")))
        return true;
    if (!text.len)
        return false;
    while (text.len) {
        (void)str_cut(text, ',', &word, &text); /* without a comma it is the last one */
        word = str_trim(word);
        if (name_eq_nocase(word, STR("SystemAssigned")))
            out->system = true;
        else if (name_eq_nocase(word, STR("UserAssigned")))
            out->user = true;
        else
            return false;
    }
    return true;
}

static size_t index_of(const json_t *list, struct str id)
{
    size_t i = 0, n = json_array_size(list);

    while (i < n && !name_eq(str_from(json_string_value(json_array_get(list, i))), id))
        i++;
    return i;
}

static json_t *former_users(const struct service_edit *e)
{
    return json_object_get(json_object_get(e->props, "identity"), "user");
}

/* The resource shows the ids of what it names: so that is the caller's to read, or was there. */
static bool may_name(const struct service_edit *e, struct str id)
{
    const json_t *former = former_users(e);
    struct arm_identity_place place;
    struct standing standing;

    if (index_of(former, id) < json_array_size(former))
        return true;
    gate_standing(e->req->site->gate, &e->req->principal->object_id, id, &standing);
    return arm_identity_place(id, &place) &&
           standing.actions & ACTION_BIT(ACTION_MANAGED_IDENTITIES_READ);
}

/* One member of userAssignedIdentities; false: answered. */
static bool take_user(struct service_edit *e, json_t *users, const char *name, const json_t *value)
{
    struct request *req = e->req;
    struct application_row row;
    struct str id;
    size_t at;
    enum rc rc;

    if (scope_normalise(str_from(name), req->arena, &id) ||
        (!json_is_null(value) && !json_is_object(value))) {
        arm_invalid(req, STR("userAssignedIdentities must be an object of ARM ids, with {} or null "
                             "each."));
        return false;
    }
    at = index_of(users, id);
    if (json_is_null(value)) {
        if (at < json_array_size(users))
            json_array_remove(users, at);
        return true;
    }
    rc = may_name(e, id)
             ? store_application(req->site->reader, APPLICATION_BY_ARM_ID, id, req->arena, &row)
             : RC_NOT_FOUND;
    if (rc == RC_NOT_FOUND) {
        arm_invalid(req, arena_printf(req->arena,
                                      "There is no user-assigned identity '" STR_FMT
                                      "', or you may not read it.",
                                      STR_ARG(str_from(name)))); /* printable, and not long */
        return false;
    }
    if (rc) {
        arm_refuse_rc(req, rc);
        return false;
    }
    if (at == json_array_size(users))
        json_array_append_new(users, json_stringn(id.ptr, id.len));
    return true;
}

static bool read_users(struct service_edit *e, const json_t *identity, json_t *users)
{
    json_t *asked, *value;
    const char *name;

    if (!arm_object(e->req, identity, "userAssignedIdentities", &asked))
        return false;
    json_object_foreach(asked, name, value)
    {
        if (!take_user(e, users, name, value))
            return false;
    }
    if (json_array_size(users) <= IDENTITIES_MAX)
        return true;
    arm_invalid(e->req, STR("A resource has at most 100 user-assigned identities."));
    return false;
}

bool service_edit_identity(struct service_edit *e, const json_t *body)
{
    static const struct arm_text_rule type_rule = {"type", 64, true};
    AUTO(json_freep) json_t *users = json_array();
    json_t *identity;
    struct identity_kinds kinds;
    struct str type;

    if (!arm_object(e->req, body, "identity", &identity))
        return false;
    if (!identity)
        return true;
    if (!arm_text(e->req, identity, &type_rule, &type))
        return false;
    if (!read_kinds(type, &kinds)) {
        arm_invalid(e->req, STR("The type of an identity is None, SystemAssigned, UserAssigned or "
                                "'SystemAssigned,UserAssigned'."));
        return false;
    }
    if (e->merge && kinds.user)
        json_array_extend(users, former_users(e));
    if (!read_users(e, identity, users))
        return false;
    if (kinds.user != (json_array_size(users) > 0)) {
        arm_invalid(e->req, STR("The type of an identity names UserAssigned when there are "
                                "user-assigned identities, and only then."));
        return false;
    }
    e->system = kinds.system;
    json_object_set_new(e->props, "identity",
                        json_pack("{s:b,s:O}", "system", (int)kinds.system, "user", users));
    return true;
}

/* ---- in: the rest ---- */

bool service_edit_tags(struct service_edit *e, const json_t *body)
{
    json_t *tags = json_object_get(body, "tags");
    struct str ignored;

    if (!arm_tags(e->req, body, &ignored))
        return false;
    if (tags && !json_is_null(tags))
        json_object_set(e->props, "tags", tags);
    else if (!e->merge)
        json_object_del(e->props, "tags");
    return true;
}

static bool edit_domains(struct service_edit *e, const json_t *properties)
{
    json_t *domains = json_object_get(properties, "linkedDomains");
    bool ok = json_is_array(domains) && json_array_size(domains) <= DOMAINS_MAX;

    if (!domains || json_is_null(domains)) {
        if (!e->merge)
            json_object_del(e->props, "linkedDomains");
        return true;
    }
    for (size_t i = 0; ok && i < json_array_size(domains); i++) {
        const json_t *id = json_array_get(domains, i);

        ok = json_is_string(id) && json_string_length(id) <= DOMAIN_ID_MAX;
    }
    if (ok)
        json_object_set(e->props, "linkedDomains", domains);
    else
        arm_invalid(e->req, STR("'linkedDomains' must be a list of at most 100 ids."));
    return ok;
}

static bool edit_network(struct service_edit *e, const json_t *properties)
{
    static const struct arm_text_rule rule = {"publicNetworkAccess", 64, false};
    static const struct str known[] = {STR_INIT("Enabled"), STR_INIT("Disabled"),
                                       STR_INIT("SecuredByPerimeter")};
    struct str text;

    if (!arm_text(e->req, properties, &rule, &text))
        return false;
    if (!text.ptr) {
        if (!e->merge)
            json_object_del(e->props, rule.name);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!name_eq_nocase(text, known[i]))
            continue;
        json_object_set_new(e->props, rule.name, json_stringn(known[i].ptr, known[i].len));
        return true;
    }
    arm_invalid(e->req,
                STR("'publicNetworkAccess' must be Enabled, Disabled or SecuredByPerimeter."));
    return false;
}

bool service_edit_properties(struct service_edit *e, const json_t *body)
{
    bool no_local_auth = e->merge && e->row.no_local_auth;
    json_t *properties;

    if (!arm_object(e->req, body, "properties", &properties))
        return false;
    if (properties && json_get_bool(properties, "disableLocalAuth", &no_local_auth) == RC_INVALID) {
        arm_invalid(e->req, STR("'disableLocalAuth' must be true or false."));
        return false;
    }
    e->row.no_local_auth = no_local_auth;
    return edit_domains(e, properties) && edit_network(e, properties);
}
