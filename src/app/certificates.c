/* Certificates: the local authority (kept in the store, its key sealed), a leaf that is made anew
 * at each start and whenever a name comes, or the operator's own files. Source: design D11. */
#include "app/app.h"

#include "base/uuid.h"
#include "crypto/jks.h"
#include "crypto/x509.h"

#include <errno.h>
#include <sys/stat.h>

#define SYSTEM_ROOTS         "/etc/ssl/certs/ca-certificates.crt"
#define TRUST_STORE_PASSWORD "changeit"
#define PEM_MAX              (4 * MIB)
#define NAMES_MAX            4096
#define HOUR_MS              (3600LL * 1000)
#define RENEW_BEFORE_MS      (30LL * 24 * HOUR_MS)
#define WARN_BEFORE_MS       (14LL * 24 * HOUR_MS)

static const struct str ca_cert_name = STR_INIT("ca.cert"), ca_key_name = STR_INIT("ca.key");

/* A set of names, each once. */
struct names {
    struct str items[NAMES_MAX];
    size_t n;
};

static void names_add(struct names *names, struct str name)
{
    for (size_t i = 0; i < names->n; i++) {
        if (str_eq(names->items[i], name))
            return;
    }
    if (names->n < NAMES_MAX && name.len > 0)
        names->items[names->n++] = name;
}

/* What the CA is allowed to speak for, besides localhost and the loopback addresses. */
static void configured_names(struct app *app, struct names *names)
{
    struct str host;
    uint16_t port;
    const struct setting_value *name = setting(app->settings, "name");
    struct str public_url = setting_text(app->settings, "net.public_url");

    names_add(names, setting_text(app->settings, "domain"));
    for (size_t i = 0; i < name->count; i++)
        names_add(names, name->items[i]);
    if (str_starts(public_url, STR("https://")) &&
        !authority_split(str_from_index(public_url, 8), &host, &port))
        names_add(names, host);
}

static void leaf_names(struct app *app, const struct directory *d, struct arena *arena,
                       struct names *names)
{
    names_add(names, STR("localhost"));
    names_add(names, STR("127.0.0.1"));
    names_add(names, STR("::1"));
    configured_names(app, names);
    for (size_t i = 0; i < d->resources_count; i++) {
        const struct resource *r = &d->resources[i];

        if (r->state == RESOURCE_DELETED)
            continue;
        names_add(names, arena_printf(arena, STR_FMT "." STR_FMT, STR_ARG(r->name),
                                      STR_ARG(app->source.domain)));
        for (size_t k = 0; k < r->names_count; k++)
            names_add(names, r->names[k]);
    }
}

/* Names outside the CA's constraints would make clients refuse the whole leaf. */
static void drop_uncovered(struct app *app, struct names *names)
{
    size_t kept = 0;

    for (size_t i = 0; i < names->n; i++) {
        char quoted[128];
        size_t len;

        if (ca_allows(buf_str(&app->ca_cert), names->items[i])) {
            names->items[kept++] = names->items[i];
            continue;
        }
        len = log_quote(quoted, sizeof quoted, names->items[i], 60);
        log_warn(app->log, "tls.name_not_covered", "name=%.*s action=left_out", (int)len, quoted);
    }
    names->n = kept;
}

/* Read anew every hour from then on; nobody but the operator can mend it. */
static void note_end(struct app *app, struct str cert)
{
    unix_ms end = 0, left;

    if (cert_not_after(cert, &end))
        end = 0;
    app->leaf_not_after = end;
    left = end - clock_wall();
    if (end && left < WARN_BEFORE_MS)
        log_warn(app->log, "tls.certificate_ends", "hours_left=%lld file=tls.cert",
                 (long long)(left / HOUR_MS));
}

/* Right behind file_read(). */
static const char *reading_failed(enum rc rc)
{
    return rc == RC_TOO_LARGE ? "it is too large for one" : os_error_text(errno);
}

static enum rc operator_certificate(struct app *app, struct tls_context **out, struct buf *why)
{
    struct str cert_path = setting_text(app->settings, "tls.cert"),
               key_path = setting_text(app->settings, "tls.key");
    struct secret key = {0};
    struct buf cert, key_text;
    enum rc rc;

