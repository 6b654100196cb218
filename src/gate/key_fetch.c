/* One fetch of an issuer's key set: see key_fetch.h.
 *
 * It goes prepare (pool: the bearer token, or the file of keys) → configuration (request, pool) →
 * keys (request, pool) → done. Documents are read on the pool, since a large set takes
 * milliseconds. The bearer token goes to the operator's own origin alone, and no further than the
 * request's header. Source: wire/managed-identity §4.4. */
#include "gate/key_fetch.h"

#include "crypto/secret.h"
#include "http/outbound.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_MAX     (16 * KIB)
#define REDIRECTS_MAX 3
#define CONNECT_MS    ((uint32_t)3000)
#define NS_PER_MS     ((mono_ns)1000000)

enum stage { STAGE_PREPARE = 0, STAGE_CONFIGURATION, STAGE_KEYS };

struct key_fetch {
    struct key_fetch_options options;
    struct arena arena; /* URLs */
    struct outbound_call call;
    struct buf authorization; /* "Bearer …", wiped; empty: no token */
    enum stage stage;
    bool asking, cancelled; /* a request is under way; nothing more is to be done */
    mono_ns deadline;
    struct key_fetch_result result;
};

static const char *const stage_names[] = {"files", "OpenID configuration", "key set"};

void key_fetch_free(struct key_fetch *f)
{
    if (!f)
        return;
    if (f->result.set)
        snapshot_unref(&f->result.set->snapshot);
    outbound_call_clear(&f->call);
    buf_wipe(&f->authorization);
    arena_clear(&f->arena);
    free(f);
}

static void finish(struct key_fetch *f)
{
    struct key_fetch_result *r = &f->result;

    if (f->cancelled) {
        r->rc = RC_BUSY;
        r->why = "the server is shutting down";
    }
    if (r->rc && r->set) {
        snapshot_unref(&r->set->snapshot);
        r->set = NULL;
    }
    if (r->rc && !r->detail[0])
        (void)snprintf(r->detail, sizeof r->detail, "%s: %s", stage_names[f->stage], r->why);
    f->options.done(f->options.ctx, r);
    r->set = NULL; /* the receiver's now */
    key_fetch_free(f);
}

static void fail(struct key_fetch *f, enum rc rc, const char *why)
{
    f->result.rc = rc;
    f->result.why = why;
}

/* ---- files, on the pool ---- */

/* Up to `max` octets of a regular file; `known`, when not NULL and unchanged, ends it with
 * RC_CONFLICT. */
static enum rc read_file(struct str path, size_t max, const struct file_mark *known,
                         struct buf *out, struct file_mark *out_mark)
{
    enum rc rc = RC_IO;
    struct stat st;
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return RC_IO;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        rc = (uint64_t)st.st_size > max ? RC_TOO_LARGE : RC_OK;
    if (!rc) {
        *out_mark = (struct file_mark){st.st_dev, st.st_ino, st.st_size, st.st_mtim.tv_sec,
                                       st.st_mtim.tv_nsec};
        if (known && known->device == out_mark->device && known->inode == out_mark->inode &&
            known->size == out_mark->size && known->changed_s == out_mark->changed_s &&
            known->changed_ns == out_mark->changed_ns)
            rc = RC_CONFLICT;
    }
    while (!rc) {
        char *room = buf_reserve(out, 4 * KIB);
        ssize_t got = room ? read(fd, room, 4 * KIB) : -1;

        if (got <= 0) {
            rc = room && got == 0 ? RC_OK : RC_IO;
            break;
        }
        buf_grown(out, (size_t)got);
    }
    (void)close(fd); /* only read from */
    return rc;
}

static void read_key_file(struct key_fetch *f)
{
    struct buf text;
    enum rc rc;

    buf_init(&text, KEY_DOCUMENT_MAX + 8 * KIB);
    rc = read_file(f->options.where->jwks_file, KEY_DOCUMENT_MAX, &f->options.known, &text,
                   &f->result.mark);
    if (rc == RC_TOO_LARGE)
        fail(f, rc, "the key set is too large");
    else if (rc && rc != RC_CONFLICT) /* which says that nothing has changed */
        fail(f, RC_IO, "the file of the keys can't be read");
    else if (!rc)
        f->result.rc =
            key_set_read(buf_str(&text), f->options.where, &f->result.set, &f->result.why);
    buf_clear(&text);
}

static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7F)
            return false;
    return text.len > 0;
}

static void read_token_file(struct key_fetch *f)
{
    struct buf text;
    struct file_mark mark;
    struct str token;

    buf_init(&text, TOKEN_MAX + 8 * KIB);
    if (read_file(f->options.where->token_file, TOKEN_MAX, NULL, &text, &mark)) {
        fail(f, RC_IO, "the token file can't be read");
    } else {
        token = buf_str(&text);
        while (token.len && (token.ptr[token.len - 1] == '\n' || token.ptr[token.len - 1] == '\r'))
            token.len--;
        if (is_token(token)) {
            buf_add(&f->authorization, STR("Bearer "));
            buf_add(&f->authorization, token);
        } else {
            fail(f, RC_IO, "the token file holds no token");
        }
    }
    buf_wipe(&text);
}

