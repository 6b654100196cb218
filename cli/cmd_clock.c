/* clock: the server's clock in development mode. */
#include "base/clock.h"
#include "cli/call.h"
#include "cli/show.h"

static enum exit_code change(struct cli *cli, const char *method, struct str body)
{
    json_t *answer = NULL;
    enum exit_code code = call_once(cli, method, STR("/admin/clock"), body, &answer);

    if (code == EXIT_DONE && answer)
        code = show_object(cli, answer);
    json_decref(answer);
    return code;
}

static enum exit_code put(struct cli *cli, const char *name, const char *value)
{
    const struct call_member member = {name, value};

    return change(cli, "PUT", call_body(cli, &member, 1));
}

int clock_show_run(struct cli *cli)
{
    return (int)change(cli, "GET", STR_EMPTY);
}

int clock_set_run(struct cli *cli)
{
    unix_ms t = 0;

    if (time_from_iso8601(str_from(cli->args.words[0]), &t))
        return (int)cli_fail(cli, EXIT_USAGE, "a time looks like 2026-11-23T15:00:00Z");
    return (int)put(cli, "set", cli->args.words[0]);
}

int clock_advance_run(struct cli *cli)
{
    int64_t ms = 0;

    if (duration_parse(str_from(cli->args.words[0]), &ms))
        return (int)cli_fail(cli, EXIT_USAGE, "a duration looks like 90s, 1h30m, 2d or -10m");
    return (int)put(cli, "advance", cli->args.words[0]);
}

int clock_reset_run(struct cli *cli)
{
    return (int)change(cli, "DELETE", STR_EMPTY);
}
