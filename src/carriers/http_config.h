/* What configurations of carriers by HTTP have in common, and how a bad one is told. */
#ifndef CARRIERS_HTTP_CONFIG_H
#define CARRIERS_HTTP_CONFIG_H

#include "base/json.h"

#define HTTP_CONFIG_URL_MAX 2048

struct http_settings {
    int64_t window, timeout_s;
    bool plain_private;
};
#define HTTP_SETTINGS_DEFAULT ((struct http_settings){.window = 10, .timeout_s = 30})
/** Rows of a configuration's field table: `type` has a struct http_settings named `common`. */
#define HTTP_SETTINGS_FIELDS(type)                                                                 \
    {"window", JSON_FIELD_INT, offsetof(type, common.window), 1, 100, false},                      \
        {"timeoutSeconds", JSON_FIELD_INT, offsetof(type, common.timeout_s), 1, 300, false},       \
    {                                                                                              \
        "plainPrivate", JSON_FIELD_BOOL, offsetof(type, common.plain_private), 0, 0, false         \
    }

/** json_fill(), strict; says what is wrong in one sentence. */
enum rc http_config_fill(const json_t *config, const struct json_field *fields, void *into,
                         struct arena *arena, struct buf *why) NODISCARD;
/** "NAME REASON." into `why`; RC_INVALID. */
enum rc http_config_bad(struct buf *why, const char *name, const char *reason);
/** An address that can be asked at all: RC_INVALID with a sentence. */
enum rc http_config_url(struct str url, const char *name, struct buf *why) NODISCARD;
/** A secret member that must be there and not be empty; copied to `arena`. */
enum rc http_config_secret(const json_t *secrets, const char *name, struct arena *arena,
                           struct str *out, struct buf *why) NODISCARD;
/** Printable ASCII, so that it may stand in a header. */
bool http_config_is_plain(struct str text) NODISCARD;

#endif
