/* The serve command: start, run, reload, stop. */
#include "app/app.h"
#include "app/commands.h"

#include "base/json.h"
#include "cli/cli.h"
#include "services/admin/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#define TICK_MS        60000
#define TICKS_PER_HOUR 60
#define READER_IDLE_MS 150 /* well below what the writer waits for readers to let go */
#define LEAF_AHEAD_MS  (30LL * 24 * 3600 * 1000)
#define MALLOC_ARENAS  2

/* Our own code and libraries abort when the system gives them no memory, thread or descriptor. */
static void say_why_aborted(void)
{
    static const char words[] =
        "callgate: had to give up: the system gave no memory, no thread or no descriptor. Look at "
        "ulimit -v, -u and -n, and at the limits of the service or container.\n";

    if (write(STDERR_FILENO, words, sizeof words - 1) < 0)
        return; /* nobody listens; it ends all the same */
}

/* While nothing runs yet, it is a start that failed, as others do. */
static void end_start(int signal_number)
{
    (void)signal_number;
    say_why_aborted();
    _exit(EXIT_LOCAL);
}

/* A debugger still sees where it was. */
static void end_at_once(int signal_number)
{
    say_why_aborted();
    (void)signal(signal_number, SIG_DFL); /* can't fail for a valid number */
    (void)raise(signal_number);
}

static void stop_loops(struct app *app)
{
    for (unsigned i = app->lane_count; i-- > 0;)
        loop_stop(app->lanes[i].loop);
}

static void on_drained(void *ctx)
{
    stop_loops(ctx);
}

static void on_stop_signal(void *ctx)
{
    struct app *app = ctx;

    if (app->stop_asked) { /* asked twice: at once */
        stop_loops(app);
        return;
    }
    app->stop_asked = true;
    app->stopping = true;
    app_notify("STOPPING=1");
    log_info(app->log, "server.stopping", "grace_ms=%lld",
             (long long)setting_number(app->settings, "net.drain_timeout"));
    net_drain(app->net, (uint32_t)setting_number(app->settings, "net.drain_timeout"), on_drained,
              app);
}

static void on_reload_signal(void *ctx)
{
    struct app *app = ctx;
    struct buf why;
    enum rc rc;

    buf_init(&why, 4 * KIB);
    app_notify("RELOADING=1");
    rc = gate_load(app->gate, &why);
    if (!rc)
        app_tell_issuers_left_out(app);
    if (!rc)
        rc = app_certificates_renew(app, &why);
    if (!rc)
        rc = app_delivery_load(app, &why);
    if (rc)
        log_error(app->log, "server.reload_failed", "why=\"" STR_FMT "\" action=kept_what_was",
                  STR_ARG(buf_str(&why)));
    else
        log_info(app->log, "server.reloaded", "certificate=yes snapshot=yes");
    app_notify("READY=1");
    buf_clear(&why);
}

static void on_tick(void *ctx)
{
    struct app *app = ctx;
    struct buf why;

    gate_tick(app->gate);
    if (++app->ticks % TICKS_PER_HOUR != 0)
        return;
    app_rotate_signing_keys(app);
    admin_expire_signing_keys(&app->lanes[0].site);
    if (app->leaf_not_after == 0 || app->leaf_not_after - clock_wall() > LEAF_AHEAD_MS)
        return;
    buf_init(&why, 4 * KIB);
    if (app_certificates_renew(app, &why))
        log_error(app->log, "tls.leaf_failed", "why=\"" STR_FMT "\"", STR_ARG(buf_str(&why)));
    buf_clear(&why);
}

static void on_reader_idle(void *ctx)
{
    const struct lane *lane = ctx;

    store_reader_idle(lane->reader);
}

static void *lane_main(void *ctx)
{
    struct lane *lane = ctx;

    loop_run(lane->loop);
    return NULL;
}

static enum rc start_lanes(struct app *app, struct buf *why)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* signals belong to the first loop */
    for (unsigned i = 0; i < app->lane_count; i++) {
        struct lane *lane = &app->lanes[i];

        loop_timer_start(lane->loop, &lane->idle_timer, READER_IDLE_MS, READER_IDLE_MS,
                         on_reader_idle, lane);
        if (i > 0 && pthread_create(&lane->thread, NULL, lane_main, lane) == 0)
            lane->threaded = true;
        else if (i > 0)
            buf_addf(why,
                     "can't start thread %u: lower --threads, or raise the limits of processes "
                     "and of memory (ulimit -u, -v).",
                     i);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return why->len > 0 ? RC_INTERNAL : RC_OK;
}

