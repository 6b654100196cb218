/* Forms: what fields a body has, and which bodies are refused. */
#include "unit/request_fake.h"

#include "services/form.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct reading {
    struct request_fake fake;
    struct form form;
    struct refusal why;
};

static bool read_body(struct reading *r, struct str body)
{
    memset(r, 0, sizeof *r);
    request_fake_init(&r->fake, NULL);
    r->fake.req.body = body;
    return form_read(&r->fake.req, &r->form, &r->why);
}

static void a_form_has_its_fields(void **state)
{
    static const struct {
        const char *name;
        struct str body;
        size_t n;
        const char *field;
        struct str value; /* ptr NULL: absent */
    } cases[] = {
        {"no body", STR_INIT(""), 0, "a", {NULL, 0}},
        {"one field", STR_INIT("a=b"), 1, "a", STR_INIT("b")},
        {"an empty value is there", STR_INIT("a="), 1, "a", STR_INIT("")},
        {"a name alone is there", STR_INIT("a"), 1, "a", STR_INIT("")},
        {"the last of two", STR_INIT("a=b&c=d"), 2, "c", STR_INIT("d")},
        {"pairs of nothing are skipped", STR_INIT("&&a=b&&c=d&"), 2, "c", STR_INIT("d")},
        {"only ampersands", STR_INIT("&&&"), 0, "", {NULL, 0}},
        {"the first equals sign counts", STR_INIT("a=b=c=="), 1, "a", STR_INIT("b=c==")},
        {"plus is a blank", STR_INIT("scope=a+b"), 1, "scope", STR_INIT("a b")},
        {"an escaped plus is a plus", STR_INIT("secret=a%2Bb%2b"), 1, "secret", STR_INIT("a+b+")},
        {"an escaped ampersand parts nothing", STR_INIT("a=b%26c%3Dd"), 1, "a", STR_INIT("b&c=d")},
        {"escaped once only", STR_INIT("a=%2525"), 1, "a", STR_INIT("%25")},
        {"an escaped name", STR_INIT("client%5Fid=x"), 1, "client_id", STR_INIT("x")},
        {"a raw address", STR_INIT("resource=https://a.example/"), 1, "resource",
         STR_INIT("https://a.example/")},
        {"UTF-8, escaped", STR_INIT("a=%C3%A9"), 1, "a", STR_INIT("\xC3\xA9")},
        {"UTF-8, raw", STR_INIT("a=\xC3\xA9"), 1, "a", STR_INIT("\xC3\xA9")},
        {"UTF-8, half escaped", STR_INIT("a=\xC3%A9"), 1, "a", STR_INIT("\xC3\xA9")},
        {"line ends in a value", STR_INIT("a=%0D%0A"), 1, "a", STR_INIT("\r\n")},
        {"case counts", STR_INIT("A=1&a=2"), 2, "a", STR_INIT("2")},
        {"case counts, absent", STR_INIT("A=1"), 1, "a", {NULL, 0}},
        {"a name that only begins alike", STR_INIT("ab=1"), 1, "a", {NULL, 0}},
        {"a semicolon parts nothing", STR_INIT("a=1;b=2"), 1, "a", STR_INIT("1;b=2")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reading r;
        struct str got;

        if (!read_body(&r, cases[i].body))
            fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(r.why.message));
        got = form_get(&r.form, cases[i].field);
        if (r.form.n != cases[i].n || !got.ptr != !cases[i].value.ptr ||
            !str_eq(got, cases[i].value))
            fail_msg("%s: %zu fields, '" STR_FMT "'", cases[i].name, r.form.n, STR_ARG(got));
        request_fake_clear(&r.fake);
    }
}

