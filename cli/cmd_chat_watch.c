/* chat watch: a live view of a user's threads, and a chat of one thread when lines are typed.
 *
 * What happens comes over /realtime, one WebSocket; what is typed goes out by the chat service, as
 * from any program. A connection that is lost is made anew with the last cursor, so nothing is
 * missed and nothing comes twice. Source: wire/realtime. */
#include "cli/chat.h"
#include "cli/server_find.h"
#include "cli/show.h"
#include "cli/table.h"
#include "client/websocket.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define LINE_TEXT_MAX  (32 * KIB)
#define OWN_MAX        64 /* ids of messages that were typed here */
#define PEOPLE_MAX     250
#define TIMEOUT_MS     30000u
#define PAUSE_FIRST_MS 500
#define PAUSE_MAX_MS   30000
#define QUIET_MS       90000 /* pings come every 30 s */
#define CODE_TOKEN     4401
#define CODE_SCOPE     4403
#define CODE_MANY      4429

/* A participant's name. */
struct known {
    struct str user, name;
};

struct watch {
    struct cli *cli;
    struct seat seat;
    struct websocket *ws;
    const char *thread; /* NULL: all of the user's */
    struct str user;    /* his id, when `ready` has told */
    struct str epoch;   /* of the store that cursors are of, when `ready` has told */
    struct buf cursor;  /* of the last event; empty: none yet */
    struct str name;    /* what he is called in messages; empty: nothing */
    struct known people[PEOPLE_MAX];
    size_t people_n;
    struct cg_chat_sent own[OWN_MAX];
    size_t own_n;
    uint64_t left; /* events until the end */
    struct buf typed;
    bool typing;   /* the standard input has not ended */
    bool terminal; /* and is one */
    unsigned pause_ms;
    bool done;
};

/* ---- what is known ---- */

static struct str kept(struct watch *w, struct str text)
{
    return arena_dup(&w->cli->arena, text);
}

static void know(struct watch *w, struct str user, struct str name)
{
    size_t i = 0;

    while (i < w->people_n && !name_eq(w->people[i].user, user))
        i++;
    if (user.len == 0 || name.len == 0 || i == PEOPLE_MAX ||
        (i < w->people_n && name_eq(w->people[i].name, name)))
        return;
    w->people[i] = (struct known){kept(w, user), kept(w, name)};
    w->people_n += i == w->people_n;
}

static struct str name_of(const struct watch *w, struct str user)
{
    for (size_t i = 0; i < w->people_n; i++)
        if (name_eq(w->people[i].user, user))
            return w->people[i].name;
    return user;
}

/* Names of who takes part, so that people read names and not ids. */
static enum exit_code learn_names(struct watch *w)
{
    struct cg_chat_participants page = {0};
    struct cg_chat_range range = {.page_size = 200};
    struct cg_error err = {0};
    enum cg_status status =
        cg_chat_list_participants(w->seat.client, w->thread, &range, &page, &err);

    for (size_t i = 0; i < page.count; i++)
        know(w, str_from(page.items[i].user_id), str_from(page.items[i].display_name));
    cg_chat_participants_clear(&page);
    return status ? call_failed(w->cli, status, &err) : EXIT_DONE;
}

/* True when it was typed into this terminal, where it stands already. */
static bool is_own(const struct watch *w, struct str id)
{
    for (size_t i = 0; w->terminal && i < OWN_MAX && i < w->own_n; i++)
        if (name_eq(str_from(w->own[i].id), id))
            return true;
    return false;
}

/* ---- what is shown ---- */

static void say(struct watch *w, const json_t *event, struct str who, const char *verb,
                struct str what)
{
    struct str thread = show_text(w->cli, event, "threadId");
    struct buf line;

    buf_init(&line, MIB);
    if (!w->thread) {
        table_clean(thread, &line);
        buf_add_char(&line, ' ');
    }
    table_clean(who, &line);
    buf_addf(&line, "%s", verb);
    table_clean(what, &line);
    buf_add_char(&line, '\n');
    (void)fwrite(line.ptr, 1, line.len, w->cli->out); /* checked at the end */
    (void)fflush(w->cli->out);
    buf_wipe(&line);
}

static void show_message(struct watch *w, const json_t *event, const char *verb)
{
    const json_t *m = json_object_get(event, "message");
    struct str who = show_text(w->cli, m, "senderDisplayName");

    if (is_own(w, show_text(w->cli, m, "id")))
        return;
    if (who.len == 0)
        who = name_of(w, show_text(w->cli, m, "senderCommunicationIdentifier.rawId"));
    say(w, event, who, verb, show_text(w->cli, m, "content.message"));
}

