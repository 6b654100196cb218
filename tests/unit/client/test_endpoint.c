/* Endpoints and connection strings. */
#include "client/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    const char *name, *text, *endpoint, *authority; /* endpoint NULL: refused */
    bool loopback;
} endpoints[] = {
    {"a plain host", "https://name.example", "https://name.example", "name.example", false},
    {"a slash at the end", "https://name.example/", "https://name.example", "name.example", false},
    {"a port", "https://localhost:8443/", "https://localhost:8443", "localhost:8443", true},
    {"upper case is lowered", "HTTPS://Name.Example:8443", "https://name.example:8443",
     "name.example:8443", false},
    {"the default port goes", "https://h:443/", "https://h", "h", false},
    {"the other scheme's default stays", "https://h:80", "https://h:80", "h:80", false},
    {"plain HTTP", "http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080", true},
    {"an IPv6 address", "https://[::1]:8443/", "https://[::1]:8443", "[::1]:8443", true},
    {"a name below localhost", "https://blue.localhost:1", "https://blue.localhost:1",
     "blue.localhost:1", true},
    {"a name that only ends alike", "https://notlocalhost", "https://notlocalhost", "notlocalhost",
     false},
    {"no scheme", "name.example", NULL, NULL, false},
    {"another scheme", "ftp://name.example", NULL, NULL, false},
    {"a path", "https://name.example/a", NULL, NULL, false},
    {"two slashes", "https://name.example//", NULL, NULL, false},
    {"a query", "https://name.example?a", NULL, NULL, false},
    {"a login", "https://me@name.example", NULL, NULL, false},
    {"no host", "https://", NULL, NULL, false},
    {"port 0", "https://h:0", NULL, NULL, false},
    {"an empty port", "https://h:", NULL, NULL, false},
    {"a port too large", "https://h:65536", NULL, NULL, false},
    {"an open bracket", "https://[::1", NULL, NULL, false},
    {"a line break", "https://h\r\nX: y", NULL, NULL, false},
};

static void reads_endpoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        struct endpoint e = {.tls = false};
        const char *why = NULL;
        enum rc rc = endpoint_parse(str_from(endpoints[i].text), &e, &why);

        print_message("%s\n", endpoints[i].name);
        if (!endpoints[i].endpoint) {
            assert_int_equal(rc, RC_INVALID);
            assert_non_null(why);
            continue;
        }
        assert_int_equal(rc, RC_OK);
        assert_string_equal(e.text, endpoints[i].endpoint);
        assert_string_equal(e.authority, endpoints[i].authority);
        assert_int_equal(e.loopback, endpoints[i].loopback);
    }
}

static const struct {
    const char *name, *text, *endpoint, *key; /* endpoint NULL: refused */
} strings[] = {
    {"the usual form", "endpoint=https://h/;accesskey=QUJD", "https://h/", "QUJD"},
    {"padding in the key", "endpoint=https://h/;accesskey=QUI=", "https://h/", "QUI="},
    {"names in any case", "EndPoint=https://h/;AccessKey=QUJD", "https://h/", "QUJD"},
    {"a semicolon at the end", "endpoint=https://h/;accesskey=QUJD;", "https://h/", "QUJD"},
    {"no slash", "endpoint=https://h;accesskey=QUJD", "https://h", "QUJD"},
    {"further members", "endpoint=https://h;x=1;accesskey=QUJD", "https://h", "QUJD"},
    {"blanks around members", " endpoint = https://h ; accesskey = QUJD ", "https://h", "QUJD"},
    {"the key first", "accesskey=QUJD;endpoint=https://h/", NULL, NULL},
    {"no key", "endpoint=https://h/", NULL, NULL},
    {"an empty key", "endpoint=https://h/;accesskey=", NULL, NULL},
    {"an empty endpoint", "endpoint=;accesskey=QUJD", NULL, NULL},
    {"two endpoints", "endpoint=https://h;endpoint=https://i;accesskey=QUJD", NULL, NULL},
    {"two keys", "endpoint=https://h;accesskey=QUJD;accesskey=QUJD", NULL, NULL},
    {"no names", "https://h;QUJD", NULL, NULL},
    {"nothing", "", NULL, NULL},
};

static void splits_connection_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        struct str endpoint = STR_EMPTY, key = STR_EMPTY;
        const char *why = NULL;
        enum rc rc = connection_string_split(str_from(strings[i].text), &endpoint, &key, &why);

        print_message("%s\n", strings[i].name);
        if (!strings[i].endpoint) {
            assert_int_equal(rc, RC_INVALID);
            assert_null(strstr(why, "QUJD"));
            continue;
        }
        assert_int_equal(rc, RC_OK);
        assert_true(str_eq(endpoint, str_from(strings[i].endpoint)));
        assert_true(str_eq(key, str_from(strings[i].key)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_endpoints),
        cmocka_unit_test(splits_connection_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
