/* Identity endpoints: where a program on this machine gets the token of a managed identity, in the
 * forms that the official clients know. They answer on doors of their own alone (design D16).
 * Source: wire/managed-identity §2. */
#ifndef SERVICES_ENDPOINT_H
#define SERVICES_ENDPOINT_H

#include "http/route.h"

struct request;

extern const struct service endpoint_service;
extern const struct route endpoint_routes[];

/** GET /metadata/identity/oauth2/token: the instance metadata form, by the header Metadata. */
void endpoint_metadata(struct request *req);
/** GET /msi/token: the App Service forms of 2019 and 2017, by a secret that also says whose. */
void endpoint_app_service(struct request *req);
/** POST /msi/token: the Cloud Shell form, by the header Metadata. */
void endpoint_cloud_shell(struct request *req);

#endif
