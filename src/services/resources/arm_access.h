/* What the handlers of roles, managed identities and groups share among themselves: filters of
 * lists, and scopes. Source: wire/managed-identity §6. */
#ifndef SERVICES_ARM_ACCESS_H
#define SERVICES_ARM_ACCESS_H

#include "services/resources/arm.h"

#define ARM_FILTER_TERMS ((size_t)4)

/** One part of a $filter: name eq 'value', name('value') or name(). */
struct arm_term {
    struct str name, value; /* value in the arena, quotes undone; ptr NULL: name() */
    bool call;
    bool taken;
};
/** All parts, joined by "and". */
struct arm_filter {
    struct arm_term terms[ARM_FILTER_TERMS];
    size_t n;
};
/** Reads the query's $filter; absent or blank: no terms. False: 400 has been answered. */
bool arm_filter_read(struct request *req, struct arm_filter *out) NODISCARD;
/** Takes the first term of that name (any case) and form that is left; NULL: there is none. */
const struct arm_term *arm_filter_take(struct arm_filter *f, const char *name, bool call) NODISCARD;
/** Every term has been taken; else 400 has been answered: to skip one would give more than was
 * asked for. */
bool arm_filter_done(struct request *req, const struct arm_filter *f) NODISCARD;

/** The last segment of the path, decoded. */
struct str arm_last_segment(const struct request *req) NODISCARD;
/** "/subscriptions/S/providers/Microsoft.Authorization/roleDefinitions/ID", in the arena. */
struct str arm_definition_id(struct request *req, const struct uuid *id) NODISCARD;
/** The scope whose roles the path speaks of, in the store's spelling; false: answered (another
 * subscription, no name of a group, or longer than scopes are). */
bool arm_role_scope(struct request *req, struct str *out) NODISCARD;
/** The user-assigned identity of the path; false: 404 or what went wrong has been answered. */
bool arm_identity_find(struct request *req, struct application_row *out) NODISCARD;
/** True for the ARM id of a user-assigned identity; a resource's own has the resource's. */
bool arm_id_is_identity(struct str arm_id) NODISCARD;
/** The group in an ARM id or scope, in its spelling; empty when it names none. */
struct str arm_id_group(struct str id) NODISCARD;
/** The id of a user-assigned identity as answers write it. */
struct str arm_identity_id(struct request *req, const struct application_row *row) NODISCARD;
/** A name of letters, digits, '-' and '_', `min` to 128 of them, that begins with a letter or a
 * digit. */
bool arm_child_name_valid(struct str name, size_t min) NODISCARD;
/** `location` without blanks and in lower case, in the arena: "West Europe" is "westeurope".
 * Absent
 * or null: empty. False: answered. */
bool arm_location(struct request *req, const json_t *body, struct str *out) NODISCARD;
/** In lower case, in the arena. */
struct str arm_lowered(struct request *req, struct str text) NODISCARD;

#endif
