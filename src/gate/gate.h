/* The gate: who is calling, and may they. One shared part, one part per loop. */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "base/log.h"
#include "gate/grants.h"
#include "gate/principal.h"
#include "gate/revocations.h"
#include "http/request.h"

struct gate_options {
    int64_t clock_skew_ms;     /* auth.clock_skew: 300 s */
    size_t revocations_max;    /* auth.revocations_max */
    size_t token_cache;        /* auth.token_cache: verified tokens that each loop keeps */
    uint32_t fail_rate;        /* auth.fail_rate: failures per second and address; 0: no limit */
    struct str *public_hosts;  /* auth.public_hosts: H5 candidates of the default resource */
    size_t public_hosts_count; /* at most 8 */
    bool development;
    struct cidr *explain_to; /* besides loopback: who sees explanations in development */
    size_t explain_to_count;
    struct secret admin_token;       /* of the administrator's bearer credential; moved in */
    struct issuer_keys *issuer_keys; /* key sets of trusted issuers; NULL: none is trusted */
    bool no_role_denied;             /* auth.no_role=401: as if the principal were unknown */
};

struct gate;
struct issuer_set;
struct token_check;

/** Everything is borrowed and outlives the gate, but the admin token, which is moved in. Without a
 * usage table the gate makes one of its own. */
struct gate *gate_new(const struct gate_options *options, const struct directory_source *source,
                      struct store *store, struct clock *clock);
void gate_free(struct gate *g);
/** Reads everything kept in memory from the store: at start, after a restore, when the clock was
 * moved back. RC_DENIED: wrong master key. */
enum rc gate_load(struct gate *g, struct buf *why) NODISCARD;
/** The clock is about to be moved back: what was forgotten by time may count again, so that users'
 * rows are read until the next gate_load() has succeeded. Any thread. */
void gate_doubt(struct gate *g);
/** The store's watch (writer thread): brings memory up to date. */
void gate_on_commit(void *gate, const struct log_entry *entries, size_t n);
/** Once a minute, any one thread: forgets old revocations, writes last-used times, tries again what
 * could not be read. */
void gate_tick(struct gate *g);
/** Before store_close(): gives the gate's reader back. Changes are not followed from then on. */
void gate_detach(struct gate *g);
/** False after the store could not be read when something had changed: then credentials are
 * answered 503 until it can. */
bool gate_healthy(const struct gate *g);
struct clock *gate_clock(struct gate *g);
const struct gate_options *gate_options(const struct gate *g);
size_t gate_revocations_held(const struct gate *g);
/** A snapshot for threads that are no loop: snapshot_unref(&d->snapshot) when done. */
const struct directory *gate_directory_ref(struct gate *g);
/** The master key: services seal what they write. */
const struct master_key *gate_master(const struct gate *g);
/** Role assignments and the state of principals. */
const struct grants *gate_grants(const struct gate *g);
/** Key sets of other issuers; NULL: none. */
struct issuer_keys *gate_issuer_keys(const struct gate *g);

/** One loop's part: work states, verified tokens, failure counters. */
struct gate_loop;
struct gate_loop *gate_loop_new(struct gate *g, struct store *store, struct store_reader *reader);
void gate_loop_free(struct gate_loop *gl);
struct gate *gate_of(struct gate_loop *gl);
/** The current directory, borrowed until the next call on this loop; between gate_enter() and
 * gate_leave(), until the latter. A held request keeps its own (req->held_snapshot). */
const struct directory *gate_directory(struct gate_loop *gl);

/** Brackets around one request: what gate_directory() gives inside stays until the outermost pair
 * is left, so that pointers into it may be kept on the way. */
struct gate_pin {
    struct directory *directory, *outer;
};
struct gate_pin gate_enter(struct gate_loop *gl) NODISCARD;
void gate_leave(struct gate_loop *gl, struct gate_pin pin);
/** Inside the brackets: keeps the directory that the request was checked against until
 * gate_release(); for requests that are answered later. */
void gate_hold(struct gate_loop *gl, struct request *req);
/** When the request dies: gives back what gate_hold() kept. Harmless without. */
void gate_release(const struct request *req);

/** The resource that the request's Host means behind its door (design D10), or NULL.
 * `*out_known` is false when the name means nobody, so that the request went astray. */
const struct resource *gate_resource(const struct directory *d, struct request *req,
                                     bool *out_known) NODISCARD;
/** Whether this caller is told why it is refused: development, and loopback or auth.explain_to. */
bool gate_explains(const struct gate_loop *gl, const struct request *req) NODISCARD;
/** What follows "Bearer " in the only Authorization header; RC_NOT_FOUND: another scheme or none;
 * RC_CONFLICT: several headers. */
