/* Listeners: those of the settings, those that resources ask for, and how local programs learn of
 * them (the ready line and server.json). Source: design D3, D10, D16. */
#include "app/app.h"

#include <unistd.h>

static bool is_off(struct str text)
{
    return str_eq(text, STR("off")) || text.len == 0;
}

/* The TCP addresses after the mode's defaults; empty: no such listener. */
static struct str plain_address(const struct app *app)
{
    struct str text = setting_text(app->settings, "http");

    if (str_eq(text, STR("auto")))
        return app->development ? STR("localhost:8080") : STR_EMPTY;
    return is_off(text) ? STR_EMPTY : text;
}

static struct str admin_address(const struct app *app)
{
    struct str text = setting_text(app->settings, "admin");

    if (str_eq(text, STR("auto")))
        return app->development ? STR("localhost:0") : STR_EMPTY;
    return is_off(text) ? STR_EMPTY : text;
}

static enum rc open_door(struct app *app, const struct door_spec *spec, const char *flag,
                         struct net_door **out, struct buf *why)
{
    enum rc rc;

    if (spec->address.len == 0)
        return RC_OK;
    rc = net_door_open(app->net, spec, out, why);
    if (rc == RC_CONFLICT || rc == RC_DENIED)
        buf_addf(why, " Give another address with %s (port 0 picks a free one).", flag);
    return rc;
}

static struct str imds_address(const struct app *app)
{
    struct str text = setting_text(app->settings, "imds");

    return is_off(text) ? STR_EMPTY : text;
}

enum rc app_doors_open(struct app *app, struct buf *why)
{
    struct str https = setting_text(app->settings, "https"), http = plain_address(app);
    struct door_spec tls = {.address = is_off(https) ? STR_EMPTY : https, .tls = true};
    struct door_spec plain = {.address = http};
    struct door_spec admin = {.address = admin_address(app), .either = true, .admin = true};
    struct door_spec imds = {.address = imds_address(app), .identity = true, .metadata = true};
    struct door_spec unix_socket = {.admin = true};
    struct arena arena;
    enum rc rc;

    arena_init(&arena);
    unix_socket.address = arena_printf(&arena, "unix:" STR_FMT, STR_ARG(app->dir.admin_socket));
    rc = open_door(app, &tls, "--https", &app->https, why);
    if (!rc)
        rc = open_door(app, &plain, "--http", &app->http, why);
    if (!rc)
        rc = open_door(app, &admin, "--admin", &app->admin_tcp, why);
    if (!rc)
        rc = open_door(app, &imds, "--imds", &app->imds, why);
    if (!rc)
        rc = open_door(app, &unix_socket, "--data", &app->admin_socket, why);
    if (!rc) {
        const struct directory *d = gate_directory_ref(app->gate);

        app->site_options.https_port = app->https ? net_door_port(app->https) : 0;
        app->site_options.http_port = app->http ? net_door_port(app->http) : 0;
        app->doors_open = true;
        app_doors_follow(app, d);
        snapshot_unref((struct snapshot *)(uintptr_t)&d->snapshot);
    }
    arena_clear(&arena);
    return rc;
}

static bool port_wanted(const struct directory *d, uint16_t port)
{
    for (size_t i = 0; i < d->resources_count; i++) {
        if (d->resources[i].port == port && d->resources[i].state == RESOURCE_ACTIVE)
            return true;
    }
    return false;
}

