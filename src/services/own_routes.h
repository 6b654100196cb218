/* What our own routes have in common, whichever service they belong to: no api-version, errors in
 * the wire's shape. Source: wire/administration §1. */
#ifndef SERVICES_OWN_ROUTES_H
#define SERVICES_OWN_ROUTES_H

#include "http/route.h"

extern const struct service own_service;

#endif
