/* A text message and what became of it, by a connection string in the environment:
 *
 *   eval "$(callgate env)"
 *   cc first_message.c -lcallgate -o first_message && ./first_message +14255550123 +14255550199 */
#define _POSIX_C_SOURCE 199309L /* NOLINT(bugprone-reserved-identifier): nanosleep */

#include <callgate/callgate.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Asks every 100 ms until it is decided, for 10 s at most. */
static enum cg_status wait_for_report(struct cg_client *client, const char *id,
                                      struct cg_sms_report *out, struct cg_error *err)
{
    const struct timespec pause = {0, 100000000L};
    enum cg_status status = CG_NOT_FOUND;
    int i;

    for (i = 0; i < 100 && status == CG_NOT_FOUND; i++) {
        status = cg_sms_get_delivery_report(client, id, out, err);
        if (status == CG_NOT_FOUND)
            (void)nanosleep(&pause, NULL);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct cg_client_options options = {0};
    struct cg_client *client = NULL;
    struct cg_sms_message message = {0};
    struct cg_sms_results results = {0};
    struct cg_sms_report report = {0};
    struct cg_error err = {0};
    const char *to;
    enum cg_status status;

    if (argc != 3) {
        (void)fprintf(stderr, "usage: first_message FROM TO\n");
        return 2;
    }
    to = argv[2];
    message.from = argv[1];
    message.to = &to;
    message.to_count = 1;
    message.text = "Hello from Callgate";
    message.delivery_report = 1;
    options.connection_string = getenv("COMMUNICATION_SERVICES_CONNECTION_STRING");
    options.ca_file = getenv("CALLGATE_CA_FILE");
    status = cg_client_new(&options, &client, &err);
    if (status == CG_OK)
        status = cg_sms_send(client, &message, &results, &err);
    if (status == CG_OK && results.items[0].successful)
        status = wait_for_report(client, results.items[0].message_id, &report, &err);
    if (status != CG_OK)
        (void)fprintf(stderr, "%s: %s %s\n", cg_status_text(status), err.message, err.explain);
    else if (!results.items[0].successful)
        (void)fprintf(stderr, "%s\n", results.items[0].error_message);
    else
        (void)printf("id     %s\nstatus %s (%s)\n", report.message_id, report.status,
                     report.details);
    cg_sms_report_clear(&report);
    cg_sms_results_clear(&results);
    cg_client_free(client);
    return status == CG_OK ? 0 : 1;
}
