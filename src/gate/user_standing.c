/* What a verified user token stands on: the user's row, his resource, the key that issued it, the
 * key that signed it. Each may die before the token's time is over. Source: design D14, D19;
 * wire/authentication §4. */
#include "gate/user_standing.h"

#include "gate/gate_private.h"

uint64_t user_kid_hash(struct str kid)
{
    return hash_keyed(kid.ptr, kid.len);
}

static const char *revoked(struct gate_loop *gl, const struct user_key *user,
                           const struct user_standing *s, enum rc *out_rc)
{
    struct revocation r = {0};
    bool unsure;

    if (!revocations_find(gl->gate->revocations, user, &r, &unsure)) {
        struct arena arena;
        struct user_row row;

        if (!unsure)
            return NULL;
        arena_init(&arena);
        *out_rc = store_user(gl->reader, user, &arena, &row);
        r = *out_rc ? r : (struct revocation){row.generation, row.valid_from, row.deleted != 0};
        arena_clear(&arena);
        if (*out_rc == RC_NOT_FOUND)
            return "user token; the user does not exist";
        if (*out_rc)
            return "user token; the user could not be read";
    }
    if (r.deleted)
        return "user token; the user was deleted";
    if (s->generation < r.generation)
        return "user token; it was revoked";
    if (s->iat * 1000 < r.valid_from)
        return "user token; it was issued before the time from which the user's tokens are valid";
    return NULL;
}

const char *user_token_dead(struct gate_loop *gl, const struct user_key *user,
                            const struct user_standing *s, enum rc *out_rc)
{
    const struct resource *r = directory_by_id(directory_now(gl), &user->resource);
    const char *why = revoked(gl, user, s, out_rc);

    if (why)
        return why;
    if (!r || r->state != RESOURCE_ACTIVE)
        return "user token; its resource does not exist, or is disabled";
    const struct access_key *key = &r->keys[s->key];
    if (s->by_key && (!key->present || s->key_generation < key->tokens_valid_from))
        return "user token; the access key that issued it was regenerated";
    return NULL;
}

static bool key_counts(const struct directory *d, uint64_t kid_hash, unix_ms now)
{
    for (size_t i = 0; i < d->signing_keys_count; i++) {
        const struct signing_key *k = &d->signing_keys[i];

        if (user_kid_hash(k->kid) == kid_hash)
            return directory_verifier(d, STR("user"), k->kid, now) != NULL;
    }
    return false;
}

const char *gate_user_stands(struct gate_loop *gl, const struct user_key *user,
                             const struct user_standing *s, unix_ms now)
{
    enum rc rc;

    if (!key_counts(directory_now(gl), s->kid_hash, now))
        return "user token; its key (kid) is not a key of user access tokens here, or retired";
    return user_token_dead(gl, user, s, &rc);
}
