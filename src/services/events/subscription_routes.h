/* Event subscriptions: who is told what happened. Our own routes, and the address by which an
 * endpoint's owner consents. Source: wire/events. */
#ifndef SERVICES_EVENTS_SUBSCRIPTION_ROUTES_H
#define SERVICES_EVENTS_SUBSCRIPTION_ROUTES_H

#include "http/route.h"

extern const struct route subscription_routes[];

#endif
