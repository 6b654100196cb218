/* What carriers call: delivery reports and messages that came in, by HTTP. */
#include "services/sms/sms.h"

const struct route carrier_routes[] = {{0}};
