/* Role assignments, text messages and chat by the thousand, put into a store: for the bench. */
#ifndef BENCH_FILL_H
#define BENCH_FILL_H

#include "store/store.h"

/** How the role assignments are given. */
enum fill_shape {
    FILL_SPREAD = 0, /* ten each to as many other applications as that takes */
    FILL_ONE,        /* all to one application, at as many scopes */
};

/** An application called `name`; `document` is its row's. RC_CONFLICT: there is one. */
enum rc fill_application(struct store *store, struct str name, struct str document,
                         struct application_row *out) NODISCARD;
/** One role of `principal` at the root, which counts everywhere. */
enum rc fill_root_role(struct store *store, const struct uuid *principal,
                       struct str role) NODISCARD;
/** `n` role assignments below resource groups that no resource is in; FILL_ONE gives them to
 * `principal`. */
enum rc fill_roles(struct store *store, enum fill_shape shape, const struct uuid *principal,
                   size_t n) NODISCARD;

/** Told of every `each`th message. */
typedef void (*fill_told_fn)(void *ctx, const struct sms_row *row);
struct fill_sms {
    struct uuid resource;
    size_t n, each;
    fill_told_fn told;
    void *ctx;
};
/** Messages that were delivered, one for each millisecond until now. */
enum rc fill_messages(struct store *store, const struct fill_sms *fill) NODISCARD;
/** `n` ids of requests of now that may come again. */
enum rc fill_repeats(struct store *store, const struct uuid *resource, size_t n) NODISCARD;

/** Chat of one user with others: told of every thread. */
struct fill_chat {
    struct uuid resource, user;
    size_t threads, n; /* messages, the threads in turn */
    void (*told)(void *ctx, const struct chat_thread_row *row);
    void *ctx;
};
/** Messages of now, each with its entry of the log. */
enum rc fill_chat(struct store *store, const struct fill_chat *fill) NODISCARD;

#endif
