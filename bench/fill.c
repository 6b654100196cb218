/* See fill.h. */
#include "fill.h"

#include "base/clock.h"
#include "gate/roles.h"

#include <stdio.h>

#define AT_ONCE    ((size_t)1000) /* changes of one commit */
#define MANY       ((size_t)10000)
#define EACH       ((size_t)10) /* role assignments of one principal, spread */
#define SCOPE_ROOM 128
#define ROLE       STR("Callgate Reader")
#define A_TIME     ((unix_ms)1795446000000)
#define DAY_MS     ((unix_ms)86400000)
#define TEXT       STR("Your code is 123456. It is valid for ten minutes; nobody else will ask for it.")

static enum rc commit(struct store *store, struct change *changes, size_t n)
{
    return n ? store_commit_wait(store, changes, n) : RC_OK;
}

enum rc fill_application(struct store *store, struct str name, struct str document,
                         struct application_row *out)
{
    struct change change = {.kind = CHANGE_APPLICATION_PUT,
                            .u.application = {.client_id = uuid_random(),
                                              .object_id = uuid_random(),
                                              .kind = APPLICATION_APP,
                                              .version = 1,
                                              .created = A_TIME,
                                              .name = name,
                                              .document = document}};

    *out = change.u.application;
    return commit(store, &change, 1);
}

static struct change role_assignment(const struct uuid *principal, struct str role,
                                     struct str scope)
{
    return (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_PUT,
                           .u.role_assignment = {.id = uuid_random(),
                                                 .principal = *principal,
                                                 .role = built_in_role_by_name(role)->id,
                                                 .built_in_role = true,
                                                 .scope = scope,
                                                 .principal_type = STR("ServicePrincipal"),
                                                 .created = A_TIME}};
}

enum rc fill_root_role(struct store *store, const struct uuid *principal, struct str role)
{
    struct change change = role_assignment(principal, role, STR("/"));

    return commit(store, &change, 1);
}

/* The applications that FILL_SPREAD gives roles to. */
static enum rc fill_others(struct store *store, struct uuid *ids, size_t n)
{
    struct change changes[AT_ONCE / 10];
    char names[AT_ONCE / 10][32];
    enum rc rc = RC_OK;

    for (size_t done = 0; !rc && done < n;) {
        size_t k = 0;

        for (; k < ARRAY_LEN(changes) && done + k < n; k++) {
            int len = snprintf(names[k], sizeof names[k], "filled-%zu", done + k);

            ids[done + k] = uuid_random();
            changes[k] = (struct change){.kind = CHANGE_APPLICATION_PUT,
                                         .u.application = {.client_id = uuid_random(),
                                                           .object_id = ids[done + k],
                                                           .kind = APPLICATION_APP,
                                                           .version = 1,
                                                           .created = A_TIME,
                                                           .name = str_of(names[k], (size_t)len),
                                                           .document = STR("{}")}};
        }
        rc = commit(store, changes, k);
        done += k;
    }
    return rc;
}

/* `ids` has an entry for each EACH assignments, or one for all. */
static enum rc fill_assignments(struct store *store, const struct uuid *ids, size_t each, size_t n)
{
    struct change *changes = calloc(AT_ONCE, sizeof *changes);
    char(*scopes)[SCOPE_ROOM] = calloc(AT_ONCE, sizeof *scopes);
    enum rc rc = RC_OK;

    if (!changes || !scopes)
        abort();
    for (size_t done = 0; !rc && done < n;) {
        size_t k = 0;

        for (; k < AT_ONCE && done + k < n; k++) {
            int len = snprintf(scopes[k], sizeof scopes[k],
                               "/subscriptions/00000000-0000-0000-0000-0000000000ff/"
                               "resourcegroups/filled-%zu",
                               done + k);

            changes[k] =
                role_assignment(&ids[(done + k) / each], ROLE, str_of(scopes[k], (size_t)len));
        }
        rc = commit(store, changes, k);
        done += k;
    }
    free(changes);
    free(scopes);
    return rc;
}

enum rc fill_roles(struct store *store, enum fill_shape shape, const struct uuid *principal,
                   size_t n)
{
    size_t others = (n + EACH - 1) / EACH;
    struct uuid *ids;
    enum rc rc;

    if (shape == FILL_ONE || n == 0)
        return fill_assignments(store, principal, n + 1, n);
    ids = calloc(others, sizeof *ids);
    if (!ids)
        abort();
    rc = fill_others(store, ids, others);
    if (!rc)
        rc = fill_assignments(store, ids, EACH, n);
    free(ids);
    return rc;
}

/* ---- text messages ---- */

static struct change message(const struct uuid *resource, unix_ms created)
{
    return (struct change){.kind = CHANGE_SMS_ADD,
                           .u.sms = {.id = uuid_ordered(created),
                                     .resource = *resource,
                                     .state = SMS_DELIVERED,
                                     .created = created,
                                     .finished = created + 500,
                                     .deadline = created + DAY_MS,
                                     .attempts = 1,
                                     .code = 2000,
                                     .segments = 1,
                                     .report = true,
                                     .from = STR("+18005550100"),
                                     .to = STR("+14255550123"),
                                     .text = TEXT,
                                     .tag = STR("filled"),
                                     .transport = STR("inbox")}};
}