static void close_unwanted(struct app *app, const struct directory *d)
{
    struct port_door **at = &app->port_doors;

    while (*at) {
        struct port_door *p = *at;

        if (port_wanted(d, p->port)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        net_door_close(p->door);
        free(p);
    }
}

static bool port_open(const struct app *app, uint16_t port)
{
    for (const struct port_door *p = app->port_doors; p; p = p->next) {
        if (p->port == port)
            return true;
    }
    return false;
}

static void open_port(struct app *app, uint16_t port)
{
    char address[32];
    int len = snprintf(address, sizeof address, "localhost:%u", (unsigned)port);
    struct door_spec spec = {.address = str_of(address, (size_t)len),
                             .either = app->development,
                             .tls = !app->development};
    struct port_door *p = calloc(1, sizeof *p);
    struct buf why;

    buf_init(&why, 4 * KIB);
    if (p && net_door_open(app->net, &spec, &p->door, &why) == RC_OK) {
        p->port = port;
        p->next = app->port_doors;
        app->port_doors = p;
    } else {
        char quoted[512];
        size_t n = log_quote(quoted, sizeof quoted, buf_str(&why), 200);

        log_error(app->log, "net.port_not_opened", "port=%u why=%.*s", (unsigned)port, (int)n,
                  quoted);
        free(p);
    }
    buf_clear(&why);
}

void app_doors_follow(struct app *app, const struct directory *d)
{
    if (!app->doors_open)
        return;
    close_unwanted(app, d);
    for (size_t i = 0; i < d->resources_count; i++) {
        const struct resource *r = &d->resources[i];

        if (r->port != 0 && r->state == RESOURCE_ACTIVE && !port_open(app, r->port))
            open_port(app, r->port);
    }
}

/* ---- identity endpoints that come and go ---- */

/* Counts one more before it opens, so that the lock is not held meanwhile. */
static bool reserve_endpoint(struct endpoints *e)
{
    bool room;

    pthread_mutex_lock(&e->lock);
    room = e->count < APP_ENDPOINTS_MAX;
    e->count += room;
    pthread_mutex_unlock(&e->lock);
    return room;
}

/* Puts it into the list; NULL gives the reservation back. */
static void settle_endpoint(struct endpoints *e, struct port_door *p)
{
    pthread_mutex_lock(&e->lock);
    if (p) {
        p->next = e->first;
        e->first = p;
    } else {
        e->count--;
    }
    pthread_mutex_unlock(&e->lock);
}

enum rc app_endpoint_open(struct app *app, uint16_t *out_port)
{
    struct door_spec spec = {.address = STR("127.0.0.1:0"), .identity = true};
    struct port_door *p;
    struct buf why;
    enum rc rc;

    if (!reserve_endpoint(&app->endpoints))
        return RC_TOO_LARGE;
    p = calloc(1, sizeof *p);
    if (!p)
        abort();
    buf_init(&why, 4 * KIB);
    rc = net_door_open(app->net, &spec, &p->door, &why);
    buf_clear(&why);
    if (rc) {
        free(p);
        settle_endpoint(&app->endpoints, NULL);
        return rc;
    }
    p->port = net_door_port(p->door);
    *out_port = p->port;
    settle_endpoint(&app->endpoints, p);
    return RC_OK;
}

void app_endpoint_close(struct app *app, uint16_t port)
{
    struct endpoints *e = &app->endpoints;
    struct port_door **at, *p;

    pthread_mutex_lock(&e->lock);
    for (at = &e->first; *at && (*at)->port != port;)
        at = &(*at)->next;
    p = *at;
    if (p) {
        *at = p->next;
        e->count--;
    }
    pthread_mutex_unlock(&e->lock);
    if (p)
        net_door_close(p->door);
    free(p);
}

void app_endpoints_clear(struct app *app)
{
    while (app->endpoints.first) {
        struct port_door *p = app->endpoints.first;

        app->endpoints.first = p->next;
        free(p);
    }
    app->endpoints.count = 0;
}

/* ---- how local programs learn of them ---- */

/* Where a program on this machine reaches a listener: wildcard addresses become loopback. */
static struct str reach_address(struct str address)
{
    size_t colon = address.len;
    struct str host;

    while (colon > 0 && address.ptr[colon - 1] != ':')
        colon--;
    host = str_head(address, colon > 0 ? colon - 1 : 0);
    if (str_eq(host, STR("[::]")))
        return STR("[::1]");
    if (str_eq(host, STR("localhost")) || str_eq(host, STR("0.0.0.0")) || host.len == 0)
        return STR("127.0.0.1");
    return host;
}

static void add_ready(struct buf *out, const char *word, const struct net_door *door,
                      struct str address)
{
    if (door)
        buf_addf(out, " %s=" STR_FMT ":%u", word, STR_ARG(reach_address(address)),
                 (unsigned)net_door_port(door));
}

void app_ready_line(const struct app *app, struct buf *out)
{
    buf_add(out, STR("ready"));
    add_ready(out, "https", app->https, setting_text(app->settings, "https"));
    add_ready(out, "http", app->http, plain_address(app));
    buf_addf(out, " admin=unix:" STR_FMT, STR_ARG(app->dir.admin_socket));
    add_ready(out, "admin_tcp", app->admin_tcp, admin_address(app));
    add_ready(out, "imds", app->imds, imds_address(app));
    buf_add_char(out, '\n');
}

static void write_listener(struct json_writer *w, const char *name, const struct net_door *door,
                           struct str address)
{
    json_name(w, name);
    if (!door) {
        json_null_value(w);
        return;
    }
    json_object_begin(w);
    json_member_str(w, "address", reach_address(address));
    json_member_int(w, "port", net_door_port(door));
    json_object_end(w);
}

/* What trusts our certificate; an operator's own is for the system's roots to judge. */
static void write_trust(struct json_writer *w, const struct app *app)
{
    if (setting_text(app->settings, "tls.cert").len > 0)
        return;
    json_member_str(w, "caFile", app->dir.ca);
    json_member_str(w, "caBundle", app->dir.ca_bundle);
    json_member_str(w, "trustStore", app->dir.trust_store);
    json_member_str(w, "trustStorePassword", STR("changeit"));
}

enum rc app_server_json_write(struct app *app)
{
    struct json_writer w;
    struct buf out;
    enum rc rc;

    buf_init(&out, 64 * KIB);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_int(&w, "pid", getpid());
    json_member_str(&w, "version", STR(CALLGATE_VERSION));
    json_member_str(&w, "mode", app->development ? STR("dev") : STR("production"));
    json_member_str(&w, "domain", app->source.domain);
    if (app->source.public_url.len > 0)
        json_member_str(&w, "publicUrl", app->source.public_url);
    write_listener(&w, "https", app->https, setting_text(app->settings, "https"));
    write_listener(&w, "http", app->http, plain_address(app));
    write_listener(&w, "admin", app->admin_tcp, admin_address(app));
    write_listener(&w, "imds", app->imds, imds_address(app));
    json_member_str(&w, "adminSocket", app->dir.admin_socket);
    json_member_str(&w, "adminToken", app->dir.admin_token);
    write_trust(&w, app);
    json_object_end(&w);
    buf_add_char(&out, '\n');
    rc =
        out.failed ? out.failed : file_write_passing(app->dir.server_json.ptr, buf_str(&out), 0600);
    buf_clear(&out);
    return rc;
}
