/* What the administration service may ask of the whole server: settings, status, metrics. */
#include "app/app.h"

#include "services/sms/sms.h"

#include <unistd.h>

static enum rc port_free(void *ctx, uint16_t port)
{
    (void)ctx;
    return net_port_free(port);
}

static enum rc endpoint_open(void *ctx, uint16_t *out_port)
{
    return app_endpoint_open(ctx, out_port);
}

static void endpoint_close(void *ctx, uint16_t port)
{
    app_endpoint_close(ctx, port);
}

static void write_settings(void *ctx, struct json_writer *w)
{
    const struct app *app = ctx;

    settings_write_json(app->settings, w);
}

static bool is_ready(void *ctx, const char **why)
{
    const struct app *app = ctx;

    if (!store_healthy(app->store))
        *why = "the store has failed: see the log, mend the disk, restart";
    else if (!gate_healthy(app->gate))
        *why = "resources and keys could not be read again: see the log";
    else if (app->stopping)
        *why = "stopping";
    else if (!app->ready)
        *why = "starting";
    else
        return true;
    return false;
}

/* The second number of /proc/self/statm, in pages. */
static int64_t resident_octets(void)
{
    char text[64] = "", *second = NULL;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return 0;
    if (fgets(text, sizeof text, f))
        second = strchr(text, ' ');
    (void)fclose(f); /* opened for reading */
    return second ? (int64_t)strtol(second, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

static void write_listener(struct json_writer *w, const char *name, const struct net_door *door)
{
    if (door)
        json_member_int(w, name, net_door_port(door));
}

static void write_status(void *ctx, struct json_writer *w)
{
    const struct app *app = ctx;
    struct store_figures sf;
    struct net_figures nf;

    store_figures(app->store, &sf);
    net_figures(app->net, &nf);
    json_member_str(w, "version", STR(CALLGATE_VERSION));
    json_member_str(w, "mode", app->development ? STR("dev") : STR("production"));
    json_member_int(w, "pid", getpid());
    json_member_time(w, "startedOn", app->started);
    json_member_int(w, "uptimeSeconds", (clock_wall() - app->started) / 1000);
    json_member_int(w, "threads", app->lane_count);
    json_member_int(w, "residentOctets", resident_octets());
    json_name(w, "listeners");
    json_object_begin(w);
    write_listener(w, "https", app->https);
    write_listener(w, "http", app->http);
    write_listener(w, "admin", app->admin_tcp);
    write_listener(w, "imds", app->imds);
    json_object_end(w);
    json_member_str(w, "dataDirectory", app->dir.path);
    json_name(w, "store");
    json_object_begin(w);
    json_member_bool(w, "healthy", store_healthy(app->store));
    json_member_int(w, "commits", (int64_t)sf.commits);
    json_member_int(w, "changeSets", (int64_t)sf.sets);
    json_member_int(w, "failed", (int64_t)sf.failed);
    json_object_end(w);
    json_member_int(w, "users", sf.users);
    json_member_int(w, "usersDeleted", sf.users_deleted);
    json_member_int(w, "revocationsHeld", (int64_t)gate_revocations_held(app->gate));
    json_member_int(w, "connections", (int64_t)nf.open);
    json_member_int(w, "requests", (int64_t)nf.requests);
    app_live_status(app, w);
}

/* ---- Prometheus text ---- */

void app_metric(struct buf *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    buf_addf(out, "# HELP callgate_%s %s\n# TYPE callgate_%s %s\ncallgate_%s %llu\n", name, help,
             name, type, name, (unsigned long long)value);
}

struct route_page {
    const struct app *app;
    struct buf *out;
    size_t index;
};

struct route_sum {
    uint64_t by_class[6], bucket[LATENCY_BUCKETS + 1], total_us;
};

static void sum_route(const struct app *app, size_t index, struct route_sum *sum)
{
    *sum = (struct route_sum){0};
    for (unsigned i = 0; i < app->lane_count; i++) {
        const struct route_figures *f = pipeline_figures(app->lanes[i].pipeline, index);

        for (size_t k = 0; k < ARRAY_LEN(sum->by_class); k++)
            sum->by_class[k] += f->by_class[k];
        for (size_t k = 0; k < ARRAY_LEN(sum->bucket); k++)
            sum->bucket[k] += f->bucket[k];
        sum->total_us += f->total_us;
    }
}

static void write_requests(void *ctx, const struct route *row)
{
    struct route_page *page = ctx;
    const char *method = row ? method_name(row->method).ptr : "-";
    const char *path = row ? row->path : "none";
    struct route_sum sum;

    sum_route(page->app, page->index++, &sum);
    for (size_t k = 1; k < ARRAY_LEN(sum.by_class); k++) {
        if (sum.by_class[k] > 0)
            buf_addf(page->out,
                     "callgate_requests_total{method=\"%s\",route=\"%s\",class=\"%zuxx\"} %llu\n",
                     method, path, k, (unsigned long long)sum.by_class[k]);
    }
}

static void write_latency(void *ctx, const struct route *row)
{
    struct route_page *page = ctx;
    const char *path = row ? row->path : "none";
    const char *method = row ? method_name(row->method).ptr : "-";
    struct route_sum sum;
    uint64_t below = 0;

    sum_route(page->app, page->index++, &sum);
    for (size_t k = 0; k < LATENCY_BUCKETS; k++)
        below += sum.bucket[k];
    if (below + sum.bucket[LATENCY_BUCKETS] == 0)
        return;
    below = 0;
    for (size_t k = 0; k < LATENCY_BUCKETS; k++) {
        below += sum.bucket[k];
        buf_addf(page->out,
                 "callgate_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"%g\"} %llu\n",
                 method, path, latency_bucket_us[k] / 1e6, (unsigned long long)below);
    }
    below += sum.bucket[LATENCY_BUCKETS];
    buf_addf(page->out,
             "callgate_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"+Inf\"} %llu\n"
             "callgate_request_seconds_sum{method=\"%s\",route=\"%s\"} %g\n"
             "callgate_request_seconds_count{method=\"%s\",route=\"%s\"} %llu\n",
             method, path, (unsigned long long)below, method, path, (double)sum.total_us / 1e6,
             method, path, (unsigned long long)below);
}

static void write_net(const struct app *app, struct buf *out)
{
    struct net_figures nf;

    net_figures(app->net, &nf);
    app_metric(out, "connections_accepted_total", "counter", "Connections accepted.", nf.accepted);
    app_metric(out, "connections_open", "gauge", "Connections open now.", nf.open);
    app_metric(out, "connections_tls_open", "gauge", "TLS connections open now.", nf.tls_open);
    app_metric(out, "websockets_open", "gauge", "WebSockets open now.", nf.ws_open);
    app_metric(out, "connections_refused_total", "counter", "Connections refused at a limit.",
               nf.refused_full);
    app_metric(out, "tls_handshakes_total", "counter", "TLS handshakes done.", nf.handshakes);
    app_metric(out, "tls_handshakes_failed_total", "counter", "TLS handshakes failed.",
               nf.handshakes_failed);
    app_metric(out, "framing_refused_total", "counter", "Requests refused for their framing.",
               nf.framing_refused);
    app_metric(out, "timed_out_total", "counter", "Connections closed for being slow or idle.",
               nf.timed_out);
    app_metric(out, "octets_in_total", "counter", "Octets received.", nf.bytes_in);
    app_metric(out, "octets_out_total", "counter", "Octets sent.", nf.bytes_out);
}

static void write_metrics(void *ctx, struct buf *out)
{
    const struct app *app = ctx;
    struct route_page page = {app, out, 0};
    struct store_figures sf;
    const char *why;

    store_figures(app->store, &sf);
    app_metric(out, "ready", "gauge", "1 when the server serves.", is_ready(ctx, &why));
    write_net(app, out);
    app_metric(out, "store_commits_total", "counter", "Durable commits.", sf.commits);
    app_metric(out, "store_change_sets_total", "counter", "Change sets committed or refused.",
               sf.sets);
    app_metric(out, "store_failed_total", "counter", "Change sets that failed.", sf.failed);
    app_metric(out, "store_queue_high", "gauge", "Longest write queue so far.", sf.queue_high);
    app_metric(out, "users", "gauge", "Users alive.", (uint64_t)sf.users);
    app_metric(out, "revocations_held", "gauge", "Revoked or deleted users held in memory.",
               gate_revocations_held(app->gate));
    sms_write_metrics(app->sms, out);
    app_live_metrics(app, out);
    app_metric(out, "log_dropped_total", "counter", "Log lines dropped.", log_dropped(app->log));
    app_metric(out, "resident_octets", "gauge", "Resident memory.", (uint64_t)resident_octets());
    buf_add(out, STR("# HELP callgate_requests_total Requests by route and status class.\n"
                     "# TYPE callgate_requests_total counter\n"));
    router_each(app->router, write_requests, &page);
    write_requests(&page, NULL);
    buf_add(out, STR("# HELP callgate_request_seconds Time from head to reply.\n"
                     "# TYPE callgate_request_seconds histogram\n"));
    page.index = 0;
    router_each(app->router, write_latency, &page);
    write_latency(&page, NULL);
}

void app_hooks_init(struct app *app)
{
    app->hooks = (struct site_hooks){
        .ctx = app,
        .port_free = port_free,
        .write_settings = write_settings,
        .write_status = write_status,
        .write_metrics = write_metrics,
        .ready = is_ready,
        .endpoint_open = endpoint_open,
        .endpoint_close = endpoint_close,
    };
}