    buf_init(&cert, PEM_MAX);
    buf_init(&key_text, PEM_MAX);
    if ((rc = file_read(cert_path.ptr, PEM_MAX / 2, &cert))) {
        buf_addf(why, "can't read the certificate %s (tls.cert): %s.", cert_path.ptr,
                 reading_failed(rc));
    } else if ((rc = file_read(key_path.ptr, PEM_MAX / 2, &key_text))) {
        buf_addf(why, "can't read the private key %s (tls.key): %s.", key_path.ptr,
                 reading_failed(rc));
    } else {
        key = secret_copy(key_text.ptr, key_text.len);
        rc = tls_context_new(buf_str(&cert), &key, out, why);
        if (rc)
            buf_addf(why, " (tls.cert %s, tls.key %s)", cert_path.ptr, key_path.ptr);
        else
            note_end(app, buf_str(&cert));
    }
    secret_clear(&key);
    buf_wipe(&key_text);
    buf_clear(&cert);
    return rc;
}

static enum rc local_leaf(struct app *app, struct tls_context **out, struct buf *why)
{
    const struct directory *d = gate_directory_ref(app->gate);
    struct names *names = calloc(1, sizeof *names);
    struct secret key = {0};
    struct arena arena;
    struct buf chain;
    unix_ms end = 0;
    enum rc rc = RC_INTERNAL;

    arena_init(&arena);
    buf_init(&chain, PEM_MAX);
    if (names) {
        leaf_names(app, d, &arena, names);
        drop_uncovered(app, names);
        rc = leaf_make(buf_str(&app->ca_cert), &app->ca_key, names->items, names->n, clock_wall(),
                       &chain, &key);
    }
    if (!rc)
        rc = tls_context_new(buf_str(&chain), &key, out, why);
    if (!rc)
        rc = cert_not_after(buf_str(&chain), &end);
    if (!rc)
        app->leaf_not_after = end;
    if (rc && why->len == 0)
        buf_addf(why, "can't make a certificate from the local authority (%s).", rc_name(rc));
    secret_clear(&key);
    buf_clear(&chain);
    arena_clear(&arena);
    free(names);
    snapshot_unref((struct snapshot *)(uintptr_t)&d->snapshot);
    return rc;
}

enum rc app_certificates_renew(struct app *app, struct buf *why)
{
    struct tls_context *tls = NULL;
    enum rc rc;

    pthread_mutex_lock(&app->tls_lock);
    if (setting_text(app->settings, "tls.cert").len > 0)
        rc = operator_certificate(app, &tls, why);
    else
        rc = local_leaf(app, &tls, why);
    if (!rc)
        net_set_tls(app->net, tls);
    else
        tls_context_unref(tls);
    pthread_mutex_unlock(&app->tls_lock);
    return rc;
}

static enum rc keep_ca(struct app *app, struct buf *why)
{
    struct change changes[2] = {{.kind = CHANGE_META_PUT}, {.kind = CHANGE_META_PUT}};
    struct change_set set = {.items = changes, .n = 2};
    struct buf sealed;
    enum rc rc;

    buf_init(&sealed, 64 * KIB);
    rc = seal(app->master, ca_key_name, &app->ca_key, &sealed);
    changes[0].u.meta.name = ca_cert_name;
    changes[0].u.meta.value = buf_str(&app->ca_cert);
    changes[1].u.meta.name = ca_key_name;
    changes[1].u.meta.value = buf_str(&sealed);
    if (!rc)
        rc = app_commit(app, &set);
    if (rc)
        buf_addf(why, "can't keep the new certificate authority (%s).", rc_name(rc));
    buf_clear(&sealed);
    return rc;
}

static bool ca_covers(struct app *app)
{
    struct names *names = calloc(1, sizeof *names);
    bool all = names != NULL;

    if (names)
        configured_names(app, names);
    for (size_t i = 0; all && i < names->n; i++)
        all = ca_allows(buf_str(&app->ca_cert), names->items[i]);
    free(names);
    return all;
}

