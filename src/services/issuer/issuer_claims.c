/* The parameter `claims` (OpenID Connect core §5.5), of which two things count: what the client can
 * do, and how new its token must be. Source: wire/managed-identity §1.5, §3.3. */
#include "services/issuer/issuer_private.h"

#define CAPABILITIES_MAX    16
#define CAPABILITY_LEN_MAX  64
#define SECONDS_MAX         ((uint64_t)253402300799) /* the end of the year 9999 */
#define CAPABILITIES_OCTETS (4 * KIB)

static bool is_capability(const json_t *item)
{
    size_t len = json_string_length(item);
    const char *text = json_string_value(item);

    if (!text || len == 0 || len > CAPABILITY_LEN_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7E)
            return false;
    }
    return true;
}

static const char *read_capabilities(const json_t *claim, struct arena *arena, struct str *out)
{
    const json_t *values = json_object_get(claim, "values"), *item;
    struct json_writer w;
    struct buf text;
    size_t i;

    if (!values || json_is_null(values))
        return NULL;
    if (!json_is_array(values) || json_array_size(values) > CAPABILITIES_MAX)
        return "claims: values of xms_cc must be a list of at most 16 texts.";
    buf_init(&text, CAPABILITIES_OCTETS);
    json_writer_init(&w, &text);
    json_array_begin(&w);
    json_array_foreach(values, i, item)
    {
        if (!is_capability(item)) {
            buf_clear(&text);
            return "claims: each of the values of xms_cc must be a short printable text.";
        }
        json_str(&w, str_of(json_string_value(item), json_string_length(item)));
    }
    json_array_end(&w);
    if (json_array_size(values) > 0)
        *out = arena_dup(arena, buf_str(&text));
    buf_clear(&text);
    return NULL;
}

/* Seconds, as text (what a challenge of ours says) or as a number. */
static const char *read_not_before(const json_t *claim, unix_ms *out)
{
    const json_t *value = json_object_get(claim, "value");
    uint64_t seconds = 0;
    int64_t number = -1;

    if (!value || json_is_null(value))
        return NULL;
    if (json_is_string(value)) {
        if (str_to_u64(str_of(json_string_value(value), json_string_length(value)), SECONDS_MAX,
                       &seconds))
            return "claims: the value of nbf must be seconds since 1970.";
    } else if (json_get_int(claim, "value", &number) || number < 0 ||
               (uint64_t)number > SECONDS_MAX) {
        return "claims: the value of nbf must be seconds since 1970.";
    } else {
        seconds = (uint64_t)number;
    }
    *out = (unix_ms)seconds * 1000;
    return NULL;
}

static const char *read_object(const json_t *claims, struct arena *arena, struct asked_claims *out)
{
    const json_t *token, *xms_cc, *nbf;
    const char *why;

    if (!json_is_object(claims))
        return "claims must be a JSON object.";
    token = json_object_get(claims, "access_token");
    if (!token || json_is_null(token))
        return NULL;
    if (!json_is_object(token))
        return "claims: access_token must be an object.";
    xms_cc = json_object_get(token, "xms_cc");
    nbf = json_object_get(token, "nbf");
    if ((xms_cc && !json_is_object(xms_cc) && !json_is_null(xms_cc)) ||
        (nbf && !json_is_object(nbf) && !json_is_null(nbf)))
        return "claims: what is asked of a claim must be an object, or null.";
    why = read_capabilities(xms_cc, arena, &out->capabilities);
    return why ? why : read_not_before(nbf, &out->not_before);
}

const char *asked_claims_read(struct str text, struct arena *arena, struct asked_claims *out)
{
    struct asked_claims read = {0};
    json_t *claims = NULL;
    const char *why;

    if (json_read(text, &claims, NULL))
        return "claims is not valid JSON.";
    why = read_object(claims, arena, &read);
    json_decref(claims);
    if (!why)
        *out = read;
    return why;
}
