/* chat message: what was said in a thread. */
#include "cli/chat.h"
#include "cli/input.h"
#include "cli/show.h"

/* Columns for people: who said it is his name, or else his id. */
static const struct column columns[] = {
    {"ID", "id"}, {"FROM", "from"}, {"TYPE", "type"}, {"TEXT", "text"}};

int chat_message_send_run(struct cli *cli)
{
    struct cg_chat_message_new message = {.html = args_has(&cli->args, "html"),
                                          .display_name = args_value(&cli->args, "name"),
                                          .metadata = args_value(&cli->args, "metadata")};
    struct cg_chat_sent sent = {{0}};
    struct cg_error err = {0};
    struct seat seat = {.client = NULL};
    enum exit_code code = input_word(cli, 1, CHAT_TEXT_MAX, &message.text);

    if (code == EXIT_DONE)
        code = seat_open(cli, &seat);
    if (code)
        return (int)code;
    code = chat_told(cli, &seat,
                     cg_chat_send_message(seat.client, cli->args.words[0], &message, &sent, &err),
                     &err);
    if (code == EXIT_DONE) /* flushed and checked at the end */
        (void)fprintf(cli->out, cli->json ? "{\"id\":\"%s\"}\n" : "%s\n", sent.id);
    return (int)code;
}

/* What a message says, for people: a text, or what the service noted. */
static struct str said(struct cli *cli, const json_t *message)
{
    const json_t *people = json_object_get(json_object_get(message, "content"), "participants");
    struct str text = show_text(cli, message, "content.message");
    struct str topic = show_text(cli, message, "content.topic");

    if (show_text(cli, message, "deletedOn").len > 0)
        return STR("(deleted)");
    if (topic.len > 0)
        return topic;
    for (size_t i = 0; i < json_array_size(people); i++) {
        const json_t *one = json_array_get(people, i);
        struct str name = show_text(cli, one, "displayName");

        if (name.len == 0)
            name = show_text(cli, one, "communicationIdentifier.rawId");
        text = arena_printf(&cli->arena, STR_FMT "%s" STR_FMT, STR_ARG(text), i > 0 ? ", " : "",
                            STR_ARG(name));
    }
    return text;
}

static struct str sender(struct cli *cli, const json_t *message)
{
    static const char *const places[] = {"senderDisplayName", "senderCommunicationIdentifier.rawId",
                                         "content.initiatorCommunicationIdentifier.rawId"};
    struct str text = STR_EMPTY;

    for (size_t i = 0; i < ARRAY_LEN(places) && text.len == 0; i++)
        text = show_text(cli, message, places[i]);
    return text;
}

/* Adds members that the columns show; programs get the messages as they came. */
static enum exit_code prepare(struct cli *cli, const json_t *items)
{
    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *m = json_array_get(items, i);
        struct str from = sender(cli, m), text = said(cli, m);

        if (json_object_set_new(m, "from", json_stringn(from.ptr ? from.ptr : "", from.len)) ||
            json_object_set_new(m, "text", json_stringn(text.ptr ? text.ptr : "", text.len)))
            return cli_fail(cli, EXIT_LOCAL, "out of memory");
    }
    return EXIT_DONE;
}

int chat_message_list_run(struct cli *cli)
{
    struct path path;
    json_t *items = NULL;
    uint64_t max = 0;
    enum exit_code code = chat_limit(cli, &max);

    if (code)
        return (int)code;
    chat_path(&path, cli, cli->args.words[0], "/messages");
    chat_page_size(&path, cli, max);
    path_query(&path, seat_is_taken(cli) ? "startTime" : "since", args_value(&cli->args, "since"));
    code = chat_list(cli, path_done(&path, cli), max, &items);
    if (code == EXIT_DONE && !cli->json)
        code = prepare(cli, items);
    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, ARRAY_LEN(columns));
    json_decref(items);
    return (int)code;
}

int chat_message_edit_run(struct cli *cli)
{
    struct cg_chat_message_change change = {.metadata = args_value(&cli->args, "metadata")};
    const char *const *words = cli->args.words;
    struct cg_error err = {0};
    struct seat seat = {.client = NULL};
    enum exit_code code = input_word(cli, 2, CHAT_TEXT_MAX, &change.text);

    if (code == EXIT_DONE)
        code = seat_open(cli, &seat);
    if (code)
        return (int)code;
    return (int)chat_told(
        cli, &seat, cg_chat_update_message(seat.client, words[0], words[1], &change, &err), &err);
}

int chat_message_delete_run(struct cli *cli)
{
    const char *const *words = cli->args.words;
    struct cg_error err = {0};
    struct seat seat = {.client = NULL};
    enum exit_code code = seat_open(cli, &seat);

    if (code)
        return (int)code;
    return (int)chat_told(cli, &seat, cg_chat_delete_message(seat.client, words[0], words[1], &err),
                          &err);
}
