/* One event subscription: whom to tell what, and how. Read from its row and written to it; which
 * events its filters let through. Source: wire/events §1, §2. */
#ifndef EVENTS_SUBSCRIPTION_H
#define EVENTS_SUBSCRIPTION_H

#include "base/arena.h"
#include "store/events.h"

struct master_key;

enum event_schema { SCHEMA_NONE = 0, SCHEMA_EVENT_GRID, SCHEMA_CLOUD_EVENTS };

#define SUBSCRIPTION_HEADERS_MAX ((size_t)10)
#define SUBSCRIPTION_TYPES_MAX   ((size_t)50)
#define SUBSCRIPTION_VALUE_MAX   ((size_t)4096) /* octets of a header's value */
#define SUBSCRIPTION_URL_MAX     ((size_t)2048)
#define SUBSCRIPTION_FILTER_MAX  ((size_t)1024)

struct subscription_header {
    struct str name, value;
    bool secret; /* its value is not shown */
};

struct subscription {
    /* the row's */
    struct uuid resource, id;
    struct str name; /* in lower case */
    uint32_t version;
    enum subscription_state state;
    struct str failure;
    unix_ms created;
    /* the document's */
    struct str endpoint; /* without its query */
    struct str query; /* behind the question mark: sealed, since it may hold a key; empty: none */
    enum event_schema schema;
    struct str *types; /* includedEventTypes; none: every type */
    size_t types_n;
    struct str begins, ends; /* of the subject */
    bool case_sensitive;     /* for both */
    uint32_t attempts_max, ttl_minutes, batch_max, batch_kib;
    uint32_t rate; /* requests a minute that the endpoint allows; 0: any */
    bool proven;   /* some endpoint of it has consented before: its events are kept meanwhile */
    struct subscription_header headers[SUBSCRIPTION_HEADERS_MAX];
    size_t headers_n;
    /* the handshake's */
    struct str code; /* what the endpoint must say; empty: none is under way */
    unix_ms until;   /* AWAITING: when consent comes too late */
};

/** Texts go to `arena`, those of the row are borrowed. RC_INVALID: damaged; RC_DENIED: sealed by
 * another key. */
enum rc subscription_read(const struct subscription_row *row, const struct master_key *master,
                          struct arena *arena, struct subscription *out) NODISCARD;
/** The row of it, with texts in `arena`. */
void subscription_write(const struct subscription *s, const struct master_key *master,
                        struct arena *arena, struct subscription_row *out);
/** Endpoint and query in one, NUL-terminated. */
struct str subscription_url(const struct subscription *s, struct arena *arena) NODISCARD;

/** Whether its filters let an event through. */
bool subscription_wants(const struct subscription *s, struct str type,
                        struct str subject) NODISCARD;
/** The same without a look at the subject. */
bool subscription_wants_type(const struct subscription *s, struct str type) NODISCARD;
/** Whether events are kept for it: it is in force, or was and asks for consent anew. */
bool subscription_collects(const struct subscription *s) NODISCARD;

/** "Succeeded", … as answers say it. */
struct str subscription_state_name(enum subscription_state state) NODISCARD;
struct str event_schema_name(enum event_schema schema) NODISCARD;
/** SCHEMA_NONE: no such schema. Case does not matter. */
enum event_schema event_schema_of(struct str name) NODISCARD;
/** Why a static header may not be one; NULL: it may. */
const char *subscription_header_against(struct str name, struct str value) NODISCARD;

#endif
