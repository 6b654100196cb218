#include "fixture.h"

#include <dirent.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <unistd.h>

const struct back_end back_ends[] = {
    {"sqlite", &sqlite_store_ops},
};
const size_t back_ends_n = ARRAY_LEN(back_ends);

struct bound_case {
    const struct back_end *back_end;
    const struct store_case *c;
};

static void run_bound(void **state)
{
    const struct bound_case *bound = *state;
    struct fixture f;

    fixture_init(&f, bound->back_end);
    bound->c->run(&f);
    fixture_clear(&f);
}

int run_cases_on(const struct back_end *back_end, const char *group, const struct store_case *cases,
                 size_t n)
{
    struct CMUnitTest *tests = calloc(n, sizeof *tests);
    struct bound_case *bound = calloc(n, sizeof *bound);
    char title[128];
    int failed;

    assert_non_null(tests);
    assert_non_null(bound);
    snprintf(title, sizeof title, "%s on %s", group, back_end->name);
    for (size_t i = 0; i < n; i++) {
        bound[i] = (struct bound_case){back_end, &cases[i]};
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = run_bound, .initial_state = &bound[i]};
    }
    failed = _cmocka_run_group_tests(title, tests, n, NULL, NULL);
    free(tests);
    free(bound);
    return failed;
}

int run_cases(const char *group, const struct store_case *cases, size_t n)
{
    int failed = 0;

    for (size_t e = 0; e < back_ends_n; e++)
        failed += run_cases_on(&back_ends[e], group, cases, n);
    return failed;
}

/** Memory, if there is enough: thousands of syncs, and no power to be cut. */
static const char *fast_folder(void)
{
    struct statvfs shm;

    if (statvfs("/dev/shm", &shm) == 0 && shm.f_bavail * shm.f_frsize > 512 * MIB &&
        access("/dev/shm", W_OK) == 0)
        return "/dev/shm";
    return "/tmp";
}

void fixture_init(struct fixture *f, const struct back_end *back_end)
{
    *f = (struct fixture){.back_end = back_end, .loop = loop_new(0)};
    arena_init(&f->arena);
    buf_init(&f->why, 4 * KIB);
    snprintf(f->dir, sizeof f->dir, "%s/store-test-XXXXXX", fast_folder());
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/store.db", f->dir);
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    assert_non_null(dir);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of this thread alone */
    while ((entry = readdir(dir))) {
        char name[512];

        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        (void)unlink(name); /* "." and ".." refuse */
    }
    closedir(dir);
    assert_int_equal(rmdir(path), 0);
}

void fixture_clear(struct fixture *f)
{
    fixture_close(f);
    loop_free(f->loop);
    arena_clear(&f->arena);
    buf_clear(&f->why);
    remove_folder(f->dir);
}

enum rc fixture_try_open(struct fixture *f)
{
    struct store_options options = {
        .ops = f->back_end->ops, .path = str_from(f->path), .vfs = f->vfs};
    enum rc rc;

    buf_reset(&f->why);
    rc = store_open(&options, &f->store, &f->why);
    if (rc)
        return rc;
    f->reader = store_reader_new(f->store);
    assert_non_null(f->reader);
    return RC_OK;
}

void fixture_open(struct fixture *f)
{
    if (fixture_try_open(f))
        fail_msg("open: " STR_FMT, STR_ARG(buf_str(&f->why)));
}

void fixture_close(struct fixture *f)
{
    store_reader_free(f->reader);
    f->reader = NULL;
    store_close(f->store);
    f->store = NULL;
}

void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

struct expected_answers {
    struct fixture *f;
    struct change_set *sets;
    size_t n, come;
    enum rc *rcs;
    bool may_come;
};

static void on_answer(void *ctx, enum rc rc, struct change_set *set)
{
    struct expected_answers *e = ctx;

    assert_true(e->may_come);
    assert_ptr_equal(set, &e->sets[e->come]);
    e->rcs[e->come++] = rc;
    if (e->come == e->n)
        loop_stop(e->f->loop);
}

