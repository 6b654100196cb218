/* Pushes: what happened in a thread, as the official client's realtime channel tells it. The long
 * part is the same for everybody and is rendered once; per connection three short texts differ.
 * Source: wire/trouter §6. */
#ifndef SERVICES_CHAT_TROUTER_PUSH_H
#define SERVICES_CHAT_TROUTER_PUSH_H

#include "gate/principal.h"
#include "services/chat/chat_notice.h"

/** Which push about a notice. */
enum push_form {
    PUSH_EVENT = 0,  /* the one that is named like what happened */
    PUSH_NEW_THREAD, /* PARTICIPANTS_ADDED: to those who came, the thread is new */
    PUSH_FORMS
};

/** Whether `user` gets this push about `n`. */
bool push_goes_to(const struct chat_notice *n, enum push_form form, const struct uuid *user);
/** The part that all get, of each form. */
void push_render_event(const struct chat_notice *n, struct buf *out);
void push_render_new_thread(const struct chat_notice *n, struct buf *out);

/** What differs. Borrowed. */
struct push_to {
    struct str id;         /* decimal, unique in the connection */
    struct str connection; /* the id that was allocated */
    struct str user;       /* raw id */
};
#define PUSH_PIECES 9
/** The packet, in pieces that are borrowed from the arguments and static text. Returns how many. */
size_t push_pieces(const struct chat_notice *n, enum push_form form, struct str rendered,
                   const struct push_to *to, struct str pieces[static PUSH_PIECES]);

#define RAW_ID_LEN ((size_t)79)
/** "8:acs:<resource>_<user>". */
void push_raw_id(const struct user_key *user, char out[static 79]);

#endif
