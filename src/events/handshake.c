/* The texts of both handshakes. Who sends them, when and how often is handshakes.c.
 * Source: wire/events §4, §5. */
#include "events/handshake.h"

#include "base/json.h"
#include "crypto/seal.h"
#include "events/envelope.h"

#define RATE_MAX ((uint64_t)1000 * 1000)

struct str handshake_code(struct arena *arena)
{
    struct uuid code = uuid_random();
    char *text = arena_alloc(arena, UUID_TEXT_LEN + 1);

    uuid_format(&code, text);
    return str_of(text, UUID_TEXT_LEN);
}

void handshake_token(const struct subscription *s, const struct master_key *master,
                     char out[static 32])
{
    uint8_t mac[32], value[sizeof(struct uuid) + UUID_TEXT_LEN] = {0};
    struct str code = str_head(s->code, UUID_TEXT_LEN);

    memcpy(value, &s->id, sizeof s->id);
    if (code.len)
        memcpy(value + sizeof s->id, code.ptr, code.len);
    master_key_hash(master, STR("events/validation"), str_of(value, sizeof value), mac);
    hex_encode(mac, HANDSHAKE_TOKEN_LEN / 2, out);
}

bool handshake_is_open(const struct subscription *s, unix_ms now)
{
    if (!s->code.len)
        return false;
    return s->state == SUBSCRIPTION_CREATING || s->state == SUBSCRIPTION_UPDATING ||
           (s->state == SUBSCRIPTION_AWAITING && now < s->until);
}

bool handshake_token_fits(const struct subscription *s, const struct master_key *master,
                          struct str token, unix_ms now)
{
    char own[HANDSHAKE_TOKEN_LEN];

    if (!handshake_is_open(s, now) || token.len != sizeof own)
        return false;
    handshake_token(s, master, own);
    return ct_equal(own, token.ptr, sizeof own);
}

void handshake_body(struct buf *out, const struct subscription *s, struct str topic,
                    struct str validation_url, unix_ms now)
{
    struct uuid id = uuid_random();
    struct json_writer w;

    json_writer_init(&w, out);
    json_array_begin(&w);
    json_object_begin(&w);
    json_member_id(&w, "id", &id);
    json_member_str(&w, "topic", topic);
    json_member_str(&w, "subject", STR(""));
    json_name(&w, "data");
    json_object_begin(&w);
    json_member_str(&w, "validationCode", s->code);
    json_member_str(&w, "validationUrl", validation_url);
    json_object_end(&w);
    json_member_str(&w, "eventType", STR("Microsoft.EventGrid.SubscriptionValidationEvent"));
    envelope_grid_time(&w, "eventTime", now);
    json_member_str(&w, "metadataVersion", STR("1"));
    json_member_str(&w, "dataVersion", STR("1"));
    json_object_end(&w);
    json_array_end(&w);
}

/* The member validationResponse, by whatever capitals: samples of many languages differ in them. */
static const json_t *response_member(const json_t *obj)
{
    static const struct str wanted = STR_INIT("validationResponse");
    const char *name;
    json_t *value;

    /* Iteration wants it mutable, but changes nothing. NOLINTNEXTLINE(performance-no-int-to-ptr) */
    json_object_foreach((json_t *)(uintptr_t)obj, name, value)
    {
        if (name_eq_nocase(str_from(name), wanted))
            return value;
    }
    return NULL;
}

enum handshake_verdict handshake_judge(int status, struct str body, struct str code)
{
    AUTO(json_freep) json_t *obj = NULL;
    const json_t *said = NULL;

    if (status != 200)
        return HANDSHAKE_AGAIN;
    if (json_read(body, &obj, NULL) == RC_OK && json_is_object(obj))
        said = response_member(obj);
    if (!said)
        return HANDSHAKE_MANUAL;
    return json_is_string(said) &&
                   name_eq_nocase(str_of(json_string_value(said), json_string_length(said)), code)
               ? HANDSHAKE_PASSED
               : HANDSHAKE_AGAIN;
}

enum handshake_verdict handshake_judge_origin(struct str allowed, struct str origin)
{
    allowed = str_trim(allowed);
    return name_eq(allowed, STR("*")) || name_eq_nocase(allowed, origin) ? HANDSHAKE_PASSED
                                                                         : HANDSHAKE_MANUAL;
}

uint32_t handshake_rate(struct str allowed)
{
    uint64_t rate;

    return str_to_u64(str_trim(allowed), RATE_MAX, &rate) ? 0 : (uint32_t)rate;
}
