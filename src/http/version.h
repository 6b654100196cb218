/* api-version texts become small ordered numbers, once. */
#ifndef HTTP_VERSION_H
#define HTTP_VERSION_H

#include "http/api_error.h"

/** How refusals look. ACS: {"error":{"code","message","target"?,"details"?}}; OAUTH (RFC 6749
 * §5.2):
 * {"error":code,"error_description":message}; CHAT: as ACS, or with req->errors_live
 * {"CommunicationError":{"Code","Message","Target"?,"Details"}}. */
enum error_shape { ERROR_SHAPE_ACS = 0, ERROR_SHAPE_OAUTH, ERROR_SHAPE_CHAT };

/** One service of the wire: its versions in order, and how it refuses. Static tables. */
struct service {
    struct str name;            /* "identity" */
    const struct str *versions; /* oldest first; number = index + 1 */
    uint8_t version_count;      /* 0: unversioned */
    struct str supported;       /* "a, b, c": the header api-supported-versions */
    const struct api_error *unauthorized, *forbidden;
    struct str challenge; /* WWW-Authenticate on 401 of rows that take a key; others say Bearer */
    enum error_shape error_shape;
    bool any_case;    /* literal text of paths, and versions, match without regard to ASCII case */
    bool exposes_all; /* web pages may read every header of its answers, not only the usual ones */
    bool inner_slash; /* an escaped slash may stand inside a segment; elsewhere the request is
                       * refused as malformed before anything looks at it */
    bool one_version; /* an api-version that is given twice is malformed; others take the first */
    bool version_first; /* a version that is not served is said before a principal is refused */
    /* 400 without an api-version, and with one that is malformed or not served (the message lists
     * those that are); NULL: the identity service's */
    const struct api_error *version_missing, *version_invalid;
};

/** The versions in which a route exists: numbers from..to inclusive. */
struct api {
    const struct service *service;
    uint8_t from, to;
};

/** The number of `text` in the service, or 0. */
uint8_t version_find(const struct service *service, struct str text) NODISCARD;
/** True for yyyy-mm-dd with an optional -suffix: tells malformed from unsupported. */
bool version_well_formed(struct str text) NODISCARD;

#endif
