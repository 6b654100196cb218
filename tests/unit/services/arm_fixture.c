/* See arm_fixture.h. */
#include "arm_fixture.h"

static void commit(struct arm_world *world, struct change *items, size_t n)
{
    assert_int_equal(store_commit_wait(world->w.fx.store, items, n), RC_OK);
}

static void text_of(const struct uuid *id, char out[UUID_TEXT_LEN + 1])
{
    uuid_format(id, out);
    out[UUID_TEXT_LEN] = '\0';
}

static void add_application(struct arm_world *world, const char *name, struct application_row *row)
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
    commit(world, &c, 1);
}

void arm_grant(struct arm_world *world, const char *role, const struct uuid *principal,
               const char *scope)
{
    struct change c = {.kind = CHANGE_ROLE_ASSIGNMENT_PUT};
    struct role_assignment_row *row = &c.u.role_assignment;
    struct str normal;

    assert_int_equal(scope_normalise(str_from(scope), &world->w.arena, &normal), RC_OK);
    *row = (struct role_assignment_row){.id = uuid_random(),
                                        .principal = *principal,
                                        .scope = normal,
                                        .principal_type = STR("ServicePrincipal"),
                                        .created = clock_wall()};
    assert_int_equal(uuid_parse(str_from(role), &row->role), RC_OK);
    row->built_in_role = built_in_role_by_id(&row->role) != NULL;
    commit(world, &c, 1);
}

struct str arm_token(struct arm_world *world, const struct application_row *row,
                     const char *audience)
{
    struct fixture *fx = &world->w.fx;
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
    kept = arena_dup(&world->w.arena, buf_str(&out));
    buf_clear(&out);
    return kept;
}

static void world_begin(struct arm_world *world)
{
    struct change c = {.kind = CHANGE_META_PUT,
                       .u.meta = {META_SUBSCRIPTION, STR("c0ffee00-0000-4000-8000-000000000001")}};
    struct buf why;

    *world = (struct arm_world){0};
    world_open(&world->w, false);
    commit(world, &c, 1);
    buf_init(&why, KIB);
    assert_int_equal(gate_load(world->w.fx.gate, &why), RC_OK);
    buf_clear(&why);
    add_application(world, "arm owner", &world->owner);
    add_application(world, "arm nobody", &world->nobody);
    text_of(&world->owner.object_id, world->owner_id);
    text_of(&world->nobody.object_id, world->nobody_id);
    text_of(&world->nobody.client_id, world->nobody_client);
    arm_grant(world, OWNER_ROLE, &world->owner.object_id, "/");
    world->owner_token = arm_token(world, &world->owner, "https://management.azure.com/");
    world->nobody_token = arm_token(world, &world->nobody, "https://management.azure.com/");
    world->data_token = arm_token(world, &world->owner, "https://communication.azure.com/");
}

struct arm_world aw;

int setup(void **state)
{
    (void)state;
    world_begin(&aw);
    return 0;
}

int teardown(void **state)
{
    (void)state;
    world_close(&aw.w);
    return 0;
}

const char *text(const char *path)
{
    return text_at(&aw.w.fx, path);
}

size_t count(void)
{
    return json_array_size(json_at(&aw.w.fx, "value"));
}

int arm_as(struct arm_world *world, struct str token, const char *method, const char *target,
           const char *body)
{
    world->w.fx.token = token;
    return call(&world->w.fx, token.ptr ? USER : NOBODY, method, target, body);
}

int arm_call(struct arm_world *world, const char *method, const char *target, const char *body)
{
    return arm_as(world, world->owner_token, method, target, body);
}

/* A line of a table of calls. NOLINTNEXTLINE(readability-function-size) */
void arm_expect(struct arm_world *world, int status, const char *code, const char *method,
                const char *target, const char *body)
{
    const struct fixture *fx = &world->w.fx;

    if (arm_call(world, method, target, body) != status)
        fail_msg("%s %s: %d, not %d: " STR_FMT, method, target, fx->status, status,
                 STR_ARG(fx->fake.body));
    if (code && strcmp(text_at(fx, "error.code"), code) != 0)
        fail_msg("%s %s: " STR_FMT ", not %s", method, target, STR_ARG(fx->fake.body), code);
}
