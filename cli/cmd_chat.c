/* chat: threads and who takes part in them. As a user, or, to look and to moderate, as the owner of
 * the resource. Messages are cmd_chat_message.c, the live view is cmd_chat_watch.c. */
#include "cli/chat.h"

#include "cli/call.h"
#include "cli/server_find.h"
#include "cli/show.h"

#define PEOPLE_MAX ((size_t)ARGS_MAX)
#define DAYS_MAX   36500

static const struct column thread_columns[] = {
    {"ID", "id"}, {"TOPIC", "topic"}, {"LAST MESSAGE", "lastMessageReceivedOn"}};
static const struct column participant_columns[] = {{"USER", "communicationIdentifier.rawId"},
                                                    {"NAME", "displayName"},
                                                    {"SEES SINCE", "shareHistoryTime"}};

/* ---- what the commands of chat share ---- */

enum exit_code chat_list(struct cli *cli, struct str path, size_t max, json_t **out)
{
    struct seat seat = {.client = NULL};
    enum exit_code code = EXIT_DONE;

    if (!seat_is_taken(cli))
        return call_list(cli, path, max, out);
    code = seat_open(cli, &seat);
    if (code == EXIT_DONE)
        code = call_list_by(cli, seat.client, path, max, out);
    seat_close(&seat);
    return code;
}

enum exit_code chat_limit(struct cli *cli, uint64_t *out)
{
    const char *limit = args_value(&cli->args, "limit");

    *out = SIZE_MAX;
    if (limit && (str_to_u64(str_from(limit), SIZE_MAX, out) || *out == 0))
        return cli_fail(cli, EXIT_USAGE, "--limit is a number, 1 or more");
    return EXIT_DONE;
}

/* The wire's path of a user, or the administration's of the owner. */
void chat_path(struct path *path, struct cli *cli, const char *thread, const char *rest)
{
    bool user = seat_is_taken(cli);
    const char *base = user ? "/chat/threads" : "/admin/chat/threads";

    if (thread)
        path_init_segment(path, cli, arena_printf(&cli->arena, "%s/", base).ptr, thread, rest);
    else
        path_init(path, cli, base);
    if (user)
        path_query(path, "api-version", CHAT_VERSION);
}

/* Pages as large as they may be, unless fewer are wanted. */
void chat_page_size(struct path *path, struct cli *cli, uint64_t max)
{
    uint64_t most = seat_is_taken(cli) ? 200 : 1000;

    path_query(path, seat_is_taken(cli) ? "maxPageSize" : "limit",
               arena_printf(&cli->arena, "%u", (unsigned)(max < most ? max : most)).ptr);
}

enum exit_code chat_told(struct cli *cli, struct seat *seat, enum cg_status status,
                         const struct cg_error *err)
{
    enum exit_code code = status ? call_failed(cli, status, err) : EXIT_DONE;

    seat_close(seat);
    return code;
}

/* ---- people ---- */

/* "8:acs:…" or "8:acs:…=Anna" */
static struct cg_chat_person person_of(struct cli *cli, const char *word)
{
    struct str id = STR_EMPTY, name = STR_EMPTY;
    bool named = str_cut(str_from(word), '=', &id, &name);

    return (struct cg_chat_person){
        .user_id = arena_dup(&cli->arena, id).ptr,
        .display_name = named ? name.ptr : NULL,
        .share_history_from = args_value(&cli->args, "share-from"),
    };
}

/* The words from the second on. */
static struct cg_chat_people people_of(struct cli *cli)
{
    struct cg_chat_person *items = arena_array(&cli->arena, struct cg_chat_person, PEOPLE_MAX);
    size_t n = 0;

    for (size_t i = 1; i < cli->args.n; i++)
        items[n++] = person_of(cli, cli->args.words[i]);
    return (struct cg_chat_people){items, n};
}

/* Who could not be added; a script learns it by the exit code. */
static enum exit_code tell_refused(struct cli *cli, const struct cg_chat_refusals *refused)
{
    enum exit_code code = EXIT_DONE;

