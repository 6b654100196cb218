/* Service tokens under token inspect: issuer, audience, principal and roles, each for itself, so
 * that the one that fails can be named. The server has the last word; it is asked with the token.
 * Source: wire/managed-identity §3.2, §4. */
#include "cli/inspect.h"

#include "base/uuid.h"
#include "cli/show.h"

#define ISSUERS STR("/admin/issuers?limit=1000")

static const char *const data_audiences[] = {"https://communication.azure.com",
                                             "https://communication.azure.com/",
                                             "1fd5118e-2576-4263-8130-9503064c837a"};
static const char *const management_audiences[] = {
    "https://management.azure.com", "https://management.azure.com/",
    "https://management.core.windows.net", "https://management.core.windows.net/"};

static bool is_one(struct str text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name_eq(text, str_from(list[i])))
            return true;
    return false;
}

static struct str claim(const json_t *claims, const char *name)
{
    struct str text = STR("");

    return json_get_str(claims, name, &text) ? STR("") : text;
}

static void fail(struct service_view *v, struct str problem)
{
    if (!v->problem.len)
        v->problem = problem;
}

static bool is_for_management(const json_t *claims)
{
    return is_one(claim(claims, "aud"), management_audiences, ARRAY_LEN(management_audiences));
}

struct str service_view_question(const json_t *claims)
{
    return is_for_management(claims) ? STR("/subscriptions?api-version=2022-12-01")
                                     : STR("/admin/whoami");
}

void service_view_begin(struct cli *cli, const json_t *claims, struct service_view *out)
{
    struct str tenant = claim(claims, "tid"), iss = claim(claims, "iss");
    struct uuid id;

    *out = (struct service_view){.is_service = !json_object_get(claims, "skypeid")};
    if (!out->is_service || uuid_parse(tenant, &id))
        return;
    /* ours say <origin>/<tenant>/v2.0 or <origin>/<tenant>/, whatever the origin is */
    if (str_ends(iss, arena_printf(&cli->arena, "/" STR_FMT "/v2.0", STR_ARG(tenant))) ||
        str_ends(iss, arena_printf(&cli->arena, "/" STR_FMT "/", STR_ARG(tenant))))
        out->key_set = arena_printf(
            &cli->arena, "/" STR_FMT "/v2.0/.well-known/openid-configuration", STR_ARG(tenant));
}

static struct cg_client *administrator(const struct server_info *info)
{
    struct cg_client_options o = {
        .endpoint = "http://localhost", .unix_socket = info->admin_socket.ptr, .attempts_max = 1};
    struct cg_client *client = NULL;
    struct cg_error err = {0};

    if (!info->admin_socket.len || cg_client_new(&o, &client, &err) != CG_OK)
        return NULL;
    return client;
}

static bool list_has(const json_t *list, const json_t *aud)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        if (json_equal(item, aud))
            return true;
        for (size_t k = 0; k < json_array_size(aud); k++)
            if (json_equal(item, json_array_get(aud, k)))
                return true;
    }
    return false;
}

/* The trusted issuer that the token names: its audiences count, then. */
static void look_at_issuer(struct cli *cli, struct cg_client *client, const json_t *claims,
                           struct service_view *v)
{
    struct str iss = claim(claims, "iss");
    struct cg_error err = {0};
    json_t *answer = NULL, *list = NULL;

    v->issuer = STR("not known: only the administrator may look");
    if (!inspect_fetch(client, ISSUERS, &answer, &err))
        return;
    list = json_object_get(answer, "value");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        if (!name_eq(show_text(cli, item, "issuer"), iss) &&
            !(name_eq(show_text(cli, item, "kind"), STR("entra")) &&
              name_eq_nocase(show_text(cli, item, "tenantId"), claim(claims, "tid"))))
            continue;
        v->issuer = arena_printf(&cli->arena, "trusted (%s)",
                                 arena_dup(&cli->arena, show_text(cli, item, "kind")).ptr);
        v->audience = list_has(json_object_get(item, "audiences"), json_object_get(claims, "aud"))
                          ? STR("one that is trusted from this issuer")
                          : STR("none that is trusted from this issuer");
        if (str_starts(v->audience, STR("none")))
            fail(v, v->audience);
        json_decref(answer);
        return;
    }
    v->issuer = STR("not trusted by this server");
    fail(v, STR("its issuer is not trusted by this server"));
    json_decref(answer);
}

