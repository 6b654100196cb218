/* A server of issuer_fixture.h with a subscription, and principals who may do more or less there by
 * tokens for the management API. */
#ifndef TESTS_UNIT_SERVICES_ARM_SCENE_H
#define TESTS_UNIT_SERVICES_ARM_SCENE_H

#include "issuer_fixture.h"

/** The group of the resource "shop"; the resources "default" and "other" are in
 * RESOURCE_GROUP_DEFAULT.
 */
#define SHOP_GROUP "Shop"

enum arm_caller {
    OWNER,    /* Owner at "/" */
    READER,   /* Reader in the subscription */
    GROUPED,  /* Owner in the group Shop */
    STRANGER, /* a principal without a role */
    DATA,     /* Owner at "/", but with a token for the data plane */
    UNSIGNED, /* no credential at all */
    ARM_CALLERS
};

struct arm_scene {
    struct issuer_world w;
    struct fixture *fx; /* &w.fx */
    char sub[UUID_TEXT_LEN + 1];
    struct uuid subscription;
    char principals[ARM_CALLERS][UUID_TEXT_LEN + 1]; /* object ids */
    struct str tokens[ARM_CALLERS];
};

void scene_open(struct arm_scene *s);
void scene_close(struct arm_scene *s);
/** One call. In `target`, "{S}" stands for /subscriptions/ID, "{A}", "{M}" and "{C}" for
 * /providers/Microsoft.Authorization, .ManagedIdentity and .Communication; an api-version of the
 * provider is added unless there is one. In `body`, "{S}" too, "{P}" and "{R}" for the object ids
 * of STRANGER and READER, and "'" for '"'. Returns the status. */
int arm(struct arm_scene *s, enum arm_caller who, const char *method, const char *target,
        const char *body);
/** Fails unless the last answer has this status and, if `code` is given, this code. `what` is told.
 */
void check_arm(const struct arm_scene *s, const char *what, int status, const char *code);
/** Items of the last answer's "value". */
size_t listed(const struct arm_scene *s);

/** What is refused: one sentence, the call by OWNER and its answer. */
struct arm_refusal {
    const char *sentence, *method, *target, *body;
    int status;
    const char *code;
};
void check_refusals(struct arm_scene *s, const struct arm_refusal *cases, size_t n);

#endif
