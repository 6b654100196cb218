/* What is wrong with settings beyond the type of each: forms that a type does not know, and values
 * that do not go together. Judged before anything is opened, since wrong settings don't mend
 * themselves and have an exit code of their own. Nothing is opened or resolved here. */
#include "app/app.h"

#include "crypto/x509.h"
#include "http/outbound.h"
#include "http/url.h"
#include "net/address.h"

static enum rc refuse(struct buf *why, const char *name, struct str text, const char *expected)
{
    buf_addf(why, "%s: '" STR_FMT "' is not %s.", name, STR_ARG(str_head(text, 80)), expected);
    return RC_INVALID;
}

/* ---- forms ---- */

static bool is_address(struct str text)
{
    struct bind_address address;

    return bind_address_parse(text, &address) == RC_OK;
}

static bool is_network(struct str text)
{
    struct cidr cidr;

    return cidr_parse(text, &cidr) == RC_OK;
}

static bool is_authority(struct str text)
{
    struct str host;
    uint16_t port;

    return authority_split(text, &host, &port) == RC_OK && host.len > 0;
}

static bool is_host_or_network(struct str text)
{
    return str_find(text, '/') == text.len || is_network(text);
}

/* A path may go on behind it. */
static bool is_base_url(struct str text)
{
    struct outbound_url url;

    return outbound_url_parse(text, &url) == RC_OK && str_find(url.target, '?') == url.target.len;
}

static bool is_origin(struct str text)
{
    struct outbound_url url;

    return outbound_url_parse(text, &url) == RC_OK &&
           (url.target.len == 0 || str_eq(url.target, STR("/")));
}

static const struct {
    const char *name;
    bool (*fits)(struct str text);
    const char *expected;
    const char *words[2]; /* that may stand there instead */
} forms[] = {
    /* clang-format off */
    {"https", is_address, "an address such as " BIND_ADDRESS_FORMS, {"off"}},
    {"http",  is_address, "an address such as " BIND_ADDRESS_FORMS, {"off", "auto"}},
    {"admin", is_address, "an address such as " BIND_ADDRESS_FORMS, {"off", "auto"}},
    {"imds",  is_address, "an address such as " BIND_ADDRESS_FORMS, {"off"}},
    {"name", cert_name_valid, "a host name or an address", {0}},
    {"domain", cert_name_valid, "a host name", {0}},
    {"explain_to", is_network, "an address or network such as 10.0.0.0/8", {0}},
    {"net.trusted_proxies", is_network, "an address or network such as 10.0.0.0/8", {0}},
    {"net.public_url", is_origin, "scheme and host such as https://acs.example.com", {0}},
    {"auth.public_hosts", is_authority, "a host name such as acs.example.com", {0}},
    {"events.allowed_hosts", is_host_or_network, "a host or a network such as 10.0.0.0/8", {0}},
    {"sms.callback_url", is_base_url, "a URL without a query, such as http://10.0.0.5:8080", {0}},
    /* clang-format on */
};

static bool fits(size_t form, struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(forms[form].words) && forms[form].words[i]; i++) {
        if (str_eq(text, str_from(forms[form].words[i])))
            return true;
    }
    return forms[form].fits(text);
}

static enum rc check_forms(const struct settings *s, struct buf *why)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        const struct setting_value *v = setting(s, forms[i].name);

        if (!v->items && v->text.len > 0 && !fits(i, v->text))
            return refuse(why, forms[i].name, v->text, forms[i].expected);
        for (size_t k = 0; v->items && k < v->count; k++) {
            if (!fits(i, v->items[k]))
                return refuse(why, forms[i].name, v->items[k], forms[i].expected);
        }
    }
    if (setting_text(s, "domain").len == 0)
        return refuse(why, "domain", STR_EMPTY, "a host name");
    return RC_OK;
}

/* ---- what goes together ---- */

static bool is_beyond_loopback(struct str address)
{
    return address.len > 0 && !str_eq(address, STR("off")) && !str_eq(address, STR("auto")) &&
           !str_starts(address, STR("unix:")) && !str_starts(address, STR("localhost:")) &&
           !str_starts(address, STR("127.")) && !str_starts(address, STR("[::1]:"));
}

static enum rc check_production(const struct settings *s, bool certificate, struct buf *why)
{
    struct str http = setting_text(s, "http");

    if (setting(s, "explain_to")->count > 0) {
        buf_add(why, STR("production does not explain refusals to callers: leave explain_to out."));
        return RC_INVALID;
    }
    if (!certificate && !setting_number(s, "tls.local_ca")) {
        buf_add(why, STR("production needs a certificate: give --tls-cert and --tls-key, or choose "
                         "the local authority with --tls-local-ca."));
        return RC_INVALID;
    }
    if (is_beyond_loopback(http) && !setting_number(s, "allow_plain")) {
        buf_addf(why,
                 "production does not listen on plain HTTP beyond loopback (" STR_FMT
                 "): put a TLS proxy in front, or add --allow-plain.",
                 STR_ARG(http));
        return RC_INVALID;
    }
    return RC_OK;
}

enum rc app_settings_check(const struct settings *s, struct buf *why)
{
    bool cert = setting_text(s, "tls.cert").len > 0, key = setting_text(s, "tls.key").len > 0;
    enum rc rc = check_forms(s, why);

    if (rc)
        return rc;
    if (cert != key) {
        buf_add(why, STR("tls.cert and tls.key go together: give both or neither."));
        return RC_INVALID;
    }
    return setting_is(s, "mode", "dev") ? RC_OK : check_production(s, cert, why);
}
