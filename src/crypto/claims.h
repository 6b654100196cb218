/* The JSON of tokens: read strictly and without a heap, since it is read before anything of a token
 * is known to be true, on the first request of each. RFC 8259, and no more: no member twice, depth
 * at most 32, integers within 64 bits, well-formed UTF-8, \u0000 in texts but not in names. */
#ifndef CRYPTO_CLAIMS_H
#define CRYPTO_CLAIMS_H

#include "base/arena.h"

#define CLAIMS_MEMBERS_MAX ((size_t)256) /* of one object: each name is held against the others */

enum claim_kind {
    CLAIM_NULL = 0,
    CLAIM_FALSE,
    CLAIM_TRUE,
    CLAIM_INTEGER,
    CLAIM_REAL,
    CLAIM_TEXT,
    CLAIM_LIST,
    CLAIM_OBJECT,
};

/** One value, borrowed from the text and the arena of claims_read(). */
struct claim {
    enum claim_kind kind;
    struct str name;          /* of a member; else empty */
    struct str written;       /* the whole value as it stands */
    const struct claim *next; /* the next member or item; NULL: none */
    union {
        struct str text; /* without quotes and escapes */
        int64_t integer;
        double real;
        const struct claim *first; /* of an object or list; NULL: empty */
    } u;
};

enum claims_flaw {
    CLAIMS_FINE = 0,
    CLAIMS_NOT_JSON,
    CLAIMS_NOT_UTF8,
    CLAIMS_REPEATED, /* a member name */
    CLAIMS_DEEP,
    CLAIMS_RANGE, /* a number */
    CLAIMS_MANY,  /* members in one object */
    CLAIMS_FLAWS,
};

/** Reads one JSON text, which stays the caller's and must outlive the result. */
enum claims_flaw claims_read(struct str text, struct arena *arena,
                             const struct claim **out) NODISCARD;

static inline bool claim_is(const struct claim *c, enum claim_kind kind)
{
    return c && c->kind == kind;
}

/** The member of that name; NULL when there is none, or `object` (may be NULL) is no object. */
const struct claim *claim_get(const struct claim *object, struct str name) NODISCARD;
/** The member's text; empty when there is none, or it is no text. */
struct str claim_get_text(const struct claim *object, struct str name) NODISCARD;
/** The first item; NULL when the list (may be NULL) is empty or no list. */
static inline const struct claim *claim_first(const struct claim *list)
{
    return claim_is(list, CLAIM_LIST) ? list->u.first : NULL;
}
/** Items of a list; 0 for anything else. */
size_t claim_count(const struct claim *list) NODISCARD;

#endif
