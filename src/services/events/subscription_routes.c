/* The table of event subscriptions. */
#include "services/events/subscription_routes.h"

const struct route subscription_routes[] = {{0}};
