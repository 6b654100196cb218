/* Who calls: made only by the gate, whole, at the end of a successful check. */
#ifndef GATE_PRINCIPAL_H
#define GATE_PRINCIPAL_H

#include "gate/directory.h"

enum principal_kind {
    PRINCIPAL_NONE = 0,
    PRINCIPAL_ACCESS_KEY,
    PRINCIPAL_BEARER, /* service principal or managed identity */
    PRINCIPAL_USER,
    PRINCIPAL_ADMINISTRATOR,
};

#define SCOPE_CHAT              0x01u
#define SCOPE_VOIP              0x02u
#define SCOPE_CHAT_JOIN         0x04u
#define SCOPE_CHAT_JOIN_LIMITED 0x08u
#define SCOPE_VOIP_JOIN         0x10u
#define SCOPE_COUNT             5

/** Which of our services a service token is for. */
enum token_audience { AUDIENCE_NONE = 0, AUDIENCE_DATA, AUDIENCE_ARM };

/** What a user access token stands on, kept of it by connections that outlive their request: judged
 * again by gate_user_stands() without the token. */
struct user_standing {
    int64_t iat, exp;    /* seconds */
    uint64_t kid_hash;   /* of the key that verified it: user_kid_hash() */
    uint32_t generation; /* of the user's tokens */
    uint32_t key_generation;
    enum key_slot key; /* the access key that issued it, with its generation */
    bool by_key;       /* one did */
};

struct principal {
    enum principal_kind kind;
    const struct resource *resource; /* administrator: the one named by resource=, or the default */
    enum key_slot key;               /* access key: which one */
    uint32_t key_generation;
    struct user_key user;             /* user token */
    unsigned scopes;                  /* SCOPE_… bits */
    struct user_standing standing;    /* user token */
    unix_ms expires;                  /* user and service token */
    struct uuid object_id, client_id; /* service token; client_id zeros: it names none */
    enum token_audience audience;
    uint64_t actions; /* service token: what its roles allow, on the resource or in the scope that
                       * the row names */
    uint32_t uid;     /* administrator on the socket; else (uint32_t)-1 */
};

/** "accessKey", "bearer", "user", "administrator". */
struct str principal_kind_name(enum principal_kind kind);
/** The wire's name of one scope bit: "chat.join". */
struct str scope_name(unsigned bit);
/** The bit of a scope's name, without case; 0 for strangers. */
unsigned scope_from_name(struct str name);
/** "8:acs:<resource>_<user>": 79 characters, in the arena. */
struct str user_id_format(const struct user_key *key, struct arena *arena);
/** RC_INVALID unless exactly of that form (hexadecimal digits of either case). */
enum rc user_id_parse(struct str raw_id, struct user_key *out) NODISCARD;

#endif
