/* The token part of the identity service. Claims and signature are the gate's business (gate_mint);
 * here are the rules of wire/authentication §2.2 and the words of §2.5. */
#include "services/tokens.h"

#include "services/body.h"

#define NOTE_EVERY_MS 1000

static bool refuse(struct refusal *why, struct str message, struct str target)
{
    *why = (struct refusal){&API_VALIDATION, message, target};
    return false;
}

/* The bit of one name under the rules; 0 for strangers. */
static unsigned scope_bit(struct str name, const struct token_rules *rules)
{
    const unsigned plain = SCOPE_CHAT | SCOPE_VOIP;
    unsigned bit = scope_from_name(name);

    if (!bit && rules->pstn && name_eq_nocase(name, STR("pstn")))
        bit = SCOPE_VOIP;
    return rules->join_scopes ? bit : bit & plain;
}

static bool scope_unknown(struct request *req, struct str name, const struct token_rules *rules,
                          struct refusal *why)
{
    struct str shown = body_excerpt(name);

    return refuse(why,
                  arena_printf(req->arena,
                               "Scopes: '" STR_FMT "' is not a scope of this version. It knows "
                               "chat, voip%s.",
                               STR_ARG(shown),
                               rules->join_scopes ? ", chat.join, chat.join.limited, voip.join"
                               : rules->pstn      ? ", pstn"
                                                  : ""),
                  STR("Scopes"));
}

bool token_read_scopes(struct request *req, const json_t *obj, const char *member,
                       struct token_request *out, struct refusal *why)
{
    const json_t *list = json_object_get(obj, member);

    if (!list || json_is_null(list))
        return true;
    if (!json_is_array(list))
        return refuse(why, arena_printf(req->arena, "%s must be an array of strings.", member),
                      arena_printf(req->arena, "$.%s", member));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        struct str name = str_of(json_string_value(item), json_string_length(item));
        unsigned bit;

        if (!json_is_string(item))
            return refuse(why, arena_printf(req->arena, "%s must be an array of strings.", member),
                          arena_printf(req->arena, "$.%s[%zu]", member, i));
        bit = scope_bit(name, &out->rules);
        if (!bit)
            return scope_unknown(req, name, &out->rules, why);
        if (out->scopes & bit)
            continue;
        out->scopes |= bit;
        out->order[out->n++] = bit;
    }
    return true;
}

bool token_read_minutes(struct request *req, const json_t *obj, struct token_request *out,
                        struct refusal *why)
{
    const json_t *value = json_object_get(obj, "expiresInMinutes");
    struct str raw;

    out->minutes = TOKEN_MINUTES_DEFAULT;
    if (!out->rules.minutes || !value || json_is_null(value))
        return true;
    if (!json_is_number(value))
        return refuse(why, STR("expiresInMinutes must be a number."), STR("$.expiresInMinutes"));
    if (json_get_int(obj, "expiresInMinutes", &out->minutes) == RC_OK &&
        out->minutes >= TOKEN_MINUTES_MIN && out->minutes <= TOKEN_MINUTES_MAX)
        return true;
    /* the number as it was written: the recorded text repeats it */
    if (json_raw_member(req->body, STR("expiresInMinutes"), &raw))
        raw = STR("?"); /* can't be: it parsed */
    raw = body_excerpt(raw);
    return refuse(why,
                  arena_printf(req->arena,
                               "ExpiresInMinutes value " STR_FMT
                               " is invalid. Value must be within the [60, 1440] interval.",
                               STR_ARG(raw)),
                  STR("ExpiresInMinutes"));
}

bool token_read(struct request *req, const json_t *obj, struct token_request *out,
                struct refusal *why)
{
    if (!token_read_scopes(req, obj, "scopes", out, why))
        return false;
    if (!out->n)
        return refuse(why, STR("Scopes: The Scopes field is required."), STR("Scopes"));
    return token_read_minutes(req, obj, out, why);
}

enum rc token_write(struct request *req, const struct user_row *user,
                    const struct token_request *asked, struct json_writer *w)
{
    const struct principal *p = req->principal;
    const struct site_options *o = req->site->options;
    struct mint m = {
        .resource = p->resource,
        .user = user->key,
        .generation = user->generation,
        .scopes = asked->scopes,
        .order = asked->order,
        .order_count = asked->n,
        .now = req->now,
        .minutes = asked->minutes,
        .origin = site_issuer(req),
        .region = o->region,
        .location = o->location,
        .issued_by = p->kind,
        .key = p->key,
        .key_generation = p->key_generation,
    };
    char text[ISO8601_TICKS_LEN];
    unix_ms expires = 0;
    enum rc rc;

    /* straight into the answer: a token has no octet that JSON escapes */
    json_name(w, "token");
    buf_add_char(w->out, '"');
    rc = gate_mint(req->site->gate, &m, w->out, &expires);
    if (rc)
        return rc;
    buf_add_char(w->out, '"');
    w->comma = true;
    time_to_iso8601_ticks(expires, text);
    json_member_str(w, "expiresOn", str_of(text, sizeof text));
    atomic_fetch_add_explicit(&req->site->shared->tokens_issued, 1, memory_order_relaxed);
    return RC_OK;
}

/* One note on its way to the store, beyond the life of the request. */
struct note {
    struct change_set set;
    struct change change;
};

void token_note_issued(struct request *req, const struct user_row *user)
{
    int64_t age = req->now - user->last_issued;
    struct note *note;

    if (age >= 0 && age < NOTE_EVERY_MS)
        return;
    note = calloc(1, sizeof *note);
    if (!note)
        abort();
    note->change.kind = CHANGE_USER_ISSUED;
    note->change.u.user = (struct user_row){.key = user->key, .last_issued = req->now};
    note->set = (struct change_set){
        .items = &note->change, .n = 1, .loop = req->loop, .ctx = note, .discard = free};
    store_commit(req->site->store, &note->set);
}
