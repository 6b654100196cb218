/* A resource in the management API: how it is shown and what a request changes of it. Shared by the
 * files of communicationServices. Source: wire/managed-identity §5.3. */
#ifndef SERVICES_ARM_SERVICE_H
#define SERVICES_ARM_SERVICE_H

#include "services/resource_rows.h"
#include "services/resources/arm.h"

#define ARM_SERVICE_TYPE STR("Microsoft.Communication/CommunicationServices")
/* What a name must look like: Azure's pattern, and a DNS label. */
#define ARM_NAME_RULE                                                                              \
    STR("The name of a resource is 1 to 63 letters, digits and hyphens, with no hyphen at an "     \
        "end.")

/** Writes the resource as one object. */
void arm_write_service(struct arm_answer *a, const struct resource *r);
void arm_answer_service(struct request *req, int status, const struct resource *r);
/** The row's properties. Owned: json_decref(). */
json_t *service_properties(const struct resource *r);

/** A row on its way to the store. */
struct service_edit {
    struct changes changes; /* first */
    struct request *req;
    const struct resource *old; /* NULL: a new one */
    struct resource_row row;
    json_t *props; /* owned by whoever runs the edit */
    bool merge;    /* PATCH: what is absent stays */
    bool system;   /* it has a system-assigned identity, afterwards */
};
/** Each takes its part of the body into `row`, `props` and `system`; false: answered. An identity
 * that is absent stays, for PUT too. */
bool service_edit_tags(struct service_edit *e, const json_t *body) NODISCARD;
bool service_edit_identity(struct service_edit *e, const json_t *body) NODISCARD;
bool service_edit_properties(struct service_edit *e, const json_t *body) NODISCARD;

#endif
