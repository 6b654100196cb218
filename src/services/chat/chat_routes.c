/* The table of the chat service: wire/chat §1.1 made code. All versions are served alike: newer
 * members of requests are taken in each, those of answers are left out when they are unset. */
#include "services/chat/chat_wire.h"

/* clang-format off */
static const struct str versions[] = {
    STR_INIT("2021-03-07"), STR_INIT("2021-04-05-preview6"), STR_INIT("2021-09-07"),
    STR_INIT("2021-09-27"), STR_INIT("2023-04-01-preview"), STR_INIT("2023-07-01-preview"),
    STR_INIT("2023-11-07"), STR_INIT("2023-11-15-preview"), STR_INIT("2024-03-07"),
    STR_INIT("2024-03-15-preview"), STR_INIT("2024-09-01"), STR_INIT("2025-03-15"),
};
/* clang-format on */
_Static_assert(ARRAY_LEN(versions) == CHAT_LAST, "one text per number");

const struct service chat_service = {
    .name = STR_INIT("chat"),
    .versions = versions,
    .version_count = CHAT_LAST,
    .supported = STR_INIT("2021-03-07, 2021-04-05-preview6, 2021-09-07, 2023-04-01-preview, "
                          "2023-07-01-preview, 2023-11-07, 2023-11-15-preview, 2024-03-07, "
                          "2024-03-15-preview, 2024-09-01, 2025-03-15"),
    .unauthorized = &API_CHAT_UNAUTHORIZED,
    .forbidden = &API_CHAT_FORBIDDEN,
    .challenge = STR_INIT("Bearer"),
    .error_shape = ERROR_SHAPE_CHAT,
    .version_first = true,
    .exposes_all = true,
    .inner_slash = true, /* a thread id that is none is answered 404, whatever is in it */
    .version_missing = &API_API_VERSION_UNSPECIFIED,
    .version_invalid = &API_UNSUPPORTED_API_VERSION,
};

static const struct api ALL = {&chat_service, CHAT_2021_03_07, CHAT_LAST};

#define MESSAGE (256 * KIB) /* 28 KB of text, each octet of it escaped */
#define PEOPLE  (512 * KIB)
#define SMALL   (16 * KIB)
#define T       "/chat/threads"

/* clang-format off */
const struct route chat_routes[] = {
    /* method  path                                 versions credential   need            body     handler                   plane       kind        */
    {POST,   T,                                     &ALL, ACCEPT_USER, NEED_CHAT_FULL, PEOPLE,  chat_thread_create,       PLANE_WIRE, KIND_REPLY},
    {GET,    T,                                     &ALL, ACCEPT_USER, NEED_CHAT,      0,       chat_threads_list,        PLANE_WIRE, KIND_REPLY},
    {GET,    T "/{threadId}",                       &ALL, ACCEPT_USER, NEED_CHAT,      0,       chat_thread_get,          PLANE_WIRE, KIND_REPLY},
    {PATCH,  T "/{threadId}",                       &ALL, ACCEPT_USER, NEED_CHAT_FULL, SMALL,   chat_thread_update,       PLANE_WIRE, KIND_REPLY},
    {DELETE, T "/{threadId}",                       &ALL, ACCEPT_USER, NEED_CHAT_FULL, SMALL,   chat_thread_delete,       PLANE_WIRE, KIND_REPLY},
    {POST,   T "/{threadId}/messages",              &ALL, ACCEPT_USER, NEED_CHAT,      MESSAGE, chat_message_send,        PLANE_WIRE, KIND_REPLY},
    {GET,    T "/{threadId}/messages",              &ALL, ACCEPT_USER, NEED_CHAT,      0,       chat_messages_list,       PLANE_WIRE, KIND_REPLY},
    {GET,    T "/{threadId}/messages/{messageId}",  &ALL, ACCEPT_USER, NEED_CHAT,      0,       chat_message_get,         PLANE_WIRE, KIND_REPLY},
    {PATCH,  T "/{threadId}/messages/{messageId}",  &ALL, ACCEPT_USER, NEED_CHAT,      MESSAGE, chat_message_update,      PLANE_WIRE, KIND_REPLY},
    {DELETE, T "/{threadId}/messages/{messageId}",  &ALL, ACCEPT_USER, NEED_CHAT,      SMALL,   chat_message_delete,      PLANE_WIRE, KIND_REPLY},
    {GET,    T "/{threadId}/participants",          &ALL, ACCEPT_USER, NEED_CHAT,      0,       chat_participants_list,   PLANE_WIRE, KIND_REPLY},
    {POST,   T "/{threadId}/participants/:add",     &ALL, ACCEPT_USER, NEED_CHAT_JOIN, PEOPLE,  chat_participants_add,    PLANE_WIRE, KIND_REPLY},
    {POST,   T "/{threadId}/participants/:remove",  &ALL, ACCEPT_USER, NEED_CHAT_JOIN, SMALL,   chat_participants_remove, PLANE_WIRE, KIND_REPLY},
    {POST,   T "/{threadId}/typing",                &ALL, ACCEPT_USER, NEED_CHAT,      SMALL,   chat_typing_send,         PLANE_WIRE, KIND_REPLY},
    {GET,    T "/{threadId}/readReceipts",          &ALL, ACCEPT_USER, NEED_CHAT,      0,       chat_receipts_list,       PLANE_WIRE, KIND_REPLY},
    {POST,   T "/{threadId}/readReceipts",          &ALL, ACCEPT_USER, NEED_CHAT,      SMALL,   chat_receipt_send,        PLANE_WIRE, KIND_REPLY},
    {0},
};
/* clang-format on */
