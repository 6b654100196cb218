/* Signs requests to a real resource with its access key. Source: wire/authentication §1.1, §1.4. */
#include "carriers/azure.h"
#include "carriers/http_config.h"
#include "crypto/base64.h"

#define KEY_MAX ((size_t)128)

static enum rc split(struct str text, struct str *out_endpoint, struct str *out_key)
{
    struct str member, name, value, rest = text;

    while (rest.len) {
        (void)str_cut(rest, ';', &member, &rest); /* the last one has none behind it */
        (void)str_cut(member, '=', &name, &value);
        if (name_eq_nocase(str_trim(name), STR("endpoint")))
            *out_endpoint = str_trim(value);
        else if (name_eq_nocase(str_trim(name), STR("accesskey")))
            *out_key = str_trim(value);
    }
    return out_endpoint->len && out_key->len ? RC_OK : RC_INVALID;
}

/* As libcurl will write it: no default port. */
static struct str authority_of(const struct outbound_url *url, struct arena *arena)
{
    struct str host = arena_lower(arena, url->host);
    bool v6 = str_find(host, ':') < host.len;
    const char *open = v6 ? "[" : "", *end = v6 ? "]" : "";

    if (url->port == (url->tls ? 443 : 80))
        return arena_printf(arena, "%s" STR_FMT "%s", open, STR_ARG(host), end);
    return arena_printf(arena, "%s" STR_FMT "%s:%u", open, STR_ARG(host), end, (unsigned)url->port);
}

enum rc azure_target_read(struct str connection_string, struct arena *arena,
                          struct azure_target *out, struct buf *why)
{
    struct str endpoint = STR_EMPTY, key = STR_EMPTY;
    struct outbound_url url;
    uint8_t octets[KEY_MAX];
    size_t len = 0;

    if (split(connection_string, &endpoint, &key))
        return http_config_bad(why, "connectionString", "must have endpoint=…;accesskey=…");
    if (outbound_url_parse(endpoint, &url) || (url.target.len && !name_eq(url.target, STR("/"))))
        return http_config_bad(why, "connectionString", "must name its endpoint without a path");
    if (base64_decode(key, octets, sizeof octets, &len) || len == 0)
        return http_config_bad(why, "connectionString", "has an access key that is not base64");
    out->key = mac_key_new(octets, len);
    out->work = hash_work_new();
    explicit_bzero(octets, sizeof octets);
    if (!out->key || !out->work)
        abort();
    out->authority = authority_of(&url, arena);
    out->origin =
        arena_printf(arena, "%s://" STR_FMT, url.tls ? "https" : "http", STR_ARG(out->authority));
    return RC_OK;
}

void azure_target_clear(struct azure_target *t)
{
    mac_key_free(t->key);
    hash_work_free(t->work);
    *t = (struct azure_target){0};
}

static struct str base64_of(const uint8_t digest[static 32], struct arena *arena)
{
    char text[BASE64_LEN(SHA256_LEN)];

    return arena_dup(arena, str_of(text, base64_encode(digest, SHA256_LEN, text)));
}

void azure_sign(const struct azure_target *t, struct http_call *c, struct str target)
{
    uint8_t digest[SHA256_LEN];
    char date_text[HTTP_DATE_LEN];
    struct str date, hash;

    time_to_http_date(clock_wall(), date_text); /* the other side knows nothing of a moved clock */
    date = arena_dup(&c->arena, str_of(date_text, sizeof date_text));
    sha256(t->work, c->call.body, digest);
    hash = base64_of(digest, &c->arena);
    mac_sign_pieces(t->key, t->work,
                    (const struct str[]){str_from(c->call.method), STR("\n"), target, STR("\n"),
                                         date, STR(";"), t->authority, STR(";"), hash},
                    9, digest);
    http_call_header(c, STR("x-ms-date"), date);
    http_call_header(c, STR("x-ms-content-sha256"), hash);
    http_call_header(c, STR("Authorization"),
                     arena_printf(&c->arena,
                                  "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&"
                                  "Signature=" STR_FMT,
                                  STR_ARG(base64_of(digest, &c->arena))));
}