/* Who came or left. True: the user himself has left. */
static bool show_people(struct watch *w, const json_t *event, const char *by, const char *verb)
{
    const json_t *people = json_object_get(event, "participants");
    struct str who = name_of(w, show_text(w->cli, event, by));
    bool self = false;

    for (size_t i = 0; i < json_array_size(people); i++) {
        const json_t *one = json_array_get(people, i);
        struct str user = show_text(w->cli, one, "communicationIdentifier.rawId");

        know(w, user, show_text(w->cli, one, "displayName"));
        self = self || name_eq(user, w->user);
        say(w, event, who, verb, name_of(w, user));
    }
    return self;
}

static bool is_type(const json_t *event, const char *type)
{
    struct str text = STR_EMPTY;

    return !json_get_str(event, "type", &text) && name_eq(text, str_from(type));
}

/* An event for people; receipts, and who is typing, are for programs. */
static void show_event(struct watch *w, const json_t *event)
{
    static const char by_editor[] = "updatedByCommunicationIdentifier.rawId";
    static const char by_deleter[] = "deletedByCommunicationIdentifier.rawId";

    if (is_type(event, "chatMessageReceived"))
        show_message(w, event, ": ");
    else if (is_type(event, "chatMessageEdited"))
        show_message(w, event, " corrects: ");
    else if (is_type(event, "chatMessageDeleted"))
        show_message(w, event, " deletes a message");
    else if (is_type(event, "chatThreadCreated"))
        say(w, event, STR("a new thread"), ": ", show_text(w->cli, event, "thread.topic"));
    else if (is_type(event, "chatThreadPropertiesUpdated"))
        say(w, event, name_of(w, show_text(w->cli, event, by_editor)),
            " changes the thread: ", show_text(w->cli, event, "thread.topic"));
    else if (is_type(event, "participantsAdded"))
        (void)show_people(w, event, "addedByCommunicationIdentifier.rawId", " adds ");
    else if (is_type(event, "participantsRemoved"))
        w->done = show_people(w, event, "removedByCommunicationIdentifier.rawId", " removes ") &&
                  w->thread;
    else if (is_type(event, "chatThreadDeleted"))
        say(w, event, name_of(w, show_text(w->cli, event, by_deleter)), " deletes the thread",
            STR_EMPTY);
}

/* One line as it came: for programs. */
static void show_line(struct watch *w, struct str text)
{
    (void)fwrite(text.ptr, 1, text.len, w->cli->out); /* checked at the end */
    (void)fputc('\n', w->cli->out);
    (void)fflush(w->cli->out);
}

/* ---- what comes ---- */

static void take_ready(struct watch *w, const json_t *frame)
{
    w->user = kept(w, show_text(w->cli, frame, "user"));
    w->epoch = kept(w, show_text(w->cli, frame, "epoch"));
    w->pause_ms = PAUSE_FIRST_MS;
    if (w->name.len == 0 && !name_eq(name_of(w, w->user), w->user))
        w->name = name_of(w, w->user);
}

static void take_event(struct watch *w, const json_t *event, struct str text)
{
    struct str thread = show_text(w->cli, event, "threadId");

    if (thread.len == 0 || (w->thread && !name_eq(thread, str_from(w->thread))))
        return;
    if (w->cli->json)
        show_line(w, text);
    else
        show_event(w, event);
    w->done = w->done || (w->thread && is_type(event, "chatThreadDeleted"));
    if (w->left && !is_type(event, "typingIndicatorReceived"))
        w->done = --w->left == 0 || w->done;
}

static enum exit_code take_frame(struct watch *w, struct str text)
{
    struct str cursor;
    json_t *frame = NULL;
    bool ready = false, resync = false;

    if (json_read(text, &frame, NULL))
        return cli_fail(w->cli, EXIT_REFUSED, "the server sent what is no JSON");
    cursor = show_text(w->cli, frame, "cursor");
    ready = is_type(frame, "ready");
    resync = is_type(frame, "resync");
    if (ready)
        take_ready(w, frame);
    if (!ready && !resync)
        take_event(w, frame, text);
    else if (w->cli->json)
        show_line(w, text);
    else if (resync)
        (void)fprintf(w->cli->err, "callgate: some of what happened is no longer known\n");
    if (cursor.len > 0) {
        buf_reset(&w->cursor);
        buf_add(&w->cursor, cursor);
    }
    json_decref(frame);
    return EXIT_DONE;
}