static void malformed_forms_are_refused(void **state)
{
    static const struct {
        const char *name;
        struct str body;
        const char *said;
    } cases[] = {
        {"half an escape", STR_INIT("a=%4"), "bad escape"},
        {"a percent sign alone", STR_INIT("a=%"), "bad escape"},
        {"an escape of no digits", STR_INIT("a=%zz"), "bad escape"},
        {"an escape over the end of its pair", STR_INIT("a=%4&1=2"), "bad escape"},
        {"a bad escape in a name", STR_INIT("%g0=1"), "bad escape"},
        {"an escaped NUL", STR_INIT("a=x%00y"), "NUL"},
        {"an escaped NUL in a name", STR_INIT("a%00=x"), "NUL"},
        {"a raw NUL", STR_INIT("a=x\0y"), "NUL"},
        {"a lone continuation", STR_INIT("a=%A9"), "UTF-8"},
        {"a cut character", STR_INIT("a=%C3&b=%A9"), "UTF-8"},
        {"an overlong form", STR_INIT("a=%C0%AF"), "UTF-8"},
        {"a surrogate", STR_INIT("a=%ED%A0%80"), "UTF-8"},
        {"ill-formed in a name", STR_INIT("%FF=1"), "UTF-8"},
        {"no name", STR_INIT("=1"), "without a name"},
        {"neither name nor value", STR_INIT("a=1&="), "without a name"},
        {"the same name twice", STR_INIT("scope=1&x=2&scope=1"), "'scope' twice"},
        {"the same name in two spellings", STR_INIT("scope=1&sco%70e=2"), "'scope' twice"},
        {"with and without a value", STR_INIT("scope&scope=2"), "'scope' twice"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reading r;

        if (read_body(&r, cases[i].body))
            fail_msg("%s: taken", cases[i].name);
        assert_ptr_equal(r.why.error, &API_BAD_REQUEST);
        if (str_find_str(r.why.message, str_from(cases[i].said)) == r.why.message.len)
            fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(r.why.message));
        request_fake_clear(&r.fake);
    }
}

/* `n` fields "fI=" joined by ampersands. */
static struct str many(char *text, size_t size, unsigned n)
{
    size_t len = 0;

    for (unsigned i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, size - len, "%sf%u=", i ? "&" : "", i);
    return str_of(text, len);
}

static void the_number_of_fields_is_limited(void **state)
{
    char text[1024];
    struct reading r;

    (void)state;
    assert_true(read_body(&r, many(text, sizeof text, FORM_FIELDS_MAX)));
    assert_int_equal(r.form.n, FORM_FIELDS_MAX);
    assert_non_null(form_get(&r.form, "f63").ptr);
    request_fake_clear(&r.fake);
    assert_false(read_body(&r, many(text, sizeof text, FORM_FIELDS_MAX + 1)));
    assert_true(str_eq(r.why.message, STR("The form has too many fields.")));
    request_fake_clear(&r.fake);
}

static void a_refusal_repeats_no_value_and_no_long_name(void **state)
{
    char body[] =
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=hush&"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=hush";
    struct reading r;

    (void)state;
    assert_false(read_body(&r, str_from(body)));
    assert_int_equal(str_find_str(r.why.message, STR("hush")), r.why.message.len);
    assert_int_equal(r.why.target.len, 64);
    request_fake_clear(&r.fake);
    assert_false(read_body(&r, STR("client_secret=hush%")));
    assert_int_equal(str_find_str(r.why.message, STR("hush")), r.why.message.len);
    request_fake_clear(&r.fake);
}

/* The connection's buffer is somebody else's as soon as the handler waits. */
static void values_are_in_the_arena(void **state)
{
    char body[] = "a=plain&b=esc%61ped";
    struct reading r;

    (void)state;
    assert_true(read_body(&r, str_from(body)));
    assert_string_equal(body, "a=plain&b=esc%61ped");
    memset(body, 'x', sizeof body - 1);
    assert_true(str_eq(form_get(&r.form, "a"), STR("plain")));
    assert_true(str_eq(form_get(&r.form, "b"), STR("escaped")));
    request_fake_clear(&r.fake);
}

static void the_query_is_no_part_of_it(void **state)
{
    struct reading r;

    (void)state;
    memset(&r, 0, sizeof r);
    request_fake_init(&r.fake, NULL);
    assert_int_equal(
        request_fake_parse(&r.fake, "POST /t?a=1&a=2 HTTP/1.1\r\nHost: localhost\r\n\r\n"), RC_OK);
    assert_true(form_read(&r.fake.req, &r.form, &r.why));
    assert_null(form_get(&r.form, "a").ptr);
    request_fake_clear(&r.fake);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_has_its_fields),
        cmocka_unit_test(malformed_forms_are_refused),
        cmocka_unit_test(the_number_of_fields_is_limited),
        cmocka_unit_test(a_refusal_repeats_no_value_and_no_long_name),
        cmocka_unit_test(values_are_in_the_arena),
        cmocka_unit_test(the_query_is_no_part_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
