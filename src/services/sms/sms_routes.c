/* The table of the SMS service: wire/sms §1.1 made code. */
#include "services/sms/sms_wire.h"

/* clang-format off */
static const struct str versions[] = {
    STR_INIT("2020-07-20-preview1"), STR_INIT("2020-08-20-preview"), STR_INIT("2021-03-07"),
    STR_INIT("2022-07-07"), STR_INIT("2024-01-02"), STR_INIT("2024-02-05"),
    STR_INIT("2024-02-05-preview"), STR_INIT("2024-12-10-preview"),
    STR_INIT("2025-05-29-preview"), STR_INIT("2025-08-01-preview"), STR_INIT("2025-09-17"),
    STR_INIT("2026-01-23"),
};
static const struct str mms_versions[] = {
    STR_INIT("2023-06-30-privatepreview"), STR_INIT("2024-01-14-preview"),
};
/* clang-format on */
_Static_assert(ARRAY_LEN(versions) == SMS_LAST, "one text per number");

#define SERVICE_WITH(list)                                                                         \
    {                                                                                              \
        .name = STR_INIT("sms"), .versions = (list), .version_count = ARRAY_LEN(list),             \
        .supported = STR_INIT("2020-07-20-preview1, 2020-08-20-preview, 2021-03-07, 2022-07-07, "  \
                              "2024-01-02, 2024-02-05, 2024-02-05-preview, 2024-12-10-preview, "   \
                              "2025-05-29-preview, 2025-08-01-preview, 2025-09-17, 2026-01-23"),   \
        .unauthorized = &API_DENIED, .forbidden = &API_FORBIDDEN,                                  \
        .challenge = STR_INIT("HMAC-SHA256, Bearer"), .any_case = true, .one_version = true,       \
    }

const struct service sms_service = SERVICE_WITH(versions);
static const struct service mms_service = SERVICE_WITH(mms_versions);

#define SERVICE &sms_service
static const struct api IN_2020 = {SERVICE, SMS_2020_07_20_PREVIEW1, SMS_2020_07_20_PREVIEW1};
static const struct api FROM_2021 = {SERVICE, SMS_2020_08_20_PREVIEW, SMS_LAST};
static const struct api OPTOUTS = {SERVICE, SMS_2024_12_10_PREVIEW, SMS_LAST};
static const struct api REPORTS = {SERVICE, SMS_2025_08_01_PREVIEW, SMS_LAST};
static const struct api MMS = {&mms_service, 1, ARRAY_LEN(mms_versions)};

#define KEY_OR_ENTRA (ACCEPT_KEY | ACCEPT_ENTRA)
#define BODY         (256 * KIB)

/* clang-format off */
const struct route sms_routes[] = {
    /* method path                    versions    credentials   need      body  handler             plane       kind        action */
    {POST, "/sms",                    &IN_2020,   KEY_OR_ENTRA, NEED_SMS, BODY, sms_send_2020,      PLANE_WIRE, KIND_REPLY, ACTION_SMS_WRITE},
    {POST, "/sms",                    &FROM_2021, KEY_OR_ENTRA, NEED_SMS, BODY, sms_send,           PLANE_WIRE, KIND_REPLY, ACTION_SMS_WRITE},
    {POST, "/sms/optouts:add",        &OPTOUTS,   KEY_OR_ENTRA, NEED_SMS, BODY, sms_optouts_add,    PLANE_WIRE, KIND_REPLY, ACTION_SMS_WRITE},
    {POST, "/sms/optouts/:add",       &OPTOUTS,   KEY_OR_ENTRA, NEED_SMS, BODY, sms_optouts_add,    PLANE_WIRE, KIND_REPLY, ACTION_SMS_WRITE},
    {POST, "/sms/optouts:remove",     &OPTOUTS,   KEY_OR_ENTRA, NEED_SMS, BODY, sms_optouts_remove, PLANE_WIRE, KIND_REPLY, ACTION_SMS_WRITE},
    {POST, "/sms/optouts/:remove",    &OPTOUTS,   KEY_OR_ENTRA, NEED_SMS, BODY, sms_optouts_remove, PLANE_WIRE, KIND_REPLY, ACTION_SMS_WRITE},
    {POST, "/sms/optouts:check",      &OPTOUTS,   KEY_OR_ENTRA, NEED_SMS, BODY, sms_optouts_check,  PLANE_WIRE, KIND_REPLY, ACTION_SMS_READ},
    {POST, "/sms/optouts/:check",     &OPTOUTS,   KEY_OR_ENTRA, NEED_SMS, BODY, sms_optouts_check,  PLANE_WIRE, KIND_REPLY, ACTION_SMS_READ},
    {GET,  "/deliveryReports/{id}",   &REPORTS,   KEY_OR_ENTRA, NEED_SMS, BODY, sms_report_get,     PLANE_WIRE, KIND_REPLY, ACTION_SMS_READ},
    {POST, "/mms",                    &MMS,       KEY_OR_ENTRA, NEED_SMS, BODY, sms_mms,            PLANE_WIRE, KIND_REPLY, ACTION_SMS_WRITE},
    {0},
};
/* clang-format on */