/* ---- what is typed ---- */

static enum exit_code send_line(struct watch *w, const char *line)
{
    struct cg_chat_message_new message = {.text = line};
    struct cg_chat_sent sent = {{0}};
    struct cg_error err = {0};
    enum cg_status status = CG_OK;

    if (w->name.len > 0)
        message.display_name = w->name.ptr;
    status = cg_chat_send_message(w->seat.client, w->thread, &message, &sent, &err);
    if (status == CG_OK)
        w->own[w->own_n++ % OWN_MAX] = sent;
    else
        (void)call_failed(w->cli, status, &err); /* told; the next line may do better */
    return status == CG_NOMEM ? EXIT_LOCAL : EXIT_DONE;
}

static enum exit_code send_lines(struct watch *w)
{
    enum exit_code code = EXIT_DONE;
    size_t end = 0;

    while (code == EXIT_DONE && (end = str_find(buf_str(&w->typed), '\n')) < w->typed.len) {
        char *line = w->typed.ptr;

        line[end] = '\0'; /* in place of the line's end */
        if (str_trim(str_from(line)).len > 0)
            code = send_line(w, line);
        buf_consume(&w->typed, end + 1);
    }
    return code;
}

static enum exit_code read_typed(struct watch *w)
{
    char *room = buf_reserve(&w->typed, KIB);
    ssize_t n = room ? read(STDIN_FILENO, room, KIB) : -1;

    if (!room)
        return cli_fail(w->cli, EXIT_REFUSED, "a line is too long");
    if (n < 0)
        return errno == EINTR || errno == EAGAIN
                   ? EXIT_DONE
                   : cli_fail(w->cli, EXIT_LOCAL, "the standard input can't be read");
    if (n > 0) {
        buf_grown(&w->typed, (size_t)n);
        return send_lines(w);
    }
    w->typing = false;
    w->done = w->terminal;
    if (w->typed.len > 0)
        buf_add_char(&w->typed, '\n'); /* the last line had no end */
    return send_lines(w);
}

/* ---- the connection ---- */

static enum exit_code connect_once(struct watch *w, enum cg_status *out)
{
    const struct websocket_options options = {.endpoint = w->seat.endpoint.ptr,
                                              .target = "/realtime",
                                              .bearer_token = w->seat.token.ptr,
                                              .ca_file = ca_file_of(w->cli, w->seat.ca_file),
                                              .timeout_ms = TIMEOUT_MS};
    struct cg_error err = {0};
    struct json_writer j;
    struct buf hello;

    *out = websocket_open(&options, &w->ws, &err);
    if (*out)
        return call_failed(w->cli, *out, &err);
    buf_init(&hello, KIB);
    json_writer_init(&j, &hello);
    json_object_begin(&j);
    json_member_str(&j, "type", STR("hello"));
    if (w->cursor.len > 0)
        json_member_str(&j, "cursor", buf_str(&w->cursor));
    if (w->epoch.len > 0)
        json_member_str(&j, "epoch", w->epoch);
    json_object_end(&j);
    if (websocket_send(w->ws, buf_str(&hello)))
        *out = CG_NETWORK;
    buf_clear(&hello);
    return EXIT_DONE;
}

/* A token of --as is issued anew; one that was given can't be. */
static enum exit_code renew(struct watch *w)
{
    if (!args_has(&w->cli->args, "as"))
        return cli_fail(w->cli, EXIT_REFUSED, "the token is no longer good");
    seat_close(&w->seat);
    return seat_open(w->cli, &w->seat);
}

static void rest(struct watch *w)
{
    (void)poll(NULL, 0, (int)w->pause_ms); /* a signal shortens it: no matter */
    w->pause_ms = w->pause_ms * 2 < PAUSE_MAX_MS ? w->pause_ms * 2 : PAUSE_MAX_MS;
}

/* Ends that a new connection would come to, too. */
static bool is_final(uint16_t code)
{
    return code == CODE_SCOPE || code == CODE_MANY || (code >= 1002 && code <= 1004) ||
           (code >= 1007 && code <= 1009);
}

