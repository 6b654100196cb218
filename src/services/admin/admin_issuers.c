/* Trusted issuers: shown, tested, removed. Adding one is admin_issuer_add.c. Trust is never changed
 * over the network: those rows ask for an administrator nearby. Source: wire/managed-identity §4,
 * §8. */
#include "services/admin/admin_issuers.h"

#include "gate/issuer_url.h"
#include "services/key_holds.h"

/* ---- rows ---- */

struct rows_read {
    struct request *req;
    issuer_rows_fn done;
    void *ctx;
};

static void on_rows(void *ctx, enum rc rc, const struct access_page *page)
{
    struct rows_read *r = ctx;

    if (rc)
        answer_rc(r->req, rc);
    else
        r->done(r->ctx, page->issuers, page->n);
}

void issuer_rows(struct request *req, issuer_rows_fn done, void *ctx)
{
    struct rows_read *r = arena_new(req->arena, struct rows_read);

    *r = (struct rows_read){req, done, ctx};
    request_hold(req);
    store_list_access(req->site->store, req->loop, req->arena,
                      &(struct access_query){.what = ACCESS_ISSUERS}, on_rows, r);
}

const struct issuer_row *issuer_row_of(struct request *req, const struct issuer_row *rows, size_t n,
                                       struct str text)
{
    struct entra_forms forms;
    struct uuid id;
    bool by_id = uuid_parse(text, &id) == RC_OK;

    if (!by_id && entra_forms_read(text, req->arena, &forms) == RC_OK)
        text = forms.v2;
    for (size_t i = 0; i < n; i++)
        if (by_id ? uuid_eq(&rows[i].id, &id) : name_eq(rows[i].issuer, text))
            return &rows[i];
    return NULL;
}

/* ---- shown ---- */

static void write_principal(struct request *req, const struct uuid *id, struct json_writer *w)
{
    struct application_row app;

    json_member_str(w, "objectId", uuid_text(req, id));
    if (!store_application(req->site->reader, APPLICATION_BY_OBJECT_ID, str_of(id, sizeof *id),
                           req->arena, &app))
        json_member_str(w, "principalName", app.name);
}

static void write_rule(struct request *req, const struct issuer_rule *rule, struct json_writer *w)
{
    json_object_begin(w);
    if (rule->subject.len)
        json_member_str(w, "subject", rule->subject);
    if (rule->claims_count) {
        json_name(w, "claims");
        json_object_begin(w);
        for (size_t i = 0; i < rule->claims_count; i++)
            json_member_str(w, rule->claims[i].name.ptr, rule->claims[i].value);
        json_object_end(w);
    }
    write_principal(req, &rule->principal, w);
    json_object_end(w);
}

static void member_if(struct json_writer *w, const char *name, struct str text)
{
    if (text.len)
        json_member_str(w, name, text);
}

static void write_lists(struct request *req, const struct trusted_issuer *t, struct json_writer *w)
{
    json_name(w, "audiences");
    json_array_begin(w);
    for (size_t i = 0; i < t->audiences_count; i++)
        json_str(w, t->audiences[i]);
    json_array_end(w);
    json_name(w, "algorithms");
    json_array_begin(w);
    for (unsigned alg = JWS_ALG_NONE + 1; alg < JWS_ALG_COUNT; alg++)
        if (t->algs >> alg & 1U)
            json_str(w, jws_alg_name((enum jws_alg)alg));
    json_array_end(w);
    json_name(w, "rules");
    json_array_begin(w);
    for (size_t i = 0; i < t->rules_count; i++)
        write_rule(req, &t->rules[i], w);
    json_array_end(w);
}

