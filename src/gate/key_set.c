/* Key sets and OpenID configurations, read and judged: see key_set.h.
 *
 * A set is strict where two readings are possible (two keys of one kid are none) and lenient where
 * an issuer may serve what is not for us (other kinds of keys, other uses): those are left out.
 * Source: wire/managed-identity §4.3 item 4, §4.4; RFC 7517 section 5. */
#include "gate/key_set.h"

#include "gate/issuer_url.h"

#define WELL_KNOWN  "/.well-known/openid-configuration"
#define PLACEHOLDER "{tenantid}"

static enum rc refuse(const char *why, const char **out_why)
{
    *out_why = why;
    return RC_INVALID;
}

/* ---- whose document ---- */

/* `text` with `tenant` where it says {tenantid}. */
static struct str substituted(struct str text, struct str tenant, struct arena *arena)
{
    size_t at = str_find_str(text, STR(PLACEHOLDER));

    if (at == text.len)
        return text;
    return arena_printf(arena, STR_FMT STR_FMT STR_FMT, STR_ARG(str_head(text, at)),
                        STR_ARG(tenant),
                        STR_ARG(str_from_index(text, at + sizeof PLACEHOLDER - 1)));
}

static bool is_issuer(struct str said, const struct key_location *where)
{
    struct entra_forms forms;
    struct arena arena;
    bool same;

    if (!where->entra)
        return name_eq(said, where->issuer);
    if (said.len > ISSUER_URL_MAX)
        return false;
    arena_init(&arena);
    same = entra_forms_read(where->issuer, &arena, &forms) == RC_OK;
    if (same) {
        said = substituted(said, forms.tenant, &arena);
        same = name_eq(said, forms.v2) || name_eq(said, forms.v1);
    }
    arena_clear(&arena);
    return same;
}

enum rc discovery_read(struct str text, const struct key_location *where, struct arena *arena,
                       struct str *out_jwks_url, const char **out_why)
{
    AUTO(json_freep) json_t *doc = NULL;
    struct str said = STR_EMPTY, url = STR_EMPTY;

    if (text.len > KEY_DOCUMENT_MAX)
        return refuse("the OpenID configuration is too large", out_why);
    if (json_read(text, &doc, NULL) || !json_is_object(doc))
        return refuse("the OpenID configuration is no JSON object", out_why);
    if (json_get_str(doc, "issuer", &said) || !is_issuer(said, where))
        return refuse("the OpenID configuration is another issuer's", out_why);
    if (json_get_str(doc, "jwks_uri", &url) || url.len == 0 || url.len > WEB_URL_MAX)
        return refuse("the OpenID configuration has no jwks_uri", out_why);
    *out_jwks_url = arena_dup(arena, url);
    return RC_OK;
}

struct str discovery_url(const struct key_location *where, struct arena *arena)
{
    struct str base = where->issuer;

    if (where->discovery.len)
        return where->discovery;
    if (str_ends(base, STR("/")))
        base = str_head(base, base.len - 1);
    return arena_printf(arena, STR_FMT WELL_KNOWN, STR_ARG(base));
}

/* ---- where it may lead ---- */

/* What the operator wrote: the issuer itself, and the two URLs where given. */
static void compare_written(const struct key_location *where, const struct web_url *url,
                            bool *out_host, bool *out_origin)
{
    const struct str written[] = {where->issuer, where->discovery, where->jwks_url};

    *out_host = *out_origin = false;
    for (size_t i = 0; i < ARRAY_LEN(written); i++) {
        struct web_url own;

        if (written[i].len == 0 || web_url_read(written[i], &own))
            continue;
        *out_host = *out_host || web_url_same_host(&own, url);
        *out_origin = *out_origin || web_url_same_origin(&own, url);
    }
}

static bool is_local_name(struct str host)
{
    static const struct str local[] = {STR_INIT("localhost"), STR_INIT("local"),
                                       STR_INIT("internal")};

    if (str_ends(host, STR(".")))
        host = str_head(host, host.len - 1);
    for (size_t i = 0; i < ARRAY_LEN(local); i++) {
        size_t len = local[i].len;

        if (host.len >= len && name_eq_nocase(str_from_index(host, host.len - len), local[i]) &&
            (host.len == len || host.ptr[host.len - len - 1] == '.'))
            return true;
    }
    return str_find(host, '.') == host.len; /* one label: only a local resolver knows it */
}

enum rc key_url_judge(const struct key_location *where, struct str url, bool plain_loopback,
                      struct key_url *out, const char **out_why)
{
    struct web_url read;
    bool same_host, same_origin, loopback;

    *out_why = "the URL of the keys is no https URL";
    if (web_url_read(url, &read))
        return RC_DENIED;
    loopback = web_url_is_loopback(&read);
    if (!read.secure && !(plain_loopback && loopback))
        return RC_DENIED;
    compare_written(where, &read, &same_host, &same_origin);
    if (!same_host && (read.address || is_local_name(read.host))) {
        *out_why = "the URL of the keys leads to a private host that is not the issuer's";
        return RC_DENIED;
    }
    *out = (struct key_url){
        .allow_private = same_host && (where->private_ok || (plain_loopback && loopback)),
        .with_token = same_origin,
    };
    return RC_OK;
}

/* ---- the set ---- */

static void key_set_free(struct snapshot *s)
{
    struct key_set *set = (struct key_set *)(void *)s;

    for (size_t i = 0; i < set->n; i++)
        pkey_unref(set->keys[i].key);
    map_clear(&set->by_kid);
    arena_clear(&set->arena);
    free(set);
}

