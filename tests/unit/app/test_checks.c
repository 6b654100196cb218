/* What is wrong with settings beyond the type of each. */
#include "app/app.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FLAGS_MAX 4

/* clang-format off */
static const struct {
    const char *name;
    const char *flags[FLAGS_MAX];
    const char *says; /* NULL: it passes */
} cases[] = {
    {"the defaults pass", {0}, NULL},
    {"a listener may be off", {"--https=off", "--http=off", "--admin=off", "--imds=off"}, NULL},
    {"plain and administration may be auto", {"--http=auto", "--admin=auto"}, NULL},
    {"an address needs a port", {"--https=localhost"}, "https: 'localhost'"},
    {"there is no automatic TLS listener", {"--https=auto"}, "https: 'auto'"},
    {"a port has a limit", {"--admin=localhost:65536"}, "admin: "},
    {"a name is not a host name", {"--name=good", "--name=bad!"}, "name: 'bad!'"},
    {"a name may be an address", {"--name=10.0.0.5"}, NULL},
    {"a name may have an underscore, as containers have", {"--name=my_service"}, NULL},
    {"resources need a domain", {"--domain="}, "domain: ''"},
    {"a domain has no empty label", {"--domain=a..b"}, "domain: 'a..b'"},
    {"a proxy is no network", {"--net-trusted-proxies=10.0.0.0/8,abc"}, "net.trusted_proxies: 'abc'"},
    {"whom to explain to is no network", {"--explain-to=10.0.0.0/33"}, "explain_to: '10.0.0.0/33'"},
    {"a public URL needs a scheme", {"--net-public-url=acs.example.com"}, "net.public_url: "},
    {"a public URL has no path", {"--net-public-url=https://acs.example.com/a"}, "net.public_url: "},
    {"a public URL may end in a slash", {"--net-public-url=https://acs.example.com/"}, NULL},
    {"a public host is no host", {"--auth-public-hosts=://"}, "auth.public_hosts: "},
    {"a public host may have a port", {"--auth-public-hosts=acs.example.com:8443"}, NULL},
    {"hosts of webhooks may be networks", {"--events-allowed-hosts=hook,10.0.0.0/8"}, NULL},
    {"a network of webhooks is none", {"--events-allowed-hosts=10.0.0.0/99"}, "events.allowed_hosts: "},
    {"a callback address needs a scheme", {"--sms-callback-url=10.0.0.5:8080"}, "sms.callback_url: "},
    {"a callback address has no query", {"--sms-callback-url=https://sms.example.com/a?b"}, "sms.callback_url: "},
    {"a callback address may have a path", {"--sms-callback-url=https://sms.example.com/a/"}, NULL},
    {"a certificate without its key", {"--tls-cert=chain.pem"}, "go together"},
    {"a key without its certificate", {"--tls-key=key.pem"}, "go together"},
    {"production without a certificate", {"--mode=production"}, "--tls-local-ca"},
    {"production with its choice", {"--mode=production", "--tls-local-ca"}, NULL},
    {"production explains nothing",
     {"--mode=production", "--tls-local-ca", "--explain-to=10.0.0.0/8"}, "explain_to"},
    {"production has no plain listener for others",
     {"--mode=production", "--tls-local-ca", "--http=0.0.0.0:80"}, "--allow-plain"},
    {"production with a plain listener for others, by choice",
     {"--mode=production", "--tls-local-ca", "--http=0.0.0.0:80", "--allow-plain"}, NULL},
    {"production with a plain listener for itself",
     {"--mode=production", "--tls-local-ca", "--http=[::1]:8080"}, NULL},
};
/* clang-format on */

static void judges_settings_as_a_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *argv[FLAGS_MAX];
        int argc = 0;
        struct settings s;
        struct buf why;
        enum rc rc;

        while (argc < FLAGS_MAX && cases[i].flags[argc]) {
            argv[argc] = (char *)(uintptr_t)cases[i].flags[argc];
            argc++;
        }
        buf_init(&why, 4 * KIB);
        settings_init(&s);
        assert_int_equal(settings_read_flags(&s, argc, argv, &why), RC_OK);
        rc = app_settings_check(&s, &why);
        if (rc != (cases[i].says ? RC_INVALID : RC_OK) ||
            (cases[i].says && !strstr(buf_cstr(&why), cases[i].says)))
            fail_msg("%s: %s", cases[i].name, why.len ? buf_cstr(&why) : "it passed");
        settings_clear(&s);
        buf_clear(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(judges_settings_as_a_whole)};

    return cmocka_run_group_tests_name("checks", tests, NULL, NULL);
}
