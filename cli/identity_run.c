/* identity run: starts a program as a cloud host would start it with a managed identity. The server
 * opens an endpoint for it and closes it when the stream ends that a thread here reads; the kernel
 * ends that stream with this process, whatever ends the process.
 * Source: wire/managed-identity §0 B, §2.6. */
#include "cli/call.h"
#include "cli/show.h"
#include "cli/variables.h"
#include "client/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_STARTED 126 /* as shells say */
#define EXIT_NO_PROGRAM  127
#define EXIT_BY_SIGNAL   128
#define LINE_ROOM        ((size_t)8 * KIB)

extern char **environ;

/* The stream, read by a thread of its own until the process ends. */
struct keeper {
    struct cg_client *client;
    struct str path;
    FILE *to; /* the pipe's end that the thread writes to */
    FILE *from;
    pthread_t thread;
    enum cg_status status;
    struct cg_error err;
    _Atomic bool started; /* the program: from then on an end is worth a word */
};

static void *keep(void *arg)
{
    struct keeper *k = arg;
    uint64_t octets = 0;

    k->status = cg_admin_download(k->client, "POST", k->path.ptr, k->to, &octets, &k->err);
    (void)fclose(k->to); /* unbuffered: nothing can be lost */
    if (atomic_load(&k->started))
        (void)fputs("callgate: the server has closed the identity endpoint: the program gets no "
                    "more tokens\n",
                    stderr);
    return NULL;
}

/* Opens the pipe and starts the thread. */
static enum exit_code keeper_start(struct cli *cli, struct keeper *k)
{
    int ends[2] = {-1, -1};
    int error = 0;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return cli_fail(cli, EXIT_LOCAL, "no pipe: %s", os_error_text(errno));
    k->from = fdopen(ends[0], "r");
    k->to = fdopen(ends[1], "w");
    if (!k->from || !k->to || setvbuf(k->to, NULL, _IONBF, 0) != 0)
        return cli_fail(cli, EXIT_LOCAL, "out of memory"); /* the process ends now */
    error = pthread_create(&k->thread, NULL, keep, k);
    return error ? cli_fail(cli, EXIT_LOCAL, "no thread: %s", os_error_text(error)) : EXIT_DONE;
}

/* The line that says where the endpoint is; *out owned. */
static enum exit_code keeper_read(struct cli *cli, struct keeper *k, json_t **out)
{
    char *line = arena_alloc(&cli->arena, LINE_ROOM);

    if (fgets(line, (int)LINE_ROOM, k->from)) {
        (void)pthread_detach(k->thread); /* nobody waits for it any more */
        if (json_read(str_trim(str_from(line)), out, NULL) == RC_OK && json_is_object(*out))
            return EXIT_DONE;
        return cli_fail(cli, EXIT_REFUSED, "the server's answer is not what it should be");
    }
    (void)pthread_join(k->thread, NULL); /* it has ended: the pipe is closed */
    return k->status ? call_failed(cli, k->status, &k->err)
                     : cli_fail(cli, EXIT_REFUSED, "the server ended at once");
}

/* ---- the environment ---- */

/* What would lead a client past the endpoint, or be mistaken for a part of it. */
static const char *const removed[] = {"MSI_ENDPOINT",
                                      "MSI_SECRET",
                                      "IMDS_ENDPOINT",
                                      "IDENTITY_SERVER_THUMBPRINT",
                                      "AZURE_POD_IDENTITY_AUTHORITY_HOST",
                                      "AZURE_FEDERATED_TOKEN_FILE",
                                      "AZURE_CLIENT_ID",
                                      "COMMUNICATION_SERVICES_CONNECTION_STRING",
                                      "CALLGATE_HTTP_CONNECTION_STRING",
                                      "CALLGATE_ADMIN_TOKEN_FILE"};

