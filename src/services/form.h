/* Bodies of requests, as forms. */
#ifndef SERVICES_FORM_H
#define SERVICES_FORM_H

#include "services/answer.h"

#define FORM_FIELDS_MAX 64

struct form {
    struct form_field {
        struct str name, value; /* in the request's arena, which is wiped: values may be secrets */
    } fields[FORM_FIELDS_MAX];
    size_t n;
};

/** Reads the body as application/x-www-form-urlencoded: '+' is a blank, %XX an octet, pairs of
 * nothing are skipped, no body is an empty form. The query is not part of it. False with `why`: a
 * bad escape, a NUL, ill-formed UTF-8, a field without a name, the same name twice, or more than
 * FORM_FIELDS_MAX fields; `why` never repeats a value. Sources: WHATWG URL §5.1, RFC 6749 §3.2. */
bool form_read(struct request *req, struct form *out, struct refusal *why) NODISCARD;
/** The value of a field; ptr NULL when there is none of that name. Names match by the letter. */
struct str form_get(const struct form *form, const char *name) NODISCARD;

#endif