static void join_lanes(struct app *app)
{
    stop_loops(app);
    for (unsigned i = 1; i < app->lane_count; i++) {
        if (app->lanes[i].threaded)
            pthread_join(app->lanes[i].thread, NULL);
    }
}

static void say_ready(struct app *app)
{
    int fd = (int)setting_number(app->settings, "ready_fd");
    struct buf line;

    buf_init(&line, 4 * KIB);
    app_ready_line(app, &line);
    (void)fwrite(line.ptr, 1, line.len, stdout); /* a closed stdout is the caller's choice */
    (void)fflush(stdout);
    if (fd >= 0 && write(fd, line.ptr, line.len) < 0)
        log_warn(app->log, "start.ready_fd", "fd=%d action=went_on", fd);
    log_info(app->log, "server.ready", "mode=%s threads=%u version=%s",
             app->development ? "dev" : "production", app->lane_count, CALLGATE_VERSION);
    app_notify("READY=1");
    buf_clear(&line);
}

static enum rc run(struct app *app, struct buf *why)
{
    struct loop *first = app->lanes[0].loop;
    enum rc rc = app_doors_open(app, why);

    if (!rc)
        rc = app_server_json_write(app);
    if (rc && why->len == 0)
        buf_addf(why, "can't write %s (%s).", app->dir.server_json.ptr, rc_name(rc));
    if (rc)
        return rc;
    loop_signal(first, SIGINT, on_stop_signal, app);
    loop_signal(first, SIGTERM, on_stop_signal, app);
    loop_signal(first, SIGHUP, on_reload_signal, app);
    loop_timer_start(first, &app->tick_timer, TICK_MS, TICK_MS, on_tick, app);
    app_delivery_start(app);
    app_chat_start(app);
    rc = start_lanes(app, why);
    if (!rc) {
        app->ready = true;
        (void)signal(SIGABRT, end_at_once);
        say_ready(app);
        loop_run(first);
        log_info(app->log, "server.stopped", "uptime_s=%lld",
                 (long long)((clock_wall() - app->started) / 1000));
    }
    join_lanes(app);
    return rc;
}

static struct log *open_log(const struct settings *s)
{
    static const struct {
        const char *word;
        enum log_level level;
    } levels[] = {
        {"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}};
    struct log_options options = {.fd = STDERR_FILENO};

    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (setting_is(s, "log.level", levels[i].word))
            options.level = levels[i].level;
    }
    if (setting_is(s, "log.format", "text"))
        options.format = LOG_FORMAT_TEXT;
    else if (setting_is(s, "log.format", "json"))
        options.format = LOG_FORMAT_JSON;
    return log_new(&options);
}

/* A caller may have closed them: then the log would go to what gets their numbers. */
static bool hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) {
            (void)fprintf(stderr, "callgate: can't open /dev/null: %s.\n", os_error_text(errno));
            return false;
        }
    }
    return true;
}

int app_serve(int argc, char **argv)
{
    struct settings settings;
    struct app *app = calloc(1, sizeof *app);
    struct buf why;
    enum rc rc;
    int code = EXIT_DONE;

    if (!app || !hold_standard_descriptors()) {
        free(app);
        return EXIT_LOCAL;
    }
    (void)signal(SIGABRT, end_start); /* can't fail for a valid number */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit fails, as on a full disk */
    /* Before any thread is started. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    (void)mallopt(M_ARENA_MAX, MALLOC_ARENAS);
    buf_init(&why, 16 * KIB);
    settings_init(&settings);
    rc = settings_load(&settings, argc, argv, &why);
    if (!rc)
        rc = app_settings_check(&settings, &why);
    if (rc) {
        code = EXIT_USAGE;
    } else {
        app->log = open_log(&settings);
        rc = app_open(app, &settings, &why);
        if (!rc)
            rc = run(app, &why);
        app_close(app);
        log_free(app->log);
        code = rc ? EXIT_LOCAL : EXIT_DONE;
    }
    if (rc)
        (void)fprintf(stderr, "callgate: %s\n", buf_cstr(&why));
    settings_clear(&settings);
    buf_clear(&why);
    free(app);
    return code;
}