enum rc gate_bearer(const struct request *req, struct str *out_credential) NODISCARD;
struct hash_work *gate_hash_work(struct gate_loop *gl);

/** Not a refusal: the keys that would decide are being fetched. The caller waits by gate_wait(),
 * then begins again. */
extern const struct api_error GATE_LATER;

/** Checks the request's credential against its row: NULL and req->principal, or the refusal, with
 * req->explain saying which check failed, or GATE_LATER. req->resource is the one its host names,
 * or NULL (then the same work is done on the dummy). Source: wire/authentication §1.3, §5;
 * wire/managed-identity §3.2. */
const struct api_error *gate_identify(struct gate_loop *gl, struct request *req) NODISCARD;

/** A user access token, from wherever it came (header, first frame): fills `out`. The reason for a
 * refusal goes to `out_explain` (arena). Source: wire/authentication §3, §4. */
const struct api_error *gate_check_user_token(struct gate_loop *gl, struct request *req,
                                              struct str token, struct principal *out,
                                              struct str *out_explain) NODISCARD;

/** After GATE_LATER: calls `resume` on this loop when the keys are there, or can't be had. Holds
 * the request. False: too many wait already, or this request has waited often enough. */
bool gate_wait(struct gate_loop *gl, struct request *req, loop_fn resume, void *ctx) NODISCARD;
/** The trusted issuers of now, borrowed until the next call on this loop; NULL: none. */
const struct issuer_set *gate_issuers(struct gate_loop *gl);
/** How many records of trusted issuers can't be read, and are left out; of the first its issuer and
 * the reason, in the arena. Any thread. */
size_t gate_issuers_left_out(struct gate *g, struct arena *arena, struct str *out_why);
/** What a check of a JWS stands on, for handlers that verify assertions. */
struct token_check gate_token_check(struct gate_loop *gl, struct request *req) NODISCARD;
/** Writes the names of the principal's roles at `scope` as an array of strings. */
void gate_write_roles(struct gate_loop *gl, struct request *req, const struct principal *p,
                      struct json_writer *w);
/** What the principal may do at `scope` now. */
void gate_standing(struct gate_loop *gl, const struct uuid *principal, struct str scope,
                   struct standing *out);
/** The scope of a management path: subscription, group or resource, as far as it goes, in the
 * store's spelling. gate/arm_scope.c. */
struct str arm_scope(const struct request *req);

/** A token to be minted. */
struct mint {
    const struct resource *resource;
    struct user_key user;
    uint32_t generation; /* of the user's tokens */
    unsigned scopes;     /* bits of it in the order of `order` */
    const unsigned *order;
    size_t order_count;
    unix_ms now;
    int64_t minutes;
    struct str origin; /* iss */
    struct str region, location;
    enum principal_kind issued_by;
    enum key_slot key; /* issued by an access key: which, claim cgk */
    uint32_t key_generation;
};
/** Appends the token; out_expires is its exp. RC_BUSY: no signing key is active. */
enum rc gate_mint(struct gate_loop *gl, const struct mint *m, struct buf *out,
                  unix_ms *out_expires) NODISCARD;

/** A service token to be minted. Source: wire/managed-identity §1.10. */
struct service_mint {
    const struct application_row *application;
    struct str audience;            /* as asked for */
    struct str origin;              /* of the issuer: must be one of ours */
    bool version_1;                 /* iss and ver of a v1 token */
    bool by_secret;                 /* appidacr 1, else 2 */
    struct str client_capabilities; /* xms_cc: a JSON array of strings, or empty */
    struct str managed_identity;    /* xms_mirid, or empty */
    unix_ms now;
    int64_t seconds;
};
/** When it was issued, to the millisecond (claims cgi and, in seconds, iat), its exp, and its id
 * for the log. */
struct service_minted {
    unix_ms issued, expires;
    char uti[22];
};
/** Appends the token, issued now, or in the millisecond after the application's last revocation if
 * that is later. RC_BUSY: no signing key is active; RC_INVALID: the origin is none of ours. */
enum rc gate_mint_service(struct gate_loop *gl, const struct service_mint *m, struct buf *out,
                          struct service_minted *minted) NODISCARD;

/** May this principal (NULL: nobody) use req->route? NULL, or the refusal with req->explain saying
 * why. gate/policy.c. */
const struct api_error *policy_allows(const struct principal *p, struct request *req,
                                      const struct gate_options *options) NODISCARD;
/** A second action of a request whose row was allowed: the refusal if the principal's roles lack
 * it. Principals that need no role have all. */
const struct api_error *policy_also(struct request *req, enum action action) NODISCARD;

#endif
