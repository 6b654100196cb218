/* The handler of what carriers call. */
#ifndef SERVICES_SMS_CARRIER_CALLBACK_H
#define SERVICES_SMS_CARRIER_CALLBACK_H

struct request;

void carrier_callback(struct request *req);

#endif
