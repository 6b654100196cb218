/* The access-key scheme under two fixed keys. First line: two digits whose bits say how the check
 * is set up; then a request with an Authorization header. */
#include "fuzz.h"

#include "gate/scheme_key.h"

#define WITH_EXPLANATION 1u
#define PLAIN_ONLY       2u
#define WITHOUT_QUERY    4u
#define SECURE           8u

/* K1 and K2 of wire/authentication §1.5, and two that signed nothing. */
static const struct str key_texts[] = {
    STR_INIT("Callgate-fake-test-key-0123456789-not-a-secret-0123456789-ABCDEF"),
    STR_INIT("Callgate-fake-second-key-0123456789-not-a-secret-012345-ABCDEFGH"),
    STR_INIT("Callgate-fake-third-key-0123456789-not-a-secret-0123456-ABCDEFGH"),
    STR_INIT("Callgate-fake-fourth-key-0123456789-not-a-secret-012345-ABCDEFGH"),
};
static const struct str public_hosts[] = {STR_INIT("acs.example.com"), STR_INIT("edge:444")};

/* Made once: keys are what costs. */
static struct world {
    struct resource ours, strangers;
    struct directory directory;
    struct hash_work *work;
} world;

static void set_keys(struct resource *r, size_t first)
{
    for (size_t slot = 0; slot < KEY_SLOTS; slot++) {
        struct str text = key_texts[first + slot];

        r->keys[slot] = (struct access_key){.mac = mac_key_new(text.ptr, text.len),
                                            .secret = secret_copy(text.ptr, text.len),
                                            .present = true};
    }
}

static struct world *the_world(void)
{
    struct world *w = &world;

    if (w->work)
        return w;
    w->work = hash_work_new();
    set_keys(&w->ours, 0);
    set_keys(&w->strangers, 2);
    w->ours.is_default = true;
    w->directory.default_resource = &w->ours;
    map_init(&w->directory.by_host);
    (void)map_put(&w->directory.by_host, STR("rec.localhost"), &w->ours); /* a new one */
    return w;
}

static bool is_one_line(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7E)
            return false;
    return true;
}

static void check_credential(struct str credential)
{
    struct key_credential c;

    if (key_credential_parse(credential, &c))
        return;
    CHECK(c.n > 0 && c.n <= SIGNED_HEADERS_MAX && c.signature.len);
    CHECK(fuzz_lies_within(c.signature, credential));
    for (size_t i = 0; i < c.n; i++)
        CHECK(c.signed_headers[i].len && fuzz_lies_within(c.signed_headers[i], credential));
}

static struct key_verdict verdict(const struct key_check *check, struct request *req,
                                  struct str credential)
{
    struct key_verdict v;

    scheme_key_check(check, req, credential, world.work, &v);
    CHECK(v.error || v.slot < KEY_SLOTS);
    CHECK(!v.error || v.explain.len);
    return v;
}

/* What is accepted falls with the key, with the name and with the body. */
static void check_accepted(struct key_check check, struct request *req, struct str credential)
{
    check.known = false;
    CHECK(verdict(&check, req, credential).error);
    check.known = true;
    check.resource = &world.strangers;
    CHECK(verdict(&check, req, credential).error);
    check.resource = &world.ours;
    req->body = arena_printf(req->arena, STR_FMT "x", STR_ARG(req->body));
    CHECK(verdict(&check, req, credential).error);
}

static void check_request(struct request *req, struct str credential, unsigned bits)
{
    struct key_check check = {
        .resource = &world.ours,
        .known = true,
        .directory = &world.directory,
        .skew_ms = 300000,
        .wall = req->now,
        .public_hosts = public_hosts,
        .public_hosts_count = ARRAY_LEN(public_hosts),
        .plain_only = bits & PLAIN_ONLY,
        .without_query = bits & WITHOUT_QUERY,
        .explain = bits & WITH_EXPLANATION,
    };
    struct key_verdict v = verdict(&check, req, credential);

    CHECK(is_one_line(v.explain));
    if (v.error)
        return;
    check.plain_only = false;
    CHECK(!verdict(&check, req, credential).error);
    check_accepted(check, req, credential);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of(data, size), setup = fuzz_take_line(&text), credential;
    uint8_t bits = 0;
    struct fuzz_request f;

    (void)the_world();
    if (fuzz_request_read(&f, text) == RC_OK && setup.len == 2 &&
        hex_decode(setup, &bits, 1) == RC_OK) {
        credential = headers_get(&f.req.headers, HEADER_AUTHORIZATION);
        if (str_starts_nocase(credential, STR("HMAC-SHA256 ")))
            credential = str_from_index(credential, 12);
        f.req.secure = f.door.tls = bits & SECURE;
        f.door.port = f.door.tls ? 8443 : 8080;
        check_credential(credential);
        check_request(&f.req, credential, bits);
    }
    fuzz_request_clear(&f);
    return 0;
}
