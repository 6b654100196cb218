/* The table of what administers text messages: wire/sms §8 made code. */
#include "services/sms/sms.h"

const struct route sms_admin_routes[] = {{0}};
