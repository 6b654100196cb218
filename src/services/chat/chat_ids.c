/* Ids of threads and messages. The octets of a thread's id are the key of its row and a secret of
 * its own, so that ids sort by time in the store and yet can't be guessed. */
#include "services/chat/chat_private.h"

#include "crypto/base64.h"
#include "crypto/secret.h"

#define PREFIX   STR("19:")
#define SUFFIX   STR("1@thread.v2")
#define OCTETS   (2 * sizeof(struct uuid))
#define CORE_LEN BASE64URL_LEN(OCTETS)

void chat_thread_id_format(const struct uuid *key, const struct uuid *secret,
                           char out[static CHAT_THREAD_ID_LEN])
{
    struct str prefix = PREFIX, suffix = SUFFIX;
    uint8_t octets[OCTETS];

    memcpy(octets, key, sizeof *key);
    memcpy(octets + sizeof *key, secret, sizeof *secret);
    memcpy(out, prefix.ptr, prefix.len);
    (void)base64url_encode(octets, sizeof octets, out + prefix.len); /* CORE_LEN characters */
    memcpy(out + prefix.len + CORE_LEN, suffix.ptr, suffix.len);
}

struct str chat_thread_id(const struct chat_thread_row *row, struct arena *arena)
{
    char *text = arena_alloc(arena, CHAT_THREAD_ID_LEN);

    chat_thread_id_format(&row->key, &row->secret, text);
    return str_of(text, CHAT_THREAD_ID_LEN);
}

enum rc chat_thread_id_parse(struct str text, struct uuid *out_key, struct uuid *out_secret)
{
    uint8_t octets[OCTETS];
    size_t len;

    if (text.len != CHAT_THREAD_ID_LEN || !str_starts(text, PREFIX) || !str_ends(text, SUFFIX))
        return RC_INVALID;
    if (base64url_decode(str_of(text.ptr + PREFIX.len, CORE_LEN), octets, sizeof octets, &len) ||
        len != sizeof octets)
        return RC_INVALID;
    memcpy(out_key, octets, sizeof *out_key);
    memcpy(out_secret, octets + sizeof *out_key, sizeof *out_secret);
    return RC_OK;
}

bool chat_thread_is(const struct chat_thread_row *row, const struct uuid *secret)
{
    return ct_equal(&row->secret, secret, sizeof *secret);
}

enum rc chat_message_id_parse(struct str text, unix_ms *out)
{
    uint64_t value;

    if (text.len == 0 || text.ptr[0] == '0' || str_to_u64(text, INT64_MAX, &value))
        return RC_INVALID;
    *out = (unix_ms)value;
    return RC_OK;
}

struct str chat_digits(int64_t value, char room[static CHAT_DIGITS_MAX])
{
    return str_from_u64(value > 0 ? (uint64_t)value : 0, room);
}

struct str chat_message_id(unix_ms id, struct arena *arena)
{
    char room[CHAT_DIGITS_MAX];

    return arena_dup(arena, chat_digits(id, room));
}
