/* What the management API keeps of a resource beyond its row: one JSON object in it. */
#ifndef SERVICES_ARM_KEPT_H
#define SERVICES_ARM_KEPT_H

#include "services/resources/arm.h"

#define ARM_IDENTITIES_MAX 32 /* user-assigned identities of one resource */

/* The members of the row's object; JSON texts, empty when absent. */
struct arm_kept {
    struct str tags, linked_domains, hub;
    struct str network; /* publicNetworkAccess */
    bool system;        /* identity: SystemAssigned */
    struct str identities[ARM_IDENTITIES_MAX];
    size_t identities_count; /* identity: UserAssigned, ARM ids */
};

/** From the row's text; zeros where it can't be read. Texts in the request's arena. */
void arm_kept_read(struct request *req, struct str text, struct arm_kept *out);
/** The text for the row, in the request's arena. RC_TOO_LARGE. */
enum rc arm_kept_write(struct request *req, const struct arm_kept *k, struct str *out) NODISCARD;
/** A member whose value is JSON text, or text, unless it is empty. */
void arm_member_raw(struct json_writer *w, const char *name, struct str value);
void arm_member_text(struct json_writer *w, const char *name, struct str value);

/** The path's resource in the path's group, or NULL. arm_service_show.c. */
const struct resource *arm_service_find(struct request *req);
void arm_answer_service(struct request *req, int status, const struct resource *r);

#define ARM_SERVICE_TYPE "Microsoft.Communication/CommunicationServices"

#endif