    for (size_t i = 0; i < refused->count; i++) {
        const struct cg_chat_refusal *r = &refused->items[i];

        code = cli_fail(cli, EXIT_REFUSED, "%s was not added: %s %s", r->user_id ? r->user_id : "?",
                        r->code, r->message ? r->message : "");
    }
    return code;
}

/* ---- threads ---- */

static enum exit_code retention_of(struct cli *cli, int *out)
{
    const char *given = args_value(&cli->args, "delete-after");
    uint64_t days = 0;

    *out = 0;
    if (!given)
        return EXIT_DONE;
    if (name_eq(str_from(given), STR("never")))
        *out = -1;
    else if (str_to_u64(str_from(given), DAYS_MAX, &days) || days == 0)
        return cli_fail(cli, EXIT_USAGE, "--delete-after is a number of days, or never");
    else
        *out = (int)days;
    return EXIT_DONE;
}

static enum exit_code show_thread(struct cli *cli, const struct cg_chat_thread *thread)
{
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    if (!cli->json) {
        (void)fprintf(cli->out, "%s\n", thread->id); /* flushed and checked at the end */
        return EXIT_DONE;
    }
    answer = json_pack("{ssssss*ss*}", "id", thread->id, "topic", thread->topic, "createdOn",
                       thread->created_on, "createdBy", thread->created_by);
    code = answer ? show_json(cli, answer) : cli_fail(cli, EXIT_LOCAL, "out of memory");
    json_decref(answer);
    return code;
}

int chat_thread_create_run(struct cli *cli)
{
    struct cg_chat_thread_new wish = {.topic = cli->args.words[0],
                                      .people = people_of(cli),
                                      .metadata = args_value(&cli->args, "metadata")};
    struct cg_chat_thread made = {0};
    struct cg_chat_refusals refused = {0};
    struct cg_error err = {0};
    struct seat seat = {.client = NULL};
    enum exit_code code = retention_of(cli, &wish.delete_after_days);
    enum cg_status status = CG_OK;

    if (code == EXIT_DONE)
        code = seat_open(cli, &seat);
    if (code)
        return (int)code;
    if (wish.delete_after_days < 0)
        wish.delete_after_days = 0;
    status = cg_chat_create_thread(seat.client, &wish, &made, &refused, &err);
    code = chat_told(cli, &seat, status, &err);
    if (code == EXIT_DONE)
        code = show_thread(cli, &made);
    if (code == EXIT_DONE)
        code = tell_refused(cli, &refused);
    cg_chat_refusals_clear(&refused);
    cg_chat_thread_clear(&made);
    return (int)code;
}

int chat_thread_list_run(struct cli *cli)
{
    bool user = seat_is_taken(cli);
    struct path path;
    json_t *items = NULL;
    uint64_t max = 0;
    enum exit_code code = chat_limit(cli, &max);

    if (code)
        return (int)code;
    if (user && args_has(&cli->args, "user"))
        return (int)cli_fail(cli, EXIT_USAGE, "--user is for looking without --as and --token");
    chat_path(&path, cli, NULL, NULL);
    chat_page_size(&path, cli, max);
    path_query(&path, user ? "startTime" : "since", args_value(&cli->args, "since"));
    path_query(&path, "user", args_value(&cli->args, "user"));
    code = chat_list(cli, path_done(&path, cli), max, &items);
    if (code == EXIT_DONE)
        code = show_list(cli, items, thread_columns, ARRAY_LEN(thread_columns));
    json_decref(items);
    return (int)code;
}

int chat_thread_show_run(struct cli *cli)
{
    struct seat seat = {.client = NULL};
    struct path path;
    struct str target;
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    chat_path(&path, cli, cli->args.words[0], "");
    target = path_done(&path, cli);
    if (!seat_is_taken(cli))
        return (int)call_show(cli, "GET", target, STR_EMPTY);
    code = seat_open(cli, &seat);
    if (code == EXIT_DONE)
        code = call_json(cli, seat.client, "GET", target, STR_EMPTY, &answer);
    if (code == EXIT_DONE)
        code = show_object(cli, answer);
    json_decref(answer);
    seat_close(&seat);
    return (int)code;
}