void issuer_write_members(struct request *req, const struct issuer_row *row, struct json_writer *w)
{
    struct trusted_issuer t;
    struct str why = STR_EMPTY;

    json_member_str(w, "id", uuid_text(req, &row->id));
    json_member_str(w, "issuer", row->issuer);
    json_member_time(w, "createdOn", row->created);
    if (trusted_issuer_read(row, req->arena, &t, &why)) {
        json_member_str(w, "problem", why); /* it does not count */
        return;
    }
    json_member_str(w, "kind", t.kind == ISSUER_ENTRA ? STR("entra") : STR("oidc"));
    member_if(w, "tenantId", t.tenant);
    if (t.kind == ISSUER_ENTRA)
        json_member_bool(w, "userTokens", t.user_tokens);
    member_if(w, "jwksUrl", t.where.jwks_url);
    member_if(w, "jwksFile", t.where.jwks_file);
    member_if(w, "caFile", t.where.ca_file);
    member_if(w, "tokenFile", t.where.token_file);
    json_member_bool(w, "allowPrivate", t.where.private_ok);
    write_lists(req, &t, w);
}

static void write_item(struct request *req, const struct access_page *page, size_t i,
                       struct json_writer *w)
{
    json_object_begin(w);
    issuer_write_members(req, &page->issuers[i], w);
    json_object_end(w);
}

void admin_issuers_list(struct request *req)
{
    access_list(req, &(struct access_query){.what = ACCESS_ISSUERS}, write_item);
}

static void not_found(struct request *req)
{
    answer_refusal(req,
                   &(struct refusal){&API_NOT_FOUND,
                                     STR("No trusted issuer has this id or address."), STR_EMPTY});
}

/* ---- tested ---- */

struct issuer_test {
    struct request *req;
    struct key_source *source;
    struct key_wait wait;
    issuer_tested_fn done;
    void *ctx;
};

static void on_fetched(void *ctx)
{
    struct issuer_test *t = ctx;
    struct key_source_state state = {0};

    key_source_state(t->source, t->req->arena, &state);
    if (state.failure.len == 0) /* who adds the issuer now finds the set that was tested */
        key_holds_keep(t->req->site->shared->federated, t->source);
    key_source_unref(t->source);
    t->done(t->ctx, &state);
}

void issuer_test(struct request *req, const struct key_location *where, issuer_tested_fn done,
                 void *ctx)
{
    struct issuer_keys *keys = gate_issuer_keys(gate_of(req->site->gate));
    struct issuer_test *t = arena_new(req->arena, struct issuer_test);

    if (!keys) {
        answer_error(req, &API_UNAVAILABLE);
        return;
    }
    t->req = req;
    t->done = done;
    t->ctx = ctx;
    t->source = key_source_get(keys, where);
    t->wait = (struct key_wait){.task = {.run = on_fetched, .ctx = t}, .loop = req->loop};
    request_hold(req);
    key_source_refresh(t->source, req->loop);
    if (key_source_wait(t->source, &t->wait)) {
        key_source_unref(t->source);
        answer_error(req, &API_UNAVAILABLE);
    }
}

struct str issuer_test_failure(const struct key_source_state *state)
{
    if (state->failure.len)
        return state->failure;
    return state->keys ? STR_EMPTY : STR("the key set holds no key that can be used");
}

void issuer_write_state(struct request *req, const struct key_source_state *state,
                        struct json_writer *w)
{
    struct str failure = issuer_test_failure(state);

    (void)req;
    json_member_bool(w, "ok", failure.len == 0);
    json_member_int(w, "keys", (int64_t)state->keys);
    json_name(w, "kids");
    json_array_begin(w);
    for (size_t i = 0; i < state->keys; i++)
        json_str(w, state->kids[i]);
    json_array_end(w);
    json_member_time(w, "fetchedOn", state->fetched);
    json_member_time(w, "triedOn", state->tried);
    member_if(w, "askedUrl", state->jwks_url);
    member_if(w, "failure", failure);
}

struct testing {
    struct request *req;
    struct issuer_row row;
};