void fixture_run(struct fixture *f)
{
    loop_run(f->loop);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the callback writes to it */
void fixture_commit_sets(struct fixture *f, struct change_set *sets, size_t n, enum rc *rcs)
{
    struct expected_answers e = {.f = f, .sets = sets, .n = n, .rcs = rcs};

    for (size_t i = 0; i < n; i++) {
        sets[i].loop = f->loop;
        sets[i].done = on_answer;
        sets[i].ctx = &e;
        store_commit(f->store, &sets[i]);
    }
    e.may_come = true;
    fixture_run(f);
    assert_int_equal(e.come, n);
}

enum rc fixture_commit(struct fixture *f, struct change *items, size_t n)
{
    struct change_set set = {.items = items, .n = n};
    enum rc rc = RC_INTERNAL;

    fixture_commit_sets(f, &set, 1, &rc);
    return rc;
}

/** The opener's watch holds the writer until `wanted` sets are queued behind it. */
struct hold {
    struct store *store;
    uint64_t wanted;
    _Atomic bool held;
};

static void hold_writer(void *ctx, const struct log_entry *entries, size_t n)
{
    struct hold *h = ctx;
    struct store_figures figures = {0};

    (void)entries, (void)n;
    atomic_store(&h->held, true);
    while (figures.queue_high < h->wanted) {
        (void)sched_yield();
        store_figures(h->store, &figures);
    }
}

void fixture_commit_as_one_batch(struct fixture *f, struct change *c, size_t n, enum rc *rcs)
{
    struct change opener = {.kind = CHANGE_SIGNING_KEY_PUT, .u.signing_key.kid = STR("opener")};
    struct change_set first = {.items = &opener, .n = 1}, sets[8] = {0};
    struct hold h = {.store = f->store, .wanted = n};
    uint64_t before = store_commits(f->store);

    assert_in_range(n, 2, ARRAY_LEN(sets));
    store_watch(f->store, hold_writer, &h);
    store_commit(f->store, &first);
    while (!atomic_load(&h.held))
        (void)sched_yield();
    for (size_t i = 0; i < n; i++)
        sets[i] = (struct change_set){.items = &c[i], .n = 1};
    fixture_commit_sets(f, sets, n, rcs);
    assert_int_equal(store_commits(f->store), before + 2);
    store_watch(f->store, NULL, NULL);
}

static void note_told(void *ctx, const struct log_entry *entries, size_t n)
{
    struct told *told = ctx;

    told->n += n;
    told->last = entries[n - 1];
}

static void note_kept(void *ctx, const struct log_entry *entry)
{
    note_told(ctx, entry, 1);
}

enum rc fixture_commit_watched(struct fixture *f, struct change *c, struct told *out)
{
    struct told before = {0}, kept = {0};
    enum rc rc;

    *out = (struct told){0};
    assert_int_equal(store_each_change(f->reader, 0, note_kept, &before), RC_OK);
    store_watch(f->store, note_told, out);
    rc = fixture_commit(f, c, 1);
    store_watch(f->store, NULL, NULL);
    assert_int_equal(store_each_change(f->reader, before.last.seq, note_kept, &kept), RC_OK);
    assert_int_equal(kept.n, out->n);
    assert_int_equal(kept.last.seq, out->last.seq);
    assert_int_equal(kept.last.kind, out->last.kind);
    assert_true(uuid_eq(&kept.last.resource, &out->last.resource));
    return rc;
}

enum rc fixture_user(struct fixture *f, const struct user_key *key, struct user_row *out)
{
    return store_user(f->reader, key, &f->arena, out);
}

struct uuid id_of(uint64_t n)
{
    struct uuid id = {{0}};

    for (int i = 0; i < 8; i++)
        id.octets[8 + i] = (uint8_t)(n >> (56 - 8 * i));
    return id;
}

struct user_key key_of(uint64_t resource, uint64_t user)
{
    return (struct user_key){id_of(resource), id_of(user)};
}

struct change add_user(struct user_key key, unix_ms created)
{
    return (struct change){
        .kind = CHANGE_USER_ADD,
        .u.user = {.key = key, .generation = 1, .created = created},
    };
}

struct change change_user(enum change_kind kind, struct user_key key, unix_ms when)
{
    return (struct change){
        .kind = kind,
        .u.user =
            {.key = key, .revoked = when, .valid_from = when, .deleted = when, .last_issued = when},
    };
}

struct change put_meta(struct str name, struct str value)
{
    return (struct change){.kind = CHANGE_META_PUT, .u.meta = {name, value}};
}

struct change put_resource(uint64_t id, struct str name)
{
    return (struct change){
        .kind = CHANGE_RESOURCE_PUT,
        .u.resource = {.id = id_of(id),
                       .name = name,
                       .location = STR("unitedstates"),
                       .names = STR("a.example b.example"),
                       .port = 65535,
                       .state = RESOURCE_ACTIVE,
                       .is_default = true,
                       .created = NOW,
                       .group = STR("Group-1"),
                       .no_local_auth = true,
                       .data_location = STR("Europe"),
                       .properties = STR("{\"tags\":{}}")},
    };
}

struct change put_application(uint64_t n, struct str name)
{
    return (struct change){
        .kind = CHANGE_APPLICATION_PUT,
        .u.application = {.client_id = id_of(n),
                          .object_id = id_of(1000 + n),
                          .kind = APPLICATION_APP,
                          .version = 1,
                          .created = NOW,
                          .name = name,
                          .document = STR("{}")},
    };
}

struct change delete_application(uint64_t n)
{
    return (struct change){.kind = CHANGE_APPLICATION_DELETE, .u.application.client_id = id_of(n)};
}

struct change put_role(uint64_t n, struct str name)
{
    return (struct change){
        .kind = CHANGE_ROLE_PUT,
        .u.role = {.id = id_of(n), .name = name, .document = STR("{}"), .created = NOW},
    };
}

struct change assign(uint64_t n, uint64_t principal, uint64_t role, struct str scope)
{
    return (struct change){
        .kind = CHANGE_ROLE_ASSIGNMENT_PUT,
        .u.role_assignment = {.id = id_of(n),
                              .principal = id_of(principal),
                              .role = id_of(role),
                              .built_in_role = true,
                              .scope = scope,
                              .principal_type = STR("ServicePrincipal"),
                              .created = NOW + (unix_ms)n},
    };
}

struct change put_issuer(uint64_t n, struct str issuer)
{
    return (struct change){
        .kind = CHANGE_ISSUER_PUT,
        .u.issuer =
            {.id = id_of(n), .version = 1, .issuer = issuer, .document = STR("{}"), .created = NOW},
    };
}

struct uuid id_at(unix_ms when, uint64_t n)
{
    struct uuid id = uuid_first(when);

    for (int i = 0; i < 8; i++)
        id.octets[8 + i] = (uint8_t)(n >> (56 - 8 * i));
    return id;
}

struct change add_sms(uint64_t n, unix_ms when)
{
    return (struct change){
        .kind = CHANGE_SMS_ADD,
        .u.sms = {.id = id_at(when, n),
                  .resource = id_of(1),
                  .state = SMS_QUEUED,
                  .created = when,
                  .due = when,
                  .deadline = when + 1000,
                  .segments = 1,
                  .report = true,
                  .from = STR("+14255550123"),
                  .to = STR("+14255550124"),
                  .text = STR("text"),
                  .transport = STR("inbox")},
    };
}

struct change step_sms(const struct uuid *id, unsigned from, enum sms_state to)
{
    return (struct change){
        .kind = CHANGE_SMS_STEP,
        .u.sms_step = {.id = *id, .from = from, .to = to, .due = NOW, .attempts = 1},
    };
}

struct change put_subscription(uint64_t n, struct str name)
{
    return (struct change){
        .kind = CHANGE_SUBSCRIPTION_PUT,
        .u.subscription = {.resource = id_of(1),
                           .name = name,
                           .id = id_of(n),
                           .version = 1,
                           .state = SUBSCRIPTION_SUCCEEDED,
                           .document = STR("{}"),
                           .created = NOW},
    };
}

struct change add_event(uint64_t subscription, uint64_t n, unix_ms when)
{
    return (struct change){
        .kind = CHANGE_EVENT_ADD,
        .u.event = {.subscription = id_of(subscription),
                    .id = id_at(when, n),
                    .resource = id_of(1),
                    .state = EVENT_PENDING,
                    .event_id = STR("6d1d5c4a"),
                    .type = STR("Microsoft.Communication.SMSReceived"),
                    .subject = STR("/phonenumber/14255550123"),
                    .data = STR("{}"),
                    .time = when,
                    .published = when,
                    .due = when},
    };
}

struct change step_event(const struct change *added, unsigned from, enum event_state to)
{
    return (struct change){
        .kind = CHANGE_EVENT_STEP,
        .u.event_step = {.subscription = added->u.event.subscription,
                         .id = added->u.event.id,
                         .from = from,
                         .to = to,
                         .attempts = 1},
    };
}

void put_principals(struct fixture *f, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n <= to; n++) {
        char name[32];
        int len = snprintf(name, sizeof name, "principal %llu", (unsigned long long)n);
        struct change c = put_application(1000000 + n, str_of(name, (size_t)len));

        c.u.application.object_id = id_of(n);
        assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
    }
}