int chat_thread_update_run(struct cli *cli)
{
    struct cg_chat_thread_change change = {.topic = args_value(&cli->args, "topic"),
                                           .metadata = args_value(&cli->args, "metadata")};
    struct cg_error err = {0};
    struct seat seat = {.client = NULL};
    enum exit_code code = retention_of(cli, &change.delete_after_days);

    if (code == EXIT_DONE && !change.topic && !change.metadata && !change.delete_after_days)
        code = cli_fail(cli, EXIT_USAGE, "say what to change: --topic, --metadata, --delete-after");
    if (code == EXIT_DONE)
        code = seat_open(cli, &seat);
    if (code)
        return (int)code;
    return (int)chat_told(
        cli, &seat, cg_chat_update_thread(seat.client, cli->args.words[0], &change, &err), &err);
}

int chat_thread_delete_run(struct cli *cli)
{
    struct cg_error err = {0};
    struct seat seat = {.client = NULL};
    struct path path;
    enum exit_code code = EXIT_DONE;

    if (!seat_is_taken(cli)) {
        chat_path(&path, cli, cli->args.words[0], "");
        return (int)call_once(cli, "DELETE", path_done(&path, cli), STR_EMPTY, NULL);
    }
    code = seat_open(cli, &seat);
    if (code)
        return (int)code;
    return (int)chat_told(cli, &seat, cg_chat_delete_thread(seat.client, cli->args.words[0], &err),
                          &err);
}

/* ---- participants ---- */

/* The owner's view of a thread has them. */
static enum exit_code list_as_owner(struct cli *cli, json_t **out)
{
    struct path path;
    json_t *thread = NULL;
    enum exit_code code = EXIT_DONE;

    chat_path(&path, cli, cli->args.words[0], "");
    code = call_once(cli, "GET", path_done(&path, cli), STR_EMPTY, &thread);
    *out = json_incref(json_object_get(thread, "participants"));
    json_decref(thread);
    return code;
}

int chat_participant_list_run(struct cli *cli)
{
    struct path path;
    json_t *items = NULL;
    enum exit_code code = EXIT_DONE;

    if (seat_is_taken(cli)) {
        chat_path(&path, cli, cli->args.words[0], "/participants");
        chat_page_size(&path, cli, SIZE_MAX);
        code = chat_list(cli, path_done(&path, cli), SIZE_MAX, &items);
    } else {
        code = list_as_owner(cli, &items);
    }
    if (code == EXIT_DONE)
        code = show_list(cli, items, participant_columns, ARRAY_LEN(participant_columns));
    json_decref(items);
    return (int)code;
}

int chat_participant_add_run(struct cli *cli)
{
    const struct cg_chat_people people = people_of(cli);
    struct cg_chat_refusals refused = {0};
    struct cg_error err = {0};
    struct seat seat = {.client = NULL};
    enum exit_code code = seat_open(cli, &seat);
    enum cg_status status = CG_OK;

    if (code)
        return (int)code;
    status = cg_chat_add_participants(seat.client, cli->args.words[0], &people, &refused, &err);
    code = chat_told(cli, &seat, status, &err);
    if (code == EXIT_DONE)
        code = tell_refused(cli, &refused);
    cg_chat_refusals_clear(&refused);
    return (int)code;
}

int chat_participant_remove_run(struct cli *cli)
{
    struct cg_error err = {0};
    struct seat seat = {.client = NULL};
    enum exit_code code = seat_open(cli, &seat);

    if (code)
        return (int)code;
    return (int)chat_told(
        cli, &seat,
        cg_chat_remove_participant(seat.client, cli->args.words[0], cli->args.words[1], &err),
        &err);
}
