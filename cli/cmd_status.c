/* status: how the server is. */
#include "cli/call.h"
#include "cli/show.h"

int status_run(struct cli *cli)
{
    json_t *answer = NULL;
    enum exit_code code = call_once(cli, "GET", STR("/admin/status"), STR_EMPTY, &answer);

    if (code == EXIT_DONE)
        code = show_object(cli, answer);
    json_decref(answer);
    return (int)code;
}