static void on_tested(void *ctx, const struct key_source_state *state)
{
    struct testing *t = ctx;
    struct json_writer w;
    struct buf out;

    buf_init(&out, ACCESS_TEXT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    issuer_write_state(t->req, state, &w);
    issuer_write_members(t->req, &t->row, &w);
    json_object_end(&w);
    answer_json_moved(t->req, 200, &out);
}

static void test_row(void *ctx, const struct issuer_row *rows, size_t n)
{
    struct testing *t = ctx;
    struct request *req = t->req;
    const struct issuer_row *row = issuer_row_of(req, rows, n, req->params[0]);
    struct trusted_issuer issuer;
    struct str why = STR_EMPTY;

    if (!row) {
        not_found(req);
        return;
    }
    t->row = *row;
    if (trusted_issuer_read(row, req->arena, &issuer, &why))
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              arena_printf(req->arena,
                                                           "What is kept of this issuer can't be "
                                                           "used: " STR_FMT ". Remove it and add "
                                                           "it again.",
                                                           STR_ARG(why)),
                                              STR_EMPTY});
    else
        issuer_test(req, &issuer.where, on_tested, t);
}

void admin_issuer_test(struct request *req)
{
    struct testing *t = arena_new(req->arena, struct testing);

    t->req = req;
    issuer_rows(req, test_row, t);
}

/* ---- removed ---- */

struct removal {
    struct request *req;
    struct change changes[1 + ISSUER_RULES_MAX];
    struct change_set set;
};

static void on_removed(void *ctx, enum rc rc, struct change_set *set)
{
    struct removal *r = ctx;

    if (rc) {
        answer_rc(r->req, rc);
        return;
    }
    access_log(r->req, "issuer.removed", "issuer", set->items[0].u.issuer.issuer);
    answer_empty(r->req, 204);
}

/* Does a rule of another issuer mean this principal, too? */
static bool named_elsewhere(struct request *req, const struct issuer_row *rows, size_t n,
                            const struct issuer_row *self, const struct uuid *principal)
{
    for (size_t i = 0; i < n; i++) {
        struct trusted_issuer t;
        struct str why;

        if (&rows[i] == self || trusted_issuer_read(&rows[i], req->arena, &t, &why))
            continue;
        for (size_t k = 0; k < t.rules_count; k++)
            if (uuid_eq(&t.rules[k].principal, principal))
                return true;
    }
    return false;
}

/* The principals that only its rules made, with what is assigned to them. */
static void remove_principals(struct removal *r, const struct issuer_row *rows, size_t n,
                              const struct issuer_row *self)
{
    struct request *req = r->req;
    struct trusted_issuer t;
    struct str why;

    if (trusted_issuer_read(self, req->arena, &t, &why))
        return;
    for (size_t i = 0; i < t.rules_count; i++) {
        const struct uuid *id = &t.rules[i].principal;
        struct application_row app;

        if (store_application(req->site->reader, APPLICATION_BY_OBJECT_ID, str_of(id, sizeof *id),
                              req->arena, &app) ||
            app.kind != APPLICATION_FOREIGN || named_elsewhere(req, rows, n, self, id))
            continue;
        r->changes[r->set.n++] =
            (struct change){.kind = CHANGE_APPLICATION_DELETE, .u.application = app};
    }
}

static void remove_row(void *ctx, const struct issuer_row *rows, size_t n)
{
    struct removal *r = ctx;
    const struct issuer_row *row = issuer_row_of(r->req, rows, n, r->req->params[0]);

    if (!row) {
        not_found(r->req);
        return;
    }
    r->set = (struct change_set){
        .items = r->changes, .n = 1, .loop = r->req->loop, .done = on_removed, .ctx = r};
    r->changes[0] = (struct change){.kind = CHANGE_ISSUER_DELETE, .u.issuer = *row};
    remove_principals(r, rows, n, row);
    store_commit(r->req->site->store, &r->set);
}

void admin_issuer_delete(struct request *req)
{
    struct removal *r = arena_new(req->arena, struct removal);

    r->req = req;
    issuer_rows(req, remove_row, r);
}