/* ---- steps ---- */

static void prepare(void *ctx)
{
    struct key_fetch *f = ctx;

    if (f->options.where->jwks_file.len)
        read_key_file(f);
    else if (f->options.where->token_file.len)
        read_token_file(f);
}

static void read_answer(void *ctx)
{
    struct key_fetch *f = ctx;
    struct key_fetch_result *r = &f->result;
    struct str text = buf_str(&f->call.response);

    if (f->stage == STAGE_CONFIGURATION)
        r->rc = discovery_read(text, f->options.where, &f->arena, &r->jwks_url, &r->why);
    else
        r->rc = key_set_read(text, f->options.where, &r->set, &r->why);
}

static void after_answer(void *ctx);

/* `done` of the request. */
static void on_answer(void *ctx, struct outbound_call *call)
{
    struct key_fetch *f = ctx;
    const char *what = stage_names[f->stage];

    f->asking = false;
    if (f->cancelled || call->rc == RC_BUSY) {
        f->cancelled = true;
    } else if (call->rc) {
        fail(f, call->rc,
             call->rc == RC_TOO_LARGE ? "the issuer's answer is too large"
             : call->rc == RC_DENIED  ? "the issuer's address is not allowed"
                                      : "the issuer is out of reach");
        (void)snprintf(f->result.detail, sizeof f->result.detail, "%s: %s", what, call->reason);
    } else if (call->status != 200) {
        fail(f, RC_IO,
             call->status >= 300 && call->status < 400 ? "the issuer redirects elsewhere"
                                                       : "the issuer answers with an error");
        (void)snprintf(f->result.detail, sizeof f->result.detail, "%s: HTTP %d", what,
                       call->status);
    } else {
        f->result.max_age_s = cache_max_age_s(outbound_answer_header(call, STR("cache-control")));
        loop_work(f->options.loop, read_answer, after_answer, f);
        return;
    }
    finish(f);
}

/* False, with a reason in the result, when it may not be asked. */
static bool ask(struct key_fetch *f, enum stage stage, struct str url)
{
    const struct key_location *where = f->options.where;
    mono_ns now = clock_mono();
    struct key_url how = {0};

    f->stage = stage;
    f->result.rc = key_url_judge(where, url, f->options.plain_loopback, &how, &f->result.why);
    if (!f->result.rc && !f->options.outbound)
        fail(f, RC_DENIED, "this server sends no requests");
    if (!f->result.rc && now + NS_PER_MS > f->deadline)
        fail(f, RC_IO, "the issuer takes too long");
    if (f->result.rc)
        return false;
    uint32_t left_ms = (uint32_t)((f->deadline - now) / NS_PER_MS);
    outbound_call_clear(&f->call);
    f->call = (struct outbound_call){
        .method = "GET",
        .url = arena_dup(&f->arena, url).ptr,
        .headers = {{STR("accept"), STR("application/json, application/jwk-set+json")}},
        .headers_count = 1,
        .connect_ms = left_ms < CONNECT_MS ? left_ms : CONNECT_MS,
        .total_ms = left_ms,
        .response_max = KEY_DOCUMENT_MAX,
        .redirects = REDIRECTS_MAX,
        .ca_file = where->ca_file.len ? where->ca_file.ptr : NULL,
        .private_ok = how.allow_private,
        .plain_ok = f->options.plain_loopback,
        .done = on_answer,
        .ctx = f,
    };
    if (how.with_token && f->authorization.len)
        f->call.headers[f->call.headers_count++] =
            (struct outbound_header){STR("authorization"), buf_str(&f->authorization)};
    f->asking = true;
    outbound_send(f->options.outbound, f->options.loop, &f->call);
    return true;
}

static void after_answer(void *ctx)
{
    struct key_fetch *f = ctx;

    if (f->cancelled || f->result.rc || f->stage == STAGE_KEYS ||
        !ask(f, STAGE_KEYS, f->result.jwks_url))
        finish(f);
}

static void after_prepare(void *ctx)
{
    struct key_fetch *f = ctx;
    const struct key_location *where = f->options.where;
    bool asked = false;

    if (!f->cancelled && !f->result.rc && !where->jwks_file.len) {
        f->result.jwks_url = where->jwks_url;
        asked = where->jwks_url.len ? ask(f, STAGE_KEYS, where->jwks_url)
                                    : ask(f, STAGE_CONFIGURATION, discovery_url(where, &f->arena));
    }
    if (!asked)
        finish(f);
}

struct key_fetch *key_fetch_new(const struct key_fetch_options *options)
{
    struct key_fetch *f = calloc(1, sizeof *f);

    if (!f)
        abort();
    f->options = *options;
    f->result.max_age_s = -1;
    f->deadline = clock_mono() + KEY_FETCH_MS * NS_PER_MS;
    arena_init(&f->arena);
    buf_init(&f->authorization, TOKEN_MAX + 16);
    loop_work(options->loop, prepare, after_prepare, f);
    return f;
}

void key_fetch_cancel(struct key_fetch *f)
{
    if (f->cancelled)
        return;
    f->cancelled = true;
    if (f->asking)
        outbound_cancel(f->options.outbound, &f->call); /* on_answer() follows */
}
