/* backup: a copy of the store, streamed to a file that appears whole or not at all. */
#include "cli/call.h"
#include "cli/server_find.h"
#include "client/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static enum exit_code download(struct cli *cli, FILE *to, uint64_t *out_octets)
{
    struct cg_client *client = NULL;
    struct cg_error err = {0};
    enum cg_status status = CG_OK;
    enum exit_code code = client_open(cli, &client);

    if (code)
        return code;
    status = cg_admin_download(client, "POST", "/admin/backup", to, out_octets, &err);
    if (status)
        code = call_failed(cli, status, &err);
    cg_client_free(client);
    return code;
}

/* Makes the copy in `part`, durable. */
static enum exit_code make_part(struct cli *cli, const char *part, uint64_t *out_octets)
{
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
    enum exit_code code = EXIT_DONE;

    if (!to) {
        code = cli_fail(cli, EXIT_LOCAL, "%s: %s", part,
                        errno == EEXIST ? "is there from an earlier run: remove it"
                                        : os_error_text(errno));
        if (fd >= 0)
            (void)close(fd); /* nothing was written */
        return code;
    }
    code = download(cli, to, out_octets);
    if (code == EXIT_DONE && (fflush(to) != 0 || fsync(fileno(to)) != 0))
        code = cli_fail(cli, EXIT_LOCAL, "%s could not be written: is the disk full?", part);
    if (fclose(to) != 0 && code == EXIT_DONE)
        code = cli_fail(cli, EXIT_LOCAL, "%s could not be written", part);
    if (code)
        (void)unlink(part); /* nothing half made; the failure was told */
    return code;
}

static enum exit_code finish(struct cli *cli, const char *file, uint64_t octets)
{
    if (cli->json)
        (void)fprintf(cli->out, "{\"octets\":%llu}\n", (unsigned long long)octets);
    else
        (void)fprintf(cli->out,
                      "%s: %llu octets. Keep master.key of the data directory too, elsewhere: "
                      "the copy's secrets are sealed under it.\n",
                      file, (unsigned long long)octets);
    return EXIT_DONE;
}

int backup_run(struct cli *cli)
{
    const char *file = cli->args.words[0];
    struct str part = arena_printf(&cli->arena, "%s.part", file);
    uint64_t octets = 0;
    enum exit_code code = EXIT_DONE;

    if (name_eq(str_from(file), STR("-"))) {
        if (isatty(STDOUT_FILENO))
            return (int)cli_fail(cli, EXIT_USAGE, "a backup is no text: name a file or a pipe");
        return (int)download(cli, cli->out, &octets);
    }
    if (!args_has(&cli->args, "force") && access(file, F_OK) == 0)
        return (int)cli_fail(cli, EXIT_LOCAL, "%s exists already: --force replaces it", file);
    code = make_part(cli, part.ptr, &octets);
    if (code)
        return (int)code;
    if (rename(part.ptr, file) != 0) {
        (void)unlink(part.ptr); /* the failure is told next */
        return (int)cli_fail(cli, EXIT_LOCAL, "%s can't be replaced", file);
    }
    return (int)finish(cli, file, octets);
}
