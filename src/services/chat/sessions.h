/* The live connections of one loop, whatever protocol they speak: what trouter_…() and realtime_…()
 * have in common. A session is a listener of the hub that stands on a user's token.
 *
 * Everything here is for the loop's own thread unless it says otherwise. Source: design D6, D19. */
#ifndef SERVICES_CHAT_SESSIONS_H
#define SERVICES_CHAT_SESSIONS_H

#include "events/hub.h"
#include "gate/principal.h"
#include "services/chat/chat.h"
#include "services/chat/chat_notice.h"

enum session_protocol { SESSION_TROUTER = 0, SESSION_REALTIME, SESSION_PROTOCOLS };

struct session;

/** Static. What the hub tells, see hub.h; no call comes from within sessions_open() or _close(). */
struct session_ops {
    enum session_protocol protocol;
    void (*ready)(struct session *s, int64_t order);
    void (*deliver)(struct session *s, const struct chat_notice *n);
    /** It is closed already, and may be freed within: says goodbye to its peer. */
    void (*ended)(struct session *s, enum hub_end why);
};

/** Embedded in what a protocol keeps of a connection; zeros but what is said to be set. */
struct session {
    struct hub_listener listener;  /* `group` may be set */
    const struct session_ops *ops; /* set */
    struct sessions *home;
    struct uuid id;                /* set, or zeros: then it gets a random one */
    struct user_standing standing; /* what its token stands on */
    unsigned scopes;
};

/** It lives from here on, with the user and the standing of `p`: `ready` or `ended` comes. RC_BUSY:
 * the user has too many connections, or the server is stopping; RC_CONFLICT: there is one of that
 * id. */
enum rc sessions_open(struct sessions *h, struct session *s, const struct principal *p) NODISCARD;
/** Its connection has gone: nothing is called any more. Not open: nothing happens. */
void sessions_close(struct session *s);
/** A newer token of the same user. RC_DENIED: of another one. */
enum rc sessions_renew(struct session *s, const struct principal *p) NODISCARD;

/** The same text for all sessions of this loop that a notice goes to: `render` makes it once for
 * each form, numbered 0 … SESSION_FORMS - 1. Borrowed until another notice is delivered. */
#define SESSION_FORM_REALTIME 2 /* below: those of enum push_form */
#define SESSION_FORMS         3
struct str sessions_text(struct sessions *h, const struct chat_notice *n, unsigned form,
                         void (*render)(const struct chat_notice *n, struct buf *out));

/** What a protocol keeps on this loop besides its sessions; NULL before it is set. `free_state`
 * runs in sessions_free(), when no session is left. */
void *sessions_state(const struct sessions *h, enum session_protocol protocol);
void sessions_state_set(struct sessions *h, enum session_protocol protocol, void *state,
                        void (*free_state)(void *state));

/** Any thread: those of loop `index` (to post to its loop), how many loops there are, which is this
 * one's, and what it was made with. */
struct sessions *sessions_at(const struct sessions *h, size_t index);
size_t sessions_loops(const struct sessions *h);
size_t sessions_index(const struct sessions *h);
const struct sessions_options *sessions_options(const struct sessions *h);

/** Ends all with HUB_DRAIN; later ones are refused. */
void sessions_drain(struct sessions *h);
bool sessions_draining(const struct sessions *h);

struct sessions_figures {
    uint64_t open[SESSION_PROTOCOLS], opened[SESSION_PROTOCOLS];
    uint64_t refused, denied, expired, slow;
};
/** Any thread: adds to `out`. */
void sessions_figures(const struct sessions *h, struct sessions_figures *out);
/** A reader was closed for being slow. */
void sessions_count_slow(struct sessions *h);

#endif
