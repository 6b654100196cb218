/* See arm_fixture.h. */
#include "arm_fixture.h"

static void commit(struct arm_world *aw, struct change *items, size_t n)
{
    assert_int_equal(store_commit_wait(aw->w.fx.store, items, n), RC_OK);
}

static void text_of(const struct uuid *id, char out[UUID_TEXT_LEN + 1])
{
    uuid_format(id, out);
    out[UUID_TEXT_LEN] = '\0';
}

static void add_application(struct arm_world *aw, const char *name, struct application_row *row)
{
    struct change c = {.kind = CHANGE_APPLICATION_PUT};

    *row = (struct application_row){.client_id = uuid_random(),
                                    .object_id = uuid_random(),
                                    .kind = APPLICATION_APP,
                                    .version = 1,
                                    .created = clock_wall(),
                                    .name = str_from(name),
                                    .document = STR("{}")};
    c.u.application = *row;
    commit(aw, &c, 1);
}

void arm_grant(struct arm_world *aw, const char *role, const struct uuid *principal,
               const char *scope)
{
    struct change c = {.kind = CHANGE_ROLE_ASSIGNMENT_PUT};
    struct role_assignment_row *row = &c.u.role_assignment;
    struct str normal;

    assert_int_equal(scope_normalise(str_from(scope), &aw->w.arena, &normal), RC_OK);
    *row = (struct role_assignment_row){.id = uuid_random(),
                                        .principal = *principal,
                                        .scope = normal,
                                        .principal_type = STR("ServicePrincipal"),
                                        .created = clock_wall()};
    assert_int_equal(uuid_parse(str_from(role), &row->role), RC_OK);
    row->built_in_role = built_in_role_by_id(&row->role) != NULL;
    commit(aw, &c, 1);
}

struct str arm_token(struct arm_world *aw, const struct application_row *row, const char *audience)
{
    struct fixture *fx = &aw->w.fx;
    struct service_mint m = {.application = row,
                             .audience = str_from(audience),
                             .origin = STR(ORIGIN),
                             .by_secret = true,
                             .now = clock_now(&fx->clock),
                             .seconds = 3599};
    struct service_minted minted;
    struct buf out;
    struct str kept;

    buf_init(&out, 64 * KIB);
    assert_int_equal(gate_mint_service(fx->gate_loop, &m, &out, &minted), RC_OK);
    kept = arena_dup(&aw->w.arena, buf_str(&out));
    buf_clear(&out);
    return kept;
}

void arm_world_open(struct arm_world *aw)
{
    struct change c = {.kind = CHANGE_META_PUT,
                       .u.meta = {META_SUBSCRIPTION, STR("c0ffee00-0000-4000-8000-000000000001")}};
    struct buf why;

    *aw = (struct arm_world){0};
    world_open(&aw->w, false);
    commit(aw, &c, 1);
    buf_init(&why, KIB);
    assert_int_equal(gate_load(aw->w.fx.gate, &why), RC_OK);
    buf_clear(&why);
    add_application(aw, "arm owner", &aw->owner);
    add_application(aw, "arm nobody", &aw->nobody);
    text_of(&aw->owner.object_id, aw->owner_id);
    text_of(&aw->nobody.object_id, aw->nobody_id);
    text_of(&aw->nobody.client_id, aw->nobody_client);
    arm_grant(aw, OWNER_ROLE, &aw->owner.object_id, "/");
    aw->owner_token = arm_token(aw, &aw->owner, "https://management.azure.com/");
    aw->nobody_token = arm_token(aw, &aw->nobody, "https://management.azure.com/");
    aw->data_token = arm_token(aw, &aw->owner, "https://communication.azure.com/");
}

void arm_world_close(struct arm_world *aw)
{
    world_close(&aw->w);
}

int arm_as(struct arm_world *aw, struct str token, const char *method, const char *target,
           const char *body)
{
    aw->w.fx.token = token;
    return call(&aw->w.fx, token.ptr ? USER : NOBODY, method, target, body);
}

int arm_call(struct arm_world *aw, const char *method, const char *target, const char *body)
{
    return arm_as(aw, aw->owner_token, method, target, body);
}

/* A line of a table of calls. NOLINTNEXTLINE(readability-function-size) */
void arm_expect(struct arm_world *aw, int status, const char *code, const char *method,
                const char *target, const char *body)
{
    const struct fixture *fx = &aw->w.fx;

    if (arm_call(aw, method, target, body) != status)
        fail_msg("%s %s: %d, not %d: " STR_FMT, method, target, fx->status, status,
                 STR_ARG(fx->fake.body));
    if (code && strcmp(text_at(fx, "error.code"), code) != 0)
        fail_msg("%s %s: " STR_FMT ", not %s", method, target, STR_ARG(fx->fake.body), code);
}
