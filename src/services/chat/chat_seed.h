/* Threads of a seed. Reading: chat_seed_read.c; making them: chat_seed.c; writing and taking away:
 * chat_seed_out.c. Source: wire/administration §3. */
#ifndef SERVICES_CHAT_SEED_H
#define SERVICES_CHAT_SEED_H

#include "services/chat/chat_wire.h"
#include "services/seed.h"

struct seeded_message {
    struct uuid sender;
    unix_ms when; /* the request's time unless it was given */
    struct chat_message_row row;
};

struct seeded_thread {
    struct chat_making making; /* first */
    struct chat_turn turn;     /* finds out whether it is there already */
    struct str as;
    struct chat_member_row *members; /* making.n, once it is made */
    struct seeded_message *messages;
    size_t n_messages;
    struct chat_notice *notices; /* one for itself, one for each message: what is told */
};

struct seeded_chat {
    struct chat *chat;
    struct seeded_thread *threads;
    size_t n;
    struct chat_turn turn; /* the last: makes all of them */
};

/** A thread of the document. */
bool seed_thread_read(struct seeding *s, struct str path, json_t *value,
                      struct seeded_thread *out) NODISCARD;

/** As struct seed_part has them. */
void seed_chat_write(struct seed_job *job);
void seed_chat_reset(struct seed_job *job);

#endif
