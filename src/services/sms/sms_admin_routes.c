/* The table of what administers text messages: wire/sms §8 made code. */
#include "services/sms/sms_admin.h"

static const struct api ANY = {&own_service, 0, 0};

#define ADMIN_OR_KEY  (ACCEPT_ADMIN | ACCEPT_KEY)
#define ADMINISTRATOR NEED_ADMINISTRATOR
#define BODY          (64 * KIB)
#define OPTOUT        "/admin/sms/optouts/{sender}/{recipient}"

/* clang-format off */
const struct route sms_admin_routes[] = {
    /* method path                                versions credentials need            body  handler                     plane        kind */
    {GET,    "/admin/sms/messages",               &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_messages_list,    PLANE_ADMIN, KIND_POLL},
    {DELETE, "/admin/sms/messages",               &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_messages_clear,   PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/sms/messages:wait",          &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_messages_wait,    PLANE_ADMIN, KIND_POLL},
    {GET,    "/admin/sms/messages/{id}",          &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_message_get,      PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/sms/messages/{id}:report",   &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_report,           PLANE_ADMIN, KIND_REPLY},
    {POST,   "/admin/sms/inbound",                &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_inbound,          PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/sms/senders",                &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_senders_list,     PLANE_ADMIN, KIND_POLL},
    {PUT,    "/admin/sms/senders/{id}",           &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_sender_put,       PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/sms/senders/{id}",           &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_sender_get,       PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/sms/senders/{id}",           &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_sender_delete,    PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/sms/optouts",                &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_optouts_list,     PLANE_ADMIN, KIND_POLL},
    {PUT,    OPTOUT,                              &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_optout_put,       PLANE_ADMIN, KIND_REPLY},
    {GET,    OPTOUT,                              &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_optout_get,       PLANE_ADMIN, KIND_REPLY},
    {DELETE, OPTOUT,                              &ANY, ADMIN_OR_KEY, NEED_RESOURCE,   BODY, sms_admin_optout_delete,    PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/sms/transports",             &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, sms_admin_transports_list,  PLANE_ADMIN, KIND_POLL},
    {PUT,    "/admin/sms/transports/{name}",      &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, sms_admin_transport_put,    PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/sms/transports/{name}",      &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, sms_admin_transport_get,    PLANE_ADMIN, KIND_REPLY},
    {DELETE, "/admin/sms/transports/{name}",      &ANY, ACCEPT_ADMIN, ADMINISTRATOR,   BODY, sms_admin_transport_delete, PLANE_ADMIN, KIND_REPLY},
    {GET,    "/admin/sms/transports/{name}:status", &ANY, ACCEPT_ADMIN, ADMINISTRATOR, BODY, sms_admin_transport_status, PLANE_ADMIN, KIND_REPLY},
    {0},
};
/* clang-format on */