static void look_at_audience(struct cli *cli, const struct server_info *info, const json_t *claims,
                             struct service_view *v)
{
    struct str aud = claim(claims, "aud"), own = server_endpoint(cli, info, true);

    if (is_one(aud, data_audiences, ARRAY_LEN(data_audiences)))
        v->audience = STR("the data plane");
    else if (is_for_management(claims) || (own.len && str_starts(aud, own)))
        v->audience = STR("the management API");
    else if (name_eq(aud, STR("api://AzureADTokenExchange")))
        v->audience = STR("a token exchange: no service of ours takes it");
    else
        v->audience = STR("another service");
    if (name_eq(v->audience, STR("another service")))
        fail(v, STR("it is for another service (aud)"));
}

/* As the server looks at it: its own tokens say the millisecond. */
static enum rc issue_time(const json_t *claims, bool own, unix_ms *out)
{
    int64_t seconds = 0;
    enum rc rc;

    if (own)
        return json_get_int(claims, "cgi", out);
    rc = json_get_int(claims, "iat", &seconds);
    if (!rc && (seconds < 0 || seconds > INT64_MAX / 1000))
        rc = RC_INVALID;
    if (!rc)
        *out = seconds * 1000;
    return rc;
}

/* Known, not switched off, and not told to forget its tokens. */
static void look_at_principal(struct cli *cli, struct cg_client *client, struct str id,
                              const json_t *claims, struct service_view *v)
{
    struct str path = arena_printf(&cli->arena, "/admin/apps/" STR_FMT, STR_ARG(id)), from;
    struct cg_error err = {0};
    json_t *app = NULL;
    bool disabled = false;
    unix_ms valid = 0, issued = 0;

    if (!inspect_fetch(client, path, &app, &err)) {
        if (err.http_status == 404) {
            v->principal = arena_printf(&cli->arena, STR_FMT ": nobody here", STR_ARG(id));
            fail(v, STR("its principal is not known here (oid)"));
        }
        return;
    }
    from = show_text(cli, app, "tokensValidFrom");
    v->principal = arena_printf(&cli->arena, "%s (%s)",
                                arena_dup(&cli->arena, show_text(cli, app, "name")).ptr,
                                arena_dup(&cli->arena, show_text(cli, app, "kind")).ptr);
    v->roles = arena_dup(&cli->arena, show_text(cli, app, "roles"));
    if (json_get_bool(app, "disabled", &disabled) == RC_OK && disabled)
        fail(v, STR("its principal is disabled"));
    if (from.len && time_from_iso8601(from, &valid) == RC_OK &&
        issue_time(claims, v->own, &issued) == RC_OK && issued <= valid)
        fail(v, STR("it was revoked: its principal takes newer tokens only"));
    json_decref(app);
}

void service_view_finish(struct cli *cli, const struct server_info *info, const json_t *claims,
                         const json_t *who, struct service_view *v)
{
    struct str id = claim(claims, "oid"), told = claim(who, "principal");
    struct cg_client *client = administrator(info);
    struct uuid parsed;

    v->principal = client ? STR("not known: only a token that counts tells whom it means")
                          : STR("not known: only the administrator may look");
    v->roles = STR("not known");
    if (v->own) {
        v->issuer = STR("this server");
        look_at_audience(cli, info, claims, v);
    } else if (client) {
        look_at_issuer(cli, client, claims, v);
    }
    if (told.len)
        id = told; /* a rule of the issuer says who that is */
    if (client && uuid_parse(id, &parsed) == RC_OK)
        look_at_principal(cli, client, id, claims, v);
    if (told.len)
        v->roles = arena_dup(&cli->arena, show_text(cli, who, "roles"));
    cg_client_free(client);
}

bool service_view_show(const struct service_view *v, json_t *out)
{
    const struct {
        const char *name;
        struct str text;
    } members[] = {{"issuer", v->issuer},
                   {"audience", v->audience},
                   {"principal", v->principal},
                   {"roles", v->roles.len ? v->roles : STR("none on the default resource")}};
    int failed = 0;

    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (members[i].text.len)
            failed |= json_object_set_new(out, members[i].name,
                                          json_stringn(members[i].text.ptr, members[i].text.len));
    return failed == 0;
}
