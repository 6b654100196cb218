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
#define HISTORY                                                                                    \
    STR("[{\"timestamp\":\"2026-11-29T12:00:00.000Z\",\"segmentsSucceeded\":1,"                    \
        "\"segmentsFailed\":0}]")

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
                                     .transport = STR("inbox"),
                                     .history = HISTORY}};
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