enum rc fill_messages(struct store *store, const struct fill_sms *fill)
{
    unix_ms first = clock_wall() - (unix_ms)fill->n;
    struct change *changes = calloc(MANY, sizeof *changes);
    enum rc rc = RC_OK;

    if (!changes)
        abort();
    for (size_t done = 0; !rc && done < fill->n;) {
        size_t k = 0;

        for (; k < MANY && done + k < fill->n; k++) {
            changes[k] = message(&fill->resource, first + (unix_ms)(done + k));
            if ((done + k) % fill->each == 0)
                fill->told(fill->ctx, &changes[k].u.sms);
        }
        rc = commit(store, changes, k);
        done += k;
    }
    free(changes);
    return rc;
}

enum rc fill_repeats(struct store *store, const struct uuid *resource, size_t n)
{
    struct change *changes = calloc(MANY, sizeof *changes);
    unix_ms now = clock_wall();
    enum rc rc = RC_OK;

    if (!changes)
        abort();
    for (size_t done = 0; !rc && done < n;) {
        size_t k = 0;

        for (; k < MANY && done + k < n; k++)
            changes[k] = (struct change){.kind = CHANGE_SMS_REPEAT_ADD,
                                         .u.sms_repeat = {.resource = *resource,
                                                          .id = uuid_random(),
                                                          .message = uuid_ordered(now),
                                                          .created = now,
                                                          .kept_until = now + DAY_MS}};
        rc = commit(store, changes, k);
        done += k;
    }
    free(changes);
    return rc;
}

/* ---- chat ---- */

/** As it stands with all its messages. */
static struct chat_thread_row thread_row(const struct fill_chat *fill, size_t i, unix_ms first)
{
    size_t messages = fill->n / fill->threads + (i < fill->n % fill->threads);

    return (struct chat_thread_row){.key = uuid_ordered(first),
                                    .secret = uuid_random(),
                                    .resource = fill->resource,
                                    .created_by = fill->user,
                                    .created = first,
                                    .seq = (int64_t)messages,
                                    .last_id = messages ? first + (unix_ms)messages : 0,
                                    .members = 2,
                                    .topic = STR("Filled")};
}

static enum rc add_thread(struct store *store, const struct fill_chat *fill,
                          const struct chat_thread_row *row)
{
    struct change c[3] = {{.kind = CHANGE_CHAT_THREAD_PUT, .u.chat_thread = *row}};

    for (size_t i = 1; i < ARRAY_LEN(c); i++)
        c[i] = (struct change){.kind = CHANGE_CHAT_MEMBER_PUT,
                               .u.chat_member = {.thread = row->key,
                                                 .user = i == 1 ? fill->user : uuid_random(),
                                                 .joined = 1,
                                                 .display_name = STR("Somebody")}};
    return commit(store, c, ARRAY_LEN(c));
}

static void add_chat_message(struct change *c, const struct uuid *thread, const struct uuid *sender,
                             unix_ms first, int64_t seq)
{
    unix_ms id = first + (unix_ms)seq;

    c[0] = (struct change){.kind = CHANGE_CHAT_MESSAGE_PUT,
                           .u.chat_message = {.thread = *thread,
                                              .id = id,
                                              .seq = seq,
                                              .first_seq = seq,
                                              .type = CHAT_TEXT,
                                              .sender = *sender,
                                              .version = id,
                                              .sender_name = STR("Somebody"),
                                              .content = TEXT}};
    c[1] = (struct change){.kind = CHANGE_CHAT_LOG_ADD,
                           .u.chat_log = {.thread = *thread,
                                          .kind = CHAT_LOG_MESSAGE_RECEIVED,
                                          .time = id,
                                          .message = id,
                                          .actor = *sender}};
}

enum rc fill_chat(struct store *store, const struct fill_chat *fill)
{
    unix_ms first = clock_wall() - (unix_ms)(fill->n / fill->threads) - 1;
    struct chat_thread_row *rows = calloc(fill->threads, sizeof *rows);
    struct change *c = calloc(2 * MANY, sizeof *c);
    enum rc rc = RC_OK;

    if (!rows || !c)
        abort();
    for (size_t i = 0; !rc && i < fill->threads; i++) {
        rows[i] = thread_row(fill, i, first);
        rc = add_thread(store, fill, &rows[i]);
        fill->told(fill->ctx, &rows[i]);
    }
    for (size_t done = 0; !rc && done < fill->n;) {
        size_t k = 0;

        for (; k < MANY && done < fill->n; k++, done++)
            add_chat_message(&c[2 * k], &rows[done % fill->threads].key, &fill->user, first,
                             (int64_t)(done / fill->threads) + 1);
        rc = commit(store, c, 2 * k);
    }
    free(rows);
    free(c);
    return rc;
}