static bool is_of(const char *entry, const char *name)
{
    size_t len = strlen(name);

    return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

static bool is_set(const char *name)
{
    for (char **e = environ; *e; e++)
        if (is_of(*e, name))
            return true;
    return false;
}

static bool replaced(const char *entry, const struct variables *v, bool keep_env)
{
    for (size_t i = 0; i < v->n; i++)
        if (is_of(entry, v->items[i].name))
            return true;
    for (size_t i = 0; !keep_env && i < ARRAY_LEN(removed); i++)
        if (is_of(entry, removed[i]))
            return true;
    return false;
}

static void add_unless_kept(struct variables *v, const char *name, struct str value, bool keep_env)
{
    if (!keep_env || !is_set(name))
        variables_add(v, name, value);
}

/* The variables of the endpoint, and those by which clients find and trust the server. */
static void choose(struct cli *cli, const json_t *line, struct variables *v)
{
    bool keep_env = args_has(&cli->args, "keep-env");
    struct variables server = {.n = 0};
    struct server_info info = {0};

    variables_add(v, "IDENTITY_ENDPOINT", arena_dup(&cli->arena, show_text(cli, line, "endpoint")));
    variables_add(v, "IDENTITY_HEADER", arena_dup(&cli->arena, show_text(cli, line, "header")));
    if (args_has(&cli->args, "client-id"))
        variables_add(v, "AZURE_CLIENT_ID",
                      arena_dup(&cli->arena, show_text(cli, line, "clientId")));
    if (!is_set("AZURE_TOKEN_CREDENTIALS"))
        variables_add(v, "AZURE_TOKEN_CREDENTIALS", STR("ManagedIdentityCredential"));
    if (args_has(&cli->args, "endpoint") || server_info_read(cli, &info))
        return;
    variables_of_server(cli, &info, STR_EMPTY, &server);
    for (size_t i = 0; i < server.n; i++)
        add_unless_kept(v, server.items[i].name, server.items[i].value, keep_env);
}

static char **environment_of(struct cli *cli, const struct variables *v)
{
    bool keep_env = args_has(&cli->args, "keep-env");
    size_t n = 0, at = 0;
    char **all;

    while (environ[n])
        n++;
    all = arena_array(&cli->arena, char *, n + v->n + 1);
    for (size_t i = 0; i < n; i++)
        if (!replaced(environ[i], v, keep_env))
            all[at++] = environ[i];
    for (size_t i = 0; i < v->n; i++)
        all[at++] = (char *)(uintptr_t)arena_printf(&cli->arena, "%s=" STR_FMT, v->items[i].name,
                                                    STR_ARG(v->items[i].value))
                        .ptr;
    return all;
}

/* ---- the program ---- */

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

static void watched(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGCHLD);
    for (size_t i = 0; i < ARRAY_LEN(passed_on); i++)
        (void)sigaddset(set, passed_on[i]);
}

/* With the signals as they were before we looked after them. RC_OK, or what errno says. */
static int start(char *const *command, char **env, const sigset_t *mask, pid_t *out_pid)
{
    posix_spawnattr_t attr;
    int error = posix_spawnattr_init(&attr);

    if (error)
        return error;
    error = posix_spawnattr_setsigmask(&attr, mask);
    if (!error)
        error = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    if (!error)
        error = posix_spawnp(out_pid, command[0], NULL, &attr, command, env);
    (void)posix_spawnattr_destroy(&attr);
    return error;
}

/* Waits for the program and passes signals on. What the terminal sends it gets itself. */
static int wait_for(pid_t pid, const sigset_t *set)
{
    siginfo_t info;
    int status = 0;

    for (;;) {
        int signal = sigwaitinfo(set, &info);

        if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
            (void)kill(pid, signal);
        if (waitpid(pid, &status, WNOHANG) == pid)
            break;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_BY_SIGNAL + WTERMSIG(status);
}

static int run_program(struct cli *cli, struct keeper *k, const json_t *line,
                       const char *const *words, size_t n)
{
    char **command = arena_array(&cli->arena, char *, n + 1);
    struct variables v = {.n = 0};
    sigset_t set, mask;
    char **env;
    pid_t pid = 0;
    int error;

    for (size_t i = 0; i < n; i++)
        command[i] = (char *)(uintptr_t)words[i];
    choose(cli, line, &v);
    env = environment_of(cli, &v);
    watched(&set);
    (void)signal(SIGCHLD, SIG_DFL); /* ignored, it would hide how the program ends */
    (void)pthread_sigmask(SIG_BLOCK, &set, &mask);
    error = start(command, env, &mask, &pid);
    if (error)
        return (int)cli_fail(cli, error == ENOENT ? EXIT_NO_PROGRAM : EXIT_NOT_STARTED, "%s: %s",
                             command[0], os_error_text(error));
    atomic_store(&k->started, true);
    error = wait_for(pid, &set);
    atomic_store(&k->started, false);
    return error;
}

/* NAME in front of "--", the command behind it. */
static enum exit_code split(struct cli *cli, const char **out_name, size_t *out_from)
{
    const struct args *args = &cli->args;

    if (!args->separated || args->before > 1 || args->before == args->n)
        return cli_fail(cli, EXIT_USAGE, "write -- in front of the command");
    *out_name = args->before ? args->words[0] : "default";
    *out_from = args->before;
    return EXIT_DONE;
}

int identity_run_run(struct cli *cli)
{
    /* static: the thread outlives this function until the process ends */
    static struct keeper k;
    const char *name = NULL;
    json_t *line = NULL;
    struct path path;
    sigset_t all, mask;
    size_t from = 0;
    enum exit_code code = split(cli, &name, &from);
    int ended;

    if (code == EXIT_DONE)
        code = client_open(cli, &k.client);
    if (code)
        return (int)code;
    path_init_segment(&path, cli, "/admin/identities/", name, ":serve");
    k.path = path_done(&path, cli);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &mask); /* the thread inherits it */
    code = keeper_start(cli, &k);
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (code == EXIT_DONE)
        code = keeper_read(cli, &k, &line);
    ended =
        code ? (int)code : run_program(cli, &k, line, cli->args.words + from, cli->args.n - from);
    (void)fflush(cli->out);
    (void)fflush(cli->err);
    _exit(ended); /* the thread waits in its call: only the end of the process ends that */
}