static struct key_set *key_set_new(size_t room)
{
    struct key_set *set = calloc(1, sizeof *set);

    if (!set)
        abort();
    atomic_init(&set->snapshot.refs, 1);
    set->snapshot.free = key_set_free;
    arena_init(&set->arena);
    map_init(&set->by_kid);
    set->keys = arena_array(&set->arena, struct set_key, room + 1);
    return set;
}

/* RC_INVALID: not for us, or not whole. */
static enum rc read_key(const json_t *jwk, const struct key_location *where, struct str *out_kid,
                        struct pkey **out)
{
    struct str kid = STR_EMPTY, issuer;
    enum rc rc = json_get_str(jwk, "kid", &kid);

    if (rc == RC_INVALID || (rc == RC_OK && (kid.len == 0 || kid.len > KEY_ID_MAX)))
        return RC_INVALID;
    if (where->entra) {
        rc = json_get_str(jwk, "issuer", &issuer);
        if (rc == RC_INVALID || (rc == RC_OK && !is_issuer(issuer, where)))
            return RC_INVALID;
    }
    *out_kid = kid;
    return pkey_from_jwk_any(jwk, out);
}

static void add_key(struct key_set *set, struct str kid, struct pkey *key)
{
    struct set_key *same = kid.len ? map_get(&set->by_kid, kid) : NULL;

    if (same) { /* which of them a token means can't be told: neither */
        pkey_unref(same->key);
        same->key = NULL;
        pkey_unref(key);
        return;
    }
    struct set_key *entry = &set->keys[set->n++];
    *entry = (struct set_key){.kid = arena_dup(&set->arena, kid), .key = key};
    if (kid.len)
        (void)map_put(&set->by_kid, entry->kid, entry); /* there was none */
}

size_t key_set_usable(const struct key_set *set)
{
    size_t usable = 0;

    for (size_t i = 0; i < set->n; i++)
        usable += set->keys[i].key != NULL;
    return usable;
}

enum rc key_set_read(struct str text, const struct key_location *where, struct key_set **out,
                     const char **out_why)
{
    AUTO(json_freep) json_t *doc = NULL;
    const json_t *keys;

    if (text.len > KEY_DOCUMENT_MAX)
        return refuse("the key set is too large", out_why);
    if (json_read(text, &doc, NULL) || !json_is_object(doc))
        return refuse("the key set is no JSON object", out_why);
    keys = json_object_get(doc, "keys");
    if (!json_is_array(keys))
        return refuse("the key set has no list of keys", out_why);
    if (json_array_size(keys) > KEY_SET_MAX)
        return refuse("the key set has too many keys", out_why);
    struct key_set *set = key_set_new(json_array_size(keys));
    for (size_t i = 0; i < json_array_size(keys); i++) {
        struct str kid = STR_EMPTY;
        struct pkey *key = NULL;

        if (read_key(json_array_get(keys, i), where, &kid, &key) == RC_OK)
            add_key(set, kid, key);
    }
    if (key_set_usable(set) == 0) {
        snapshot_unref(&set->snapshot);
        return refuse("the key set has no key that can be used", out_why);
    }
    *out = set;
    return RC_OK;
}

/* Without a kid: the one key that fits, when there is one. */
static enum rc find_single(const struct key_set *set, enum jws_alg alg, struct pkey **out,
                           const char **out_why)
{
    struct pkey *found = NULL;

    for (size_t i = 0; i < set->n; i++) {
        struct pkey *key = set->keys[i].key;

        if (!key || !pkey_fits(key, alg))
            continue;
        if (found) {
            *out_why = "the token names no key, and its issuer has several";
            return RC_DENIED;
        }
        found = key;
    }
    if (!found) {
        *out_why = "its issuer has no key for this algorithm";
        return RC_DENIED;
    }
    *out = pkey_ref(found);
    return RC_OK;
}

enum rc key_set_find(const struct key_set *set, const struct key_query *q, struct pkey **out,
                     const char **out_why)
{
    const struct set_key *entry;

    if (q->kid.len == 0)
        return find_single(set, q->alg, out, out_why);
    entry = map_get(&set->by_kid, q->kid);
    if (!entry) {
        *out_why = "its issuer has no key of this kid";
        return RC_NOT_FOUND;
    }
    if (!entry->key) {
        *out_why = "its issuer has several keys of this kid";
        return RC_DENIED;
    }
    if (!pkey_fits(entry->key, q->alg)) {
        *out_why = "the key of this kid is for another algorithm";
        return RC_DENIED;
    }
    *out = pkey_ref(entry->key);
    return RC_OK;
}

/* ---- Cache-Control ---- */

#define MAX_AGE_LIMIT ((uint64_t)INT32_MAX)

int64_t cache_max_age_s(struct str cache_control)
{
    struct str rest = cache_control, item, name, value;
    int64_t found = -1;

    while (rest.len) {
        uint64_t seconds;

        (void)str_cut(rest, ',', &item, &rest); /* without a comma: all of it, and the end */
        (void)str_cut(str_trim(item), '=', &name, &value);
        if (name_eq_nocase(name, STR("no-store")) || name_eq_nocase(name, STR("no-cache")))
            return 0;
        if (!name_eq_nocase(name, STR("max-age")) || found >= 0)
            continue;
        if (value.len >= 2 && value.ptr[0] == '"' && str_ends(value, STR("\"")))
            value = (struct str){value.ptr + 1, value.len - 2};
        found = str_to_u64(value, MAX_AGE_LIMIT, &seconds) ? 0 : (int64_t)seconds;
    }
    return found;
}
