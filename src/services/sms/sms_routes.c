/* The table of the SMS service: wire/sms §1.1 made code. */
#include "services/sms/sms.h"

const struct route sms_routes[] = {{0}};
