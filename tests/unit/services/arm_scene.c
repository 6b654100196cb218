/* See arm_scene.h. */
#include "arm_scene.h"

#define OWNER_ROLE  "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define READER_ROLE "acdd72a7-3385-48ef-bd42-f606fba81ae7"

/* ---- open and close ---- */

static void add_subscription(struct arm_scene *s)
{
    struct change c[2] = {0};

    s->subscription = uuid_random();
    uuid_format(&s->subscription, s->sub);
    c[0].kind = CHANGE_META_PUT;
    c[0].u.meta.name = META_SUBSCRIPTION;
    c[0].u.meta.value = str_from(s->sub);
    c[1].kind = CHANGE_RESOURCE_PUT;
    c[1].u.resource = (struct resource_row){.id = uuid_random(),
                                            .name = STR("shop"),
                                            .location = STR("europe"),
                                            .state = RESOURCE_ACTIVE,
                                            .created = clock_wall(),
                                            .group = STR(SHOP_GROUP),
                                            .data_location = STR("Europe"),
                                            .properties = STR("{}")};
    assert_int_equal(store_commit_wait(s->fx->store, c, ARRAY_LEN(c)), RC_OK);
}

static struct str fetch_token(struct arm_scene *s, const struct uuid *client, struct str secret,
                              const char *scope)
{
    char id[UUID_TEXT_LEN];

    uuid_format(client, id);
    assert_int_equal(ask_token(&s->w, path_of(2,
                                              "grant_type=client_credentials&scope=%s&client_id="
                                              "%.*s&client_secret=" STR_FMT,
                                              scope, (int)sizeof id, id, STR_ARG(secret))),
                     200);
    return arena_dup(&s->w.arena, str_from(text_at(s->fx, "access_token")));
}

static void add_principal(struct arm_scene *s, enum arm_caller who, const char *role,
                          struct str scope)
{
    static const char *const names[ARM_CALLERS] = {"owner", "reader", "grouped", "stranger",
                                                   "data"};
    struct app_secret secret;
    struct app_document doc = {.secrets = &secret, .secrets_count = 1};
    struct application_row row = {.client_id = uuid_random(),
                                  .object_id = uuid_random(),
                                  .kind = APPLICATION_APP,
                                  .version = 1,
                                  .created = clock_wall(),
                                  .name = str_from(names[who])};
    struct str text =
        app_secret_make(s->fx->master, clock_wall(), 0, STR("one"), &s->w.arena, &secret);
    struct change c[2] = {{.kind = CHANGE_APPLICATION_PUT}};

    row.document = app_document_write(&doc, &s->w.arena);
    c[0].u.application = row;
    uuid_format(&row.object_id, s->principals[who]);
    if (role) {
        c[1].kind = CHANGE_ROLE_ASSIGNMENT_PUT;
        c[1].u.role_assignment =
            (struct role_assignment_row){.id = uuid_random(),
                                         .principal = row.object_id,
                                         .built_in_role = true,
                                         .scope = scope,
                                         .principal_type = STR("ServicePrincipal"),
                                         .created = clock_wall()};
        assert_int_equal(uuid_parse(str_from(role), &c[1].u.role_assignment.role), RC_OK);
    }
    assert_int_equal(store_commit_wait(s->fx->store, c, role ? 2 : 1), RC_OK);
    s->tokens[who] =
        fetch_token(s, &row.client_id, text,
                    who == DATA ? DATA_SCOPE : "https://management.azure.com/.default");
}

void scene_open(struct arm_scene *s)
{
    struct arena *arena = &s->w.arena;

    *s = (struct arm_scene){.fx = &s->w.fx};
    world_open(&s->w, false);
    add_subscription(s);
    add_principal(s, OWNER, OWNER_ROLE, STR("/"));
    add_principal(s, READER, READER_ROLE, arena_printf(arena, "/subscriptions/%s", s->sub));
    add_principal(s, GROUPED, OWNER_ROLE,
                  arena_printf(arena, "/subscriptions/%s/resourcegroups/shop", s->sub));
    add_principal(s, STRANGER, NULL, STR_EMPTY);
    add_principal(s, DATA, OWNER_ROLE, STR("/"));
}

void scene_close(struct arm_scene *s)
{
    world_close(&s->w);
}

/* ---- calls ---- */

static void add_text(struct arm_scene *s, struct buf *out, const char *text, bool is_body)
{
    for (; *text; text++) {
        if (!strncmp(text, "{S}", 3))
            buf_addf(out, "/subscriptions/%s", s->sub);
        else if (!strncmp(text, "{A}", 3))
            buf_add(out, STR("/providers/Microsoft.Authorization"));
        else if (!strncmp(text, "{M}", 3))
            buf_add(out, STR("/providers/Microsoft.ManagedIdentity"));
        else if (!strncmp(text, "{C}", 3))
            buf_add(out, STR("/providers/Microsoft.Communication"));
        else if (!strncmp(text, "{P}", 3))
            buf_add(out, str_from(s->principals[STRANGER]));
        else if (!strncmp(text, "{R}", 3))
            buf_add(out, str_from(s->principals[READER]));
        else {
            buf_add_char(out, (char)(is_body && *text == '\'' ? '"' : *text));
            continue;
        }
        text += 2;
    }
}

static const char *version_for(const char *target)
{
    if (strstr(target, "icrosoft.Authorization") || strstr(target, "{A}"))
        return "2022-04-01";
    if (strcasestr(target, "microsoft.managedidentity") || strstr(target, "{M}"))
        return "2024-11-30";
    return strstr(target, "{C}") && strstr(target, "ommunicationServices") ? "2025-09-01"
                                                                           : "2022-09-01";
}

int arm(struct arm_scene *s, enum arm_caller who, const char *method, const char *target,
        const char *body)
{
    struct buf path, text;
    int status;

    buf_init(&path, 16 * KIB);
    buf_init(&text, 128 * KIB);
    add_text(s, &path, target, false);
    if (!strstr(target, "api-version"))
        buf_addf(&path, "%sapi-version=%s", strchr(target, '?') ? "&" : "?", version_for(target));
    if (body)
        add_text(s, &text, body, true);
    s->fx->token = s->tokens[who];
    status = call(s->fx, who == UNSIGNED ? NOBODY : USER, method, buf_cstr(&path),
                  body ? buf_cstr(&text) : "");
    buf_clear(&path);
    buf_clear(&text);
    return status;
}

void check_arm(const struct arm_scene *s, const char *what, int status, const char *code)
{
    if (s->fx->status != status || (code && strcmp(text_at(s->fx, "error.code"), code) != 0))
        fail_msg("%s: %d, wanted %d %s: " STR_FMT, what, s->fx->status, status, code ? code : "",
                 STR_ARG(s->fx->fake.body));
    if (code)
        assert_true(strlen(text_at(s->fx, "error.message")) > 10);
}

size_t listed(const struct arm_scene *s)
{
    return json_array_size(json_at(s->fx, "value"));
}

void check_refusals(struct arm_scene *s, const struct arm_refusal *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct arm_refusal *c = &cases[i];

        (void)arm(s, OWNER, c->method, c->target, c->body);
        check_arm(s, c->sentence, c->status, c->code);
    }
}
