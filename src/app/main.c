/* The program: the client's commands and, beside them, those that are the server itself. */
#include "app/commands.h"

#include "app/settings.h"
#include "base/json.h"
#include "cli/cli.h"

enum { ROW_SERVE = 0, ROW_CONFIG, ROW_RESTORE, ROW_ROUTES, ROW_COUNT };

static const struct command rows[ROW_COUNT];

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (str_eq(str_from(argv[i]), STR("--help")) || str_eq(str_from(argv[i]), STR("-h")))
            return true;
    }
    return false;
}

/* The command's page, then every setting as a flag. */
static int help(const struct command *row)
{
    struct buf settings;

    cli_print_help(row, stdout);
    buf_init(&settings, MIB);
    settings_write_help(&settings);
    (void)printf("\nSettings (each also as CALLGATE_SET_… and in the settings file):\n%s",
                 buf_cstr(&settings));
    buf_clear(&settings);
    return EXIT_DONE;
}

static int help_alone(const struct command *row)
{
    cli_print_help(row, stdout);
    return EXIT_DONE;
}

static int serve_main(int argc, char **argv)
{
    return wants_help(argc, argv) ? cli_written(help(&rows[ROW_SERVE])) : app_serve(argc, argv);
}

static int config_main(int argc, char **argv)
{
    return cli_written(wants_help(argc, argv) ? help(&rows[ROW_CONFIG]) : app_config(argc, argv));
}

static int restore_main(int argc, char **argv)
{
    return cli_written(wants_help(argc, argv) ? help(&rows[ROW_RESTORE]) : app_restore(argc, argv));
}

static int routes_main(int argc, char **argv)
{
    return cli_written(wants_help(argc, argv) ? help_alone(&rows[ROW_ROUTES])
                                              : app_routes(argc, argv));
}

static const struct command rows[ROW_COUNT] = {
    [ROW_SERVE] = {.words = "serve",
                   .synopsis = "[--data DIR] [--https ADDR:PORT] [--http ADDR:PORT] [setting…]",
                   .help = "run the server until Ctrl-C or SIGTERM",
                   .about = "Prints one line 'ready https=… http=… admin=unix:…' on stdout once it "
                            "answers; the log goes to stderr.\nSIGHUP reads the certificate again; "
                            "a second Ctrl-C does not wait for requests in flight.\n\n"
                            "  callgate serve\n"
                            "  callgate serve --data /tmp/test --https localhost:0 --http "
                            "localhost:0\n"
                            "  callgate serve --mode production --https 0.0.0.0:443 --tls-cert "
                            "chain.pem --tls-key key.pem",
                   .raw_args = serve_main},
    [ROW_CONFIG] = {.words = "config",
                    .synopsis = "[--json|--markdown] [setting…]",
                    .help = "print every setting, its value and where that came from",
                    .about = "Takes the same flags as serve, and reads the same environment and "
                             "file.\n\n"
                             "  callgate config\n"
                             "  callgate config --json --mode production",
                    .raw_args = config_main},
    [ROW_RESTORE] = {.words = "restore",
                     .synopsis = "FILE [--data DIR]",
                     .help = "put a backup in place of the store; the server must be stopped",
                     .about = "The copy is checked first: that it is whole, of a version this "
                              "program reads, and sealed under this directory's master key. What "
                              "was there stays beside it as callgate.db.before-restore.\n\n"
                              "  callgate restore backup.db --data DIR",
                     .raw_args = restore_main},
    [ROW_ROUTES] = {.words = "routes",
                    .synopsis = "[--json]",
                    .help = "print every route, the credentials it takes and what it asks of them",
                    .about = "One JSON array, a member for each row of the route tables: for "
                             "checks and for the pages made from them.\n\n"
                             "  callgate routes | jq -r '.[] | .method + \" \" + .path'",
                    .raw_args = routes_main},
};

int main(int argc, char **argv)
{
    json_wipe_freed();
    return cli_main(argc, argv, rows, ROW_COUNT);
}