void check_text(struct str got, struct str wanted)
{
    if (!str_eq(got, wanted))
        fail_msg("got \"" STR_FMT "\", not \"" STR_FMT "\"", STR_ARG(got), STR_ARG(wanted));
}

void check_id(const struct uuid *got, uint64_t n)
{
    const struct uuid wanted = id_of(n);

    assert_memory_equal(got->octets, wanted.octets, sizeof wanted.octets);
}

void check_sms(const struct sms_row *got, const struct sms_row *row)
{
    assert_true(uuid_eq(&got->id, &row->id));
    assert_true(uuid_eq(&got->resource, &row->resource));
    assert_int_equal(got->state, row->state);
    assert_int_equal(got->created, row->created);
    assert_int_equal(got->due, row->due);
    assert_int_equal(got->deadline, row->deadline);
    assert_int_equal(got->finished, row->finished);
    assert_int_equal(got->attempts, row->attempts);
    assert_int_equal(got->code, row->code);
    assert_int_equal(got->segments, row->segments);
    assert_int_equal(got->segments_failed, row->segments_failed);
    assert_int_equal(got->ucs2, row->ucs2);
    assert_int_equal(got->report, row->report);
    assert_int_equal(got->unsure, row->unsure);
    check_text(got->from, row->from);
    check_text(got->to, row->to);
    check_text(got->text, row->text);
    check_text(got->tag, row->tag);
    check_text(got->transport, row->transport);
    check_text(got->ref, row->ref);
    check_text(got->history, row->history);
}

static void stand_at_gate(void *ctx, const struct log_entry *entries, size_t n)
{
    struct writer_gate *g = ctx;

    (void)entries, (void)n;
    pthread_mutex_lock(&g->lock);
    g->held = true;
    pthread_cond_broadcast(&g->moved);
    while (!g->passed)
        pthread_cond_wait(&g->moved, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

void writer_gate_close(struct writer_gate *g, struct store *store)
{
    *g = (struct writer_gate){.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
    store_watch(store, stand_at_gate, g);
}

void writer_gate_wait(struct writer_gate *g)
{
    pthread_mutex_lock(&g->lock);
    while (!g->held)
        pthread_cond_wait(&g->moved, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

void writer_gate_open(struct writer_gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->passed = true;
    pthread_cond_broadcast(&g->moved);
    pthread_mutex_unlock(&g->lock);
}