static enum rc make_ca(struct app *app, struct buf *why)
{
    struct names *names = calloc(1, sizeof *names);
    enum rc rc = RC_INTERNAL;

    buf_reset(&app->ca_cert);
    secret_clear(&app->ca_key);
    if (names) {
        configured_names(app, names);
        rc = ca_make(names->items, names->n, clock_wall(), &app->ca_cert, &app->ca_key);
    }
    free(names);
    if (rc) {
        buf_addf(why, "can't make the local certificate authority (%s).", rc_name(rc));
        return rc;
    }
    return keep_ca(app, why);
}

static enum rc load_ca(struct app *app, struct buf *why)
{
    struct arena arena;
    struct str cert, sealed;
    enum rc rc;
    unix_ms not_after = 0;

    arena_init(&arena);
    rc = store_meta(app->lanes[0].reader, ca_cert_name, &arena, &cert);
    if (!rc)
        rc = store_meta(app->lanes[0].reader, ca_key_name, &arena, &sealed);
    if (!rc) {
        buf_add(&app->ca_cert, cert);
        rc = unseal(app->master, ca_key_name, sealed, &app->ca_key);
        if (rc)
            buf_addf(why, "the certificate authority's key does not open under this master key.");
    }
    arena_clear(&arena);
    if (rc && rc != RC_NOT_FOUND)
        return rc;
    if (!rc && !cert_not_after(buf_str(&app->ca_cert), &not_after) &&
        not_after > clock_wall() + RENEW_BEFORE_MS && ca_covers(app))
        return RC_OK;
    if (!rc)
        log_warn(app->log, "tls.ca_renewed", "reason=%s action=trust_the_new_ca_file",
                 not_after > clock_wall() + RENEW_BEFORE_MS ? "new_name" : "expiry");
    return make_ca(app, why);
}

static time_t modified(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_mtime : 0;
}

/* ca.pem is the source for programs; the bundle and the trust store add the system's roots, since
 * they replace a runtime's own. Rewritten only when the CA or the roots have changed. */
static enum rc write_ca_files(struct app *app, struct buf *why)
{
    struct buf present, bundle, jks;
    struct str password = STR(TRUST_STORE_PASSWORD);
    bool same;
    enum rc rc;

    buf_init(&present, PEM_MAX);
    same = !file_read(app->dir.ca.ptr, MIB, &present) &&
           str_eq(buf_str(&present), buf_str(&app->ca_cert));
    buf_clear(&present);
    if (same && modified(app->dir.ca_bundle.ptr) > modified(SYSTEM_ROOTS) &&
        modified(app->dir.trust_store.ptr) > modified(SYSTEM_ROOTS))
        return RC_OK;
    buf_init(&bundle, PEM_MAX);
    buf_init(&jks, PEM_MAX);
    if (file_read(SYSTEM_ROOTS, PEM_MAX / 2, &bundle))
        buf_reset(&bundle); /* a system without roots has none */
    if (bundle.len > 0 && bundle.ptr[bundle.len - 1] != '\n')
        buf_add_char(&bundle, '\n');
    buf_add(&bundle, buf_str(&app->ca_cert));
    rc = jks_write(buf_str(&bundle), password, clock_wall(), &jks);
    if (!rc)
        rc = file_write(app->dir.ca_bundle.ptr, buf_str(&bundle), 0644);
    if (!rc)
        rc = file_write(app->dir.trust_store.ptr, buf_str(&jks), 0644);
    if (!rc)
        rc = file_write(app->dir.ca.ptr, buf_str(&app->ca_cert), 0644);
    if (rc)
        buf_addf(why, "can't write the certificate files in %s (%s).", app->dir.path.ptr,
                 rc_name(rc));
    buf_clear(&jks);
    buf_clear(&bundle);
    return rc;
}

enum rc app_certificates_start(struct app *app, struct buf *why)
{
    enum rc rc = load_ca(app, why);

    if (!rc)
        rc = write_ca_files(app, why);
    return rc ? rc : app_certificates_renew(app, why);
}
