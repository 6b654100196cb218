/* The management API: the part of Azure Resource Manager that its clients need to make resources,
 * managed identities and role assignments. Source: wire/managed-identity §5, §6. */
#ifndef SERVICES_ARM_H
#define SERVICES_ARM_H

#include "services/applications.h"
#include "services/body.h"

extern const struct route arm_routes[];

/* The parameters of a path, in its order. */
#define ARM_SUBSCRIPTION 0
#define ARM_GROUP        1
#define ARM_NAME         2
#define ARM_CHILD        3

/** One JSON answer: grows on the heap, ends in the arena. */
struct arm_answer {
    struct request *req;
    struct buf out;
    struct json_writer w;
};
void arm_answer_begin(struct arm_answer *a, struct request *req);
void arm_answer_end(struct arm_answer *a, int status);
/** Refuses with a message of its own. */
void arm_refuse(struct request *req, const struct api_error *error, struct str message);
/** 400 InvalidRequestContent with a sentence. */
void arm_invalid(struct request *req, struct str message);
/** What a failed store call means here. */
void arm_refuse_rc(struct request *req, enum rc rc);
/** The path's subscription is this server's; else 404 has been answered. */
bool arm_subscription(struct request *req) NODISCARD;
/** 1 to 90 letters, digits, '.', '_', '-', '(' and ')', no dot at the end; else 400 has been
 * answered. */
bool arm_group_valid(struct request *req, struct str group) NODISCARD;
/** The body as an object (owned); false: answered. */
bool arm_body(struct request *req, json_t **out) NODISCARD;
/** A member that is an object, or NULL when it is absent or null; borrowed. False: answered. */
bool arm_object(struct request *req, const json_t *body, const char *name, json_t **out) NODISCARD;
/** A member of `obj` (NULL: it has none) that is a text of at most `max` octets, copied to the
 * arena; absent or null: empty,
 * unless `required`. False: answered. */
struct arm_text_rule {
    const char *name;
    size_t max;
    bool required;
};
bool arm_text(struct request *req, const json_t *obj, const struct arm_text_rule *rule,
              struct str *out) NODISCARD;
/** A member of an object as JSON text in the arena; empty when absent or null. */
struct str arm_raw(struct request *req, const json_t *obj, const char *name);
/** Tags: an object of at most 50 texts, as JSON text in the arena; false: answered. Absent: `out`
 * stays. */
bool arm_tags(struct request *req, const json_t *body, struct str *out) NODISCARD;
/** Writes "tags" when there are some. */
void arm_write_tags(struct json_writer *w, struct str tags);
/** Answers with the empty list of what does not lie in the path's group, or 404 when there is no
 * such group. The request may be held. arm_groups.c */
void arm_group_answer_empty(struct request *req);
/** "/subscriptions/S/resourceGroups/G" in the management API's spelling. */
struct str arm_group_id(struct request *req, struct str group);

/* arm_services.c: Microsoft.Communication/communicationServices */
void arm_operations(struct request *req);
void arm_check_name(struct request *req);
void arm_services_list(struct request *req);
void arm_service_put(struct request *req);
void arm_service_patch(struct request *req);
void arm_service_get(struct request *req);
void arm_service_delete(struct request *req);
void arm_service_link_hub(struct request *req);
void arm_operation_status(struct request *req);
/** The path's resource; else 404 has been answered. */
const struct resource *arm_service(struct request *req) NODISCARD;
/** Its id as the management API spells it. */
struct str arm_service_id(struct request *req, const struct resource *r);
/* arm_keys.c */
void arm_list_keys(struct request *req);
void arm_regenerate_key(struct request *req);

/* arm_roles.c: Microsoft.Authorization */
void arm_assignment_put(struct request *req);
void arm_assignment_get(struct request *req);
void arm_assignment_delete(struct request *req);
void arm_assignments_list(struct request *req);
void arm_definition_get(struct request *req);
void arm_definitions_list(struct request *req);
void arm_definition_put(struct request *req);
void arm_definition_delete(struct request *req);

/* arm_identities.c: Microsoft.ManagedIdentity */
void arm_identity_put(struct request *req);
void arm_identity_get(struct request *req);
void arm_identity_delete(struct request *req);
void arm_identities_list(struct request *req);
void arm_identity_default(struct request *req);
/* arm_federated.c */
void arm_federated_put(struct request *req);
void arm_federated_get(struct request *req);
void arm_federated_delete(struct request *req);
void arm_federated_list(struct request *req);

/* arm_subscriptions.c: the subscription, the tenant, and where clients find what */
void arm_subscriptions_list(struct request *req);
void arm_subscription_get(struct request *req);
void arm_tenants_list(struct request *req);
/** GET /metadata/endpoints: how clients of other clouds find this one. */
void arm_metadata_endpoints(struct request *req);
void arm_provider_get(struct request *req);
/** Resources and identities, for clients that list everything. */
void arm_resources_list(struct request *req);
/** The api-versions of Microsoft.Communication, as values of an open array. arm_routes.c */
void arm_write_versions(struct json_writer *w);
/* arm_groups.c */
void arm_groups_list(struct request *req);
void arm_group_put(struct request *req);
void arm_group_get(struct request *req);
void arm_group_head(struct request *req);
void arm_group_delete(struct request *req);

#endif
