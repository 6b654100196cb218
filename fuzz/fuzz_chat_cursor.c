/* What stands in addresses of chat: continuations, ids of threads and messages, dates. What is
 * accepted is written the same way again. */
#include "fuzz.h"

#include "services/chat/chat_wire.h"

static void check_cursor(struct str text)
{
    struct str list = STR("list");
    uint64_t place[CHAT_PLACE_LEN];
    char again[CHAT_CURSOR_LEN];

    if (chat_cursor_read(text, list, place))
        return;
    chat_cursor_write(list, place, again);
    CHECK(name_eq_nocase(text, str_of(again, sizeof again)));
}

static void check_thread(struct str text)
{
    char again[CHAT_THREAD_ID_LEN];
    struct uuid key, secret;

    if (chat_thread_id_parse(text, &key, &secret))
        return;
    chat_thread_id_format(&key, &secret, again);
    CHECK(str_eq(text, str_of(again, sizeof again)));
}

static void check_message(struct str text, struct arena *arena)
{
    unix_ms id;

    if (chat_message_id_parse(text, &id))
        return;
    CHECK(id > 0 && str_eq(text, chat_message_id(id, arena)));
}

static void check_date(struct str text, struct arena *arena)
{
    unix_ms t;

    if (chat_time_parse(text, arena, &t) == RC_OK)
        CHECK(t >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of(data, size);
    struct arena arena;

    arena_init(&arena);
    check_cursor(text);
    check_thread(text);
    check_message(text, &arena);
    check_date(text, &arena);
    arena_clear(&arena);
    return 0;
}
