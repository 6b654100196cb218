/* Names of principals and scopes, and the raw id of a user. Values only: who may be a principal is
 * decided by gate.c. Source: wire/authentication §2.2, §3.4. */
#include "gate/principal.h"

struct str principal_kind_name(enum principal_kind kind)
{
    switch (kind) {
    case PRINCIPAL_NONE:
        break;
    case PRINCIPAL_ACCESS_KEY:
        return STR("accessKey");
    case PRINCIPAL_BEARER:
        return STR("bearer");
    case PRINCIPAL_USER:
        return STR("user");
    case PRINCIPAL_ADMINISTRATOR:
        return STR("administrator");
    }
    return STR("none");
}

static const struct {
    unsigned bit;
    struct str name;
} scopes[SCOPE_COUNT] = {
    {SCOPE_CHAT, STR_INIT("chat")},
    {SCOPE_VOIP, STR_INIT("voip")},
    {SCOPE_CHAT_JOIN, STR_INIT("chat.join")},
    {SCOPE_CHAT_JOIN_LIMITED, STR_INIT("chat.join.limited")},
    {SCOPE_VOIP_JOIN, STR_INIT("voip.join")},
};

struct str scope_name(unsigned bit)
{
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (scopes[i].bit == bit)
            return scopes[i].name;
    }
    return STR_EMPTY;
}

unsigned scope_from_name(struct str name)
{
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (name_eq_nocase(scopes[i].name, name))
            return scopes[i].bit;
    }
    return 0;
}

#define ID_PREFIX     STR("8:acs:")
#define ID_PREFIX_LEN ((size_t)6)
#define ID_LEN        (ID_PREFIX_LEN + UUID_TEXT_LEN + 1 + UUID_TEXT_LEN)

struct str user_id_format(const struct user_key *key, struct arena *arena)
{
    char *text = arena_alloc(arena, ID_LEN + 1);

    memcpy(text, "8:acs:", ID_PREFIX_LEN);
    uuid_format(&key->resource, text + ID_PREFIX_LEN);
    text[ID_PREFIX_LEN + UUID_TEXT_LEN] = '_';
    uuid_format(&key->user, text + ID_PREFIX_LEN + UUID_TEXT_LEN + 1);
    return str_of(text, ID_LEN);
}

enum rc user_id_parse(struct str raw_id, struct user_key *out)
{
    struct user_key key;

    if (raw_id.len != ID_LEN || !str_starts(raw_id, ID_PREFIX) ||
        raw_id.ptr[ID_PREFIX_LEN + UUID_TEXT_LEN] != '_')
        return RC_INVALID;
    if (uuid_parse(str_of(raw_id.ptr + ID_PREFIX_LEN, UUID_TEXT_LEN), &key.resource) ||
        uuid_parse(str_from_index(raw_id, ID_PREFIX_LEN + UUID_TEXT_LEN + 1), &key.user))
        return RC_INVALID;
    *out = key;
    return RC_OK;
}