/* The connection has ended: what now. EXIT_DONE: a new one. */
static enum exit_code after_end(struct watch *w)
{
    struct str reason = STR_EMPTY;
    uint16_t code = websocket_end(w->ws, &reason);
    enum exit_code result = EXIT_DONE;

    if (code == CODE_TOKEN)
        result = renew(w);
    else if (is_final(code))
        result = cli_fail(w->cli, EXIT_REFUSED, "the server ended the connection: %u " STR_FMT,
                          (unsigned)code, STR_ARG(reason));
    websocket_free(w->ws);
    w->ws = NULL;
    return result;
}

/* Until there is a connection again. What is refused is refused for good, but a token that may have
 * expired meanwhile. */
static enum exit_code reconnect(struct watch *w)
{
    enum cg_status status = CG_NETWORK;
    enum exit_code code = EXIT_DONE;
    bool renewed = false;

    while (!w->ws) {
        rest(w);
        code = connect_once(w, &status);
        if (status == CG_DENIED && !renewed) {
            renewed = true;
            code = renew(w);
            if (code)
                return code;
            continue;
        }
        if (status != CG_OK && status != CG_NETWORK && status != CG_BUSY &&
            status != CG_SERVER_FAILED)
            return code;
    }
    return EXIT_DONE;
}

/* All that has come. */
static enum exit_code take_all(struct watch *w)
{
    struct str text = STR_EMPTY;
    enum exit_code code = EXIT_DONE;
    enum rc rc = RC_OK;

    while (code == EXIT_DONE && !w->done) {
        rc = websocket_next(w->ws, &text);
        if (rc == RC_NOT_FOUND)
            return EXIT_DONE;
        if (rc) {
            code = after_end(w);
            return code ? code : reconnect(w);
        }
        code = take_frame(w, text);
    }
    return code;
}

static enum exit_code wait_and_take(struct watch *w)
{
    struct pollfd fds[2] = {{.fd = websocket_fd(w->ws), .events = POLLIN},
                            {.fd = w->typing ? STDIN_FILENO : -1, .events = POLLIN}};
    int ready = poll(fds, 2, QUIET_MS);
    enum exit_code code = EXIT_DONE;

    if (ready < 0)
        return errno == EINTR ? EXIT_DONE
                              : cli_fail(w->cli, EXIT_LOCAL, "poll: %s", os_error_text(errno));
    if (ready == 0) { /* not even a ping: the network has forgotten us */
        websocket_free(w->ws);
        w->ws = NULL;
        return reconnect(w);
    }
    if (fds[1].revents)
        code = read_typed(w);
    if (code == EXIT_DONE && fds[0].revents)
        code = take_all(w);
    return code;
}

/* ---- the command ---- */

static enum exit_code open_watch(struct watch *w)
{
    const char *count = args_value(&w->cli->args, "count"),
               *cursor = args_value(&w->cli->args, "cursor"),
               *name = args_value(&w->cli->args, "name");
    enum cg_status status = CG_OK;
    enum exit_code code = EXIT_DONE;

    if (count && (str_to_u64(str_from(count), UINT64_MAX, &w->left) || w->left == 0))
        return cli_fail(w->cli, EXIT_USAGE, "--count is a number, 1 or more");
    buf_add(&w->cursor, str_from(cursor));
    w->name = str_from(name);
    code = seat_open(w->cli, &w->seat);
    if (code == EXIT_DONE && w->thread)
        code = learn_names(w);
    if (code == EXIT_DONE)
        code = connect_once(w, &status);
    if (code == EXIT_DONE && status)
        code = reconnect(w);
    return code;
}

int chat_watch_run(struct cli *cli)
{
    struct watch *w = arena_new(&cli->arena, struct watch);
    enum exit_code code = EXIT_DONE;

    w->cli = cli;
    w->thread = cli->args.n ? cli->args.words[0] : NULL;
    w->typing = w->thread != NULL;
    w->terminal = w->typing && isatty(STDIN_FILENO);
    w->pause_ms = PAUSE_FIRST_MS;
    buf_init(&w->typed, LINE_TEXT_MAX);
    buf_init(&w->cursor, KIB);
    code = open_watch(w);
    if (code == EXIT_DONE)
        code = take_all(w); /* what came with the handshake is not polled for */
    while (code == EXIT_DONE && !w->done)
        code = wait_and_take(w);
    websocket_free(w->ws);
    seat_close(&w->seat);
    buf_wipe(&w->typed);
    buf_clear(&w->cursor);
    return (int)code;
}
