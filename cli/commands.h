/* The command table: every command is a row; help, usage errors and suggestions come from it. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/options.h"

struct cli;

enum command_reach {
    REACH_NONE = 0, /* needs no server */
    REACH_SERVER,   /* the administrator's business */
    REACH_RESOURCE, /* one resource's business: its access key does as well */
};

struct command {
    const char *words;            /* "resource create" */
    const char *synopsis;         /* "NAME [--location TEXT]"; "" when there is nothing */
    const char *help;             /* one line */
    const char *about;            /* paragraphs and examples */
    const struct option *options; /* ended by {0}; NULL: none of its own */
    unsigned words_min, words_max;
    enum command_reach reach; /* which options for finding the server it takes */
    int (*run)(struct cli *cli);
    /** For commands that read their arguments themselves: behind the words, --help included. */
    int (*raw_args)(int argc, char **argv);
};

/** The rows of this folder. */
const struct command *commands_table(size_t *out_n);

int env_run(struct cli *cli);
int status_run(struct cli *cli);
int resource_create_run(struct cli *cli);
int resource_list_run(struct cli *cli);
int resource_show_run(struct cli *cli);
int resource_delete_run(struct cli *cli);
int key_list_run(struct cli *cli);
int key_regenerate_run(struct cli *cli);
int key_rotate_run(struct cli *cli);
int user_create_run(struct cli *cli);
int user_list_run(struct cli *cli);
int user_show_run(struct cli *cli);
int user_delete_run(struct cli *cli);
int user_export_run(struct cli *cli);
int token_issue_run(struct cli *cli);
int token_revoke_run(struct cli *cli);
int token_inspect_run(struct cli *cli);
int app_create_run(struct cli *cli);
int app_list_run(struct cli *cli);
int app_show_run(struct cli *cli);
int app_delete_run(struct cli *cli);
int app_disable_run(struct cli *cli);
int app_enable_run(struct cli *cli);
int app_revoke_run(struct cli *cli);
int app_secret_add_run(struct cli *cli);
int app_secret_remove_run(struct cli *cli);
int app_cert_add_run(struct cli *cli);
int app_cert_remove_run(struct cli *cli);
int app_federated_add_run(struct cli *cli);
int app_federated_remove_run(struct cli *cli);
int identity_create_run(struct cli *cli);
int identity_list_run(struct cli *cli);
int identity_delete_run(struct cli *cli);
int identity_assign_run(struct cli *cli);
int identity_run_run(struct cli *cli);
int role_assign_run(struct cli *cli);
int role_list_run(struct cli *cli);
int role_remove_run(struct cli *cli);
int role_show_run(struct cli *cli);
int role_create_run(struct cli *cli);
int role_delete_run(struct cli *cli);
int issuer_add_run(struct cli *cli);
int issuer_list_run(struct cli *cli);
int issuer_remove_run(struct cli *cli);
int issuer_test_run(struct cli *cli);
int token_get_run(struct cli *cli);
int sms_send_run(struct cli *cli);
int sms_list_run(struct cli *cli);
int sms_show_run(struct cli *cli);
int sms_wait_run(struct cli *cli);
int sms_inbound_run(struct cli *cli);
int sms_report_run(struct cli *cli);
int sms_clear_run(struct cli *cli);
int chat_thread_create_run(struct cli *cli);
int chat_thread_list_run(struct cli *cli);
int chat_thread_show_run(struct cli *cli);
int chat_thread_update_run(struct cli *cli);
int chat_thread_delete_run(struct cli *cli);
int chat_message_send_run(struct cli *cli);
int chat_message_list_run(struct cli *cli);
int chat_message_edit_run(struct cli *cli);
int chat_message_delete_run(struct cli *cli);
int chat_participant_list_run(struct cli *cli);
int chat_participant_add_run(struct cli *cli);
int chat_participant_remove_run(struct cli *cli);
int chat_watch_run(struct cli *cli);
int sender_set_run(struct cli *cli);
int sender_list_run(struct cli *cli);
int sender_show_run(struct cli *cli);
int sender_delete_run(struct cli *cli);
int optout_add_run(struct cli *cli);
int optout_remove_run(struct cli *cli);
int optout_list_run(struct cli *cli);
int optout_check_run(struct cli *cli);
int transport_set_run(struct cli *cli);
int transport_list_run(struct cli *cli);
int transport_show_run(struct cli *cli);
int transport_delete_run(struct cli *cli);
int transport_status_run(struct cli *cli);
int sign_run(struct cli *cli);
int clock_show_run(struct cli *cli);
int clock_set_run(struct cli *cli);
int clock_advance_run(struct cli *cli);
int clock_reset_run(struct cli *cli);
int seed_run(struct cli *cli);
int reset_run(struct cli *cli);
int backup_run(struct cli *cli);
int event_subscription_create_run(struct cli *cli);
int event_subscription_list_run(struct cli *cli);
int event_subscription_show_run(struct cli *cli);
int event_subscription_update_run(struct cli *cli);
int event_subscription_delete_run(struct cli *cli);
int event_deliveries_run(struct cli *cli);
int event_deadletters_run(struct cli *cli);
int event_replay_run(struct cli *cli);

#endif
