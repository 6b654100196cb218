/* Seeds: a document says what a server shall begin with. Each service reads, writes and takes away
 * its own part of it; the administration (admin/admin_seed.c) joins them to one commit, one
 * document, one reset. Source: wire/administration §3. */
#ifndef SERVICES_SEED_H
#define SERVICES_SEED_H

#include "base/json.h"
#include "base/map.h"
#include "services/answer.h"
#include "services/site.h"
#include "store/change_list.h"

#define SEED_OCTETS_MAX (8 * MIB)
#define SEED_ITEMS_MAX  20000 /* users, senders, opt-outs, threads, participants and messages */
#define SEED_PARTS_MAX  4

/** A document on its way in: one request, one change set. */
struct seeding {
    struct request *req;
    struct change_list changes;
    struct refusal why; /* by those who returned false */
    struct map users;   /* that the document makes, by alias and by guid: struct user_row * */
    size_t items;
    void *states[SEED_PARTS_MAX]; /* of the parts, by their order */
    struct change_set set;
};

/** What is kept of a resource on its way out, or away; one part after another. */
struct seed_job {
    struct request *req;
    struct uuid resource;
    struct arena scratch; /* the pool's, or the writer's, while a step of the job is there */
    struct buf out;
    struct json_writer w;
    uint64_t removed; /* by the part that is at work */
    size_t items;     /* that were written, of all parts */
    enum rc rc;
    struct change_list changes;
    struct change_set set;
    void *state; /* the part's own, NULL at its begin */
    /* the administration's */
    bool wanted[SEED_PARTS_MAX];
    size_t at;
    void (*next)(struct seed_job *job);
};

/** One service's part. Functions run on the request's loop unless said otherwise. */
struct seed_part {
    struct str name;      /* member of the document, "chat" */
    struct str stands_on; /* the part before it whose reset takes it along; empty: none */
    /** Judges `value`, which stands at `path`, and adds changes. Nothing of `value` is kept. False:
     * s->why says what is wrong. */
    bool (*read)(struct seeding *s, struct str path, json_t *value, void **out_state);
    /** Writer thread, once it is durable; may be NULL. */
    void (*durable)(void *state);
    /** Writes what was made as one value: the ids above all. */
    void (*answer)(const struct seeding *s, const void *state, struct json_writer *w);
    /** Writes the part as one value to job->w, then seed_job_done(). RC_TOO_LARGE: too much. */
    void (*write)(struct seed_job *job);
    /** Takes everything of the part away, counts in job->removed, then seed_job_done(). */
    void (*reset)(struct seed_job *job);
};
/** All of them, ended by NULL, in the order in which a document is read: app/wiring.c. */
typedef const struct seed_part *const *seed_parts;

/* ---- reading: all false with s->why ---- */

/** 400 at `path`. */
bool seed_refuse(struct seeding *s, struct str path, struct str message);
/** 409 at `path`. */
bool seed_conflict(struct seeding *s, struct str path, struct str message);
/** Counts one more item against what a document may have. */
bool seed_count(struct seeding *s, struct str path) NODISCARD;
/** `value` is an object of no other members than these. */
bool seed_members(struct seeding *s, struct str path, json_t *value, const struct str *names,
                  size_t n) NODISCARD;
/** The list member `name` of `obj`; *out NULL when it is absent. */
bool seed_list(struct seeding *s, struct str path, const json_t *obj, const char *name,
               json_t **out) NODISCARD;
/** Copies a text member of 1 to 256 characters; absent leaves *out as it is. */
bool seed_text(struct seeding *s, struct str path, const json_t *obj, const char *name,
               struct str *out) NODISCARD;
/** A time member, not after the request; absent leaves *out as it is. */
bool seed_time(struct seeding *s, struct str path, const json_t *obj, const char *name,
               unix_ms *in_out) NODISCARD;
/** The user that a member names: an alias or a guid of the document, or a living user of the
 * resource by guid or id. Required. */
bool seed_user(struct seeding *s, struct str path, const json_t *obj, const char *name,
               struct uuid *out) NODISCARD;
/** "path.name", and "path[i]". */
struct str seed_member(struct seeding *s, struct str path, const char *name) NODISCARD;
struct str seed_item(struct seeding *s, struct str path, size_t i) NODISCARD;

/* ---- jobs ---- */

/** Counts what is about to be written, as seed_count() does what is read. RC_TOO_LARGE: too much.
 */
enum rc seed_job_count(struct seed_job *job, size_t n) NODISCARD;
/** The part has done its work, or failed. */
void seed_job_done(struct seed_job *job, enum rc rc);
/** Commits job->changes in one set; `then` is called with the outcome in job->rc, the changes are
 * there still. */
void seed_job_commit(struct seed_job *job, void (*then)(struct seed_job *job));
/** Runs `work` on the pool, then `then` on the loop; the arena is empty before. */
void seed_job_look(struct seed_job *job, store_work_fn work, loop_fn then);

#endif
