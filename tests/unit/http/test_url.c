/* Request targets: one split, one decode, and what must not get through. */
#include "tests/unit/base/unit.h"

#include "http/url.h"

/* The segments joined by '|', for comparison. */
static struct str joined(struct arena *arena, const struct url *url)
{
    struct str all = STR("");

    for (size_t i = 0; i < url->n; i++)
        all = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(all), i ? "|" : "",
                           STR_ARG(url->segments[i]));
    return all;
}

static void splits_and_decodes_once(void **state)
{
    static const struct {
        const char *name;
        struct str target, segments;
    } cases[] = {
        {"root", STR_INIT("/"), STR_INIT("")},
        {"two segments", STR_INIT("/a/b"), STR_INIT("a|b")},
        {"query apart", STR_INIT("/a/b?c=/d"), STR_INIT("a|b")},
        {"slash at the end", STR_INIT("/a/"), STR_INIT("a")},
        {"two slashes at the end", STR_INIT("/a//"), STR_INIT("a|")},
        {"leading slashes collapse", STR_INIT("//access/entra"), STR_INIT("access|entra")},
        {"only slashes", STR_INIT("///"), STR_INIT("")},
        {"inner empty segments stay", STR_INIT("/a//b"), STR_INIT("a||b")},
        {"dot segments stay", STR_INIT("/a/../b/./c"), STR_INIT("a|..|b|.|c")},
        {"escaped dots are dots", STR_INIT("/a/%2e%2E"), STR_INIT("a|..")},
        {"escaped colon", STR_INIT("/identities/8%3Aacs%3Ax"), STR_INIT("identities|8:acs:x")},
        {"decoded once", STR_INIT("/a%252Fb"), STR_INIT("a%2Fb")},
        {"utf-8", STR_INIT("/gr%C3%BC%C3%9Fe"), STR_INIT("gr\xC3\xBC\xC3\x9F\x65")},
        {"plus is a plus", STR_INIT("/a+b"), STR_INIT("a+b")},
        {"escaped question mark", STR_INIT("/a%3Fb?c"), STR_INIT("a?b")},
        {"sixteen segments", STR_INIT("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/"),
         STR_INIT("a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p")},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url url;

        check(cases[i].name, url_split(cases[i].target, &arena, &url) == RC_OK);
        check_str(cases[i].name, joined(&arena, &url), cases[i].segments);
        check_str(cases[i].name, url.path,
                  str_head(cases[i].target, str_find(cases[i].target, '?')));
    }
    arena_clear(&arena);
}

static void the_query_is_kept_raw(void **state)
{
    struct arena arena;
    struct url url;

    (void)state;
    arena_init(&arena);
    assert_int_equal(url_split(STR("/a?b=%2F%zz&c"), &arena, &url), RC_OK);
    check_str("raw", url.query, STR("b=%2F%zz&c"));
    assert_int_equal(url_split(STR("/a?"), &arena, &url), RC_OK);
    assert_non_null(url.query.ptr);
    assert_int_equal(url.query.len, 0);
    assert_int_equal(url_split(STR("/a"), &arena, &url), RC_OK);
    assert_null(url.query.ptr);
    arena_clear(&arena);
}

static void an_escaped_slash_stays_in_its_segment_and_is_told(void **state)
{
    struct arena arena;
    struct url url;

    (void)state;
    arena_init(&arena);
    assert_int_equal(url_split(STR("/a%2Fb/c%2f"), &arena, &url), RC_OK);
    assert_true(url.inner_slash);
    assert_int_equal(url.n, 2);
    check_str("first", url.segments[0], STR("a/b"));
    check_str("second", url.segments[1], STR("c/"));
    assert_int_equal(url_split(STR("/a%252Fb?c=%2F"), &arena, &url), RC_OK);
    assert_false(url.inner_slash);
    arena_clear(&arena);
}

static void refuses_targets_that_could_mean_two_things(void **state)
{
    static const struct {
        const char *name;
        struct str target;
        enum rc rc;
    } cases[] = {
        {"empty", STR_INIT(""), RC_INVALID},
        {"asterisk form", STR_INIT("*"), RC_INVALID},
        {"absolute form", STR_INIT("http://a/b"), RC_INVALID},
        {"escaped NUL", STR_INIT("/a%00"), RC_INVALID},
        {"escaped CR", STR_INIT("/a%0Db"), RC_INVALID},
        {"escaped unit separator", STR_INIT("/a%1F"), RC_INVALID},
        {"escaped delete", STR_INIT("/a%7F"), RC_INVALID},
        {"half an escape", STR_INIT("/a%2"), RC_INVALID},
        {"a lone percent sign", STR_INIT("/a%"), RC_INVALID},
        {"escape over a slash", STR_INIT("/a%2/b"), RC_INVALID},
        {"not hexadecimal", STR_INIT("/a%g0"), RC_INVALID},
        {"raw octet 0x80", STR_INIT("/a\x80"), RC_INVALID},
        {"raw octet 0xff in the query", STR_INIT("/a?\xff"), RC_INVALID},
        {"raw delete", STR_INIT("/a\x7f"), RC_INVALID},
        {"raw NUL", STR_INIT("/a\0b"), RC_INVALID},
        {"raw blank", STR_INIT("/a b"), RC_INVALID},
        {"raw LF", STR_INIT("/a\nb"), RC_INVALID},
        {"less than", STR_INIT("/a<b"), RC_INVALID},
        {"greater than in the query", STR_INIT("/a?b>c"), RC_INVALID},
        {"fragment", STR_INIT("/a#b"), RC_INVALID},
        {"seventeen segments", STR_INIT("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q"), RC_TOO_LARGE},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url url;

        check(cases[i].name, url_split(cases[i].target, &arena, &url) == cases[i].rc);
    }
    arena_clear(&arena);
}

static void finds_the_first_parameter_decoded(void **state)
{
    static const struct {
        const char *name;
        struct str query;
        enum rc rc;
        struct str value;
    } cases[] = {
        {"plain", STR_INIT("a=1&v=2022-10-01&v=x"), RC_OK, STR_INIT("2022-10-01")},
        {"decoded", STR_INIT("v=a%2Fb+c%2B"), RC_OK, STR_INIT("a/b c+")},
        {"without equals sign", STR_INIT("a&v"), RC_OK, STR_INIT("")},
        {"empty", STR_INIT("v=&v=1"), RC_OK, STR_INIT("")},
        {"second equals sign", STR_INIT("v=a=b"), RC_OK, STR_INIT("a=b")},
        {"escaped name", STR_INIT("%76=1"), RC_OK, STR_INIT("1")},
        {"longer name", STR_INIT("vv=1&=v"), RC_NOT_FOUND, STR_INIT("")},
        {"no query", STR_INIT(""), RC_NOT_FOUND, STR_INIT("")},
        {"ampersands only", STR_INIT("&&&"), RC_NOT_FOUND, STR_INIT("")},
        {"bad escape", STR_INIT("v=%2"), RC_INVALID, STR_INIT("")},
        {"bad escape elsewhere", STR_INIT("a=%2&%zz=1&v=1"), RC_OK, STR_INIT("1")},
        {"case counts", STR_INIT("V=1"), RC_NOT_FOUND, STR_INIT("")},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str value = STR_EMPTY;

        check(cases[i].name, url_query(cases[i].query, STR("v"), &arena, &value) == cases[i].rc);
        check_str(cases[i].name, value, cases[i].value);
        check(cases[i].name, cases[i].rc || value.ptr);
    }
    assert_int_equal(url_query(STR_EMPTY, STR("v"), &arena, &(struct str){0}), RC_NOT_FOUND);
    arena_clear(&arena);
}

static void a_parameter_given_twice_is_seen(void **state)
{
    static const struct {
        const char *name;
        struct str query;
        bool twice;
    } cases[] = {
        {"none", STR_INIT(""), false},
        {"one", STR_INIT("v=1"), false},
        {"one among others", STR_INIT("a=1&v=1&b=1"), false},
        {"the same twice", STR_INIT("v=1&v=1"), true},
        {"apart", STR_INIT("v=1&a&v=2"), true},
        {"without a value", STR_INIT("v&v"), true},
        {"one escaped", STR_INIT("v=1&%76=2"), true},
        {"another case is another name", STR_INIT("v=1&V=2"), false},
        {"longer names", STR_INIT("v=1&vv=2&v2=3"), false},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(cases[i].name, url_query_repeats(cases[i].query, STR("v"), &arena) == cases[i].twice);
    arena_clear(&arena);
}

/* Expectations: what URLSearchParams of a browser makes of the same text. */
static void writes_queries_as_forms(void **state)
{
    static const struct {
        struct str query, form;
    } cases[] = {
        {STR_INIT("api-version=2024-04-15&note=a%20b:c~*"),
         STR_INIT("api-version=2024-04-15&note=a+b%3Ac%7E*")},
        {STR_INIT("a=1,2/3$"), STR_INIT("a=1%2C2%2F3%24")},
        {STR_INIT("a"), STR_INIT("a=")},
        {STR_INIT("a=&b=&a=2"), STR_INIT("a=&b=&a=2")},
        {STR_INIT("&a&&b&"), STR_INIT("a=&b=")},
        {STR_INIT("=x"), STR_INIT("=x")},
        {STR_INIT("="), STR_INIT("=")},
        {STR_INIT("a=b=c"), STR_INIT("a=b%3Dc")},
        {STR_INIT("a+b=c+d"), STR_INIT("a+b=c+d")},
        {STR_INIT("a=%2b%20"), STR_INIT("a=%2B+")},
        {STR_INIT("a=%zz%2"), STR_INIT("a=%25zz%252")},
        {STR_INIT("a=%c3%bc"), STR_INIT("a=%C3%BC")},
        {STR_INIT("a=%f0%9f%91%8b!"), STR_INIT("a=%F0%9F%91%8B%21")},
        {STR_INIT("a=%ff"), STR_INIT("a=%EF%BF%BD")},
        {STR_INIT("a=%e2%82"), STR_INIT("a=%EF%BF%BD")},
        {STR_INIT("a=%e2%82x"), STR_INIT("a=%EF%BF%BDx")},
        {STR_INIT("a=%f0%9f%91x"), STR_INIT("a=%EF%BF%BDx")},
        {STR_INIT("a=%ed%a0%80"), STR_INIT("a=%EF%BF%BD%EF%BF%BD%EF%BF%BD")},
        {STR_INIT("a=%00%41-._"), STR_INIT("a=%00A-._")},
        {STR_INIT("?a=1"), STR_INIT("%3Fa=1")},
        {STR_INIT(""), STR_INIT("")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;

        buf_init(&out, KIB);
        url_query_as_form(cases[i].query, &out);
        check_str(cases[i].query.ptr, buf_str(&out), cases[i].form);
        buf_clear(&out);
    }
}

static void encodes_a_segment(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, KIB);
    url_encode_segment(STR("8:acs:A-z_0.~/ \xC3\xBC%"), &out);
    check_str("segment", buf_str(&out), STR("8%3Aacs%3AA-z_0.~%2F%20%C3%BC%25"));
    buf_clear(&out);
}

static void takes_authorities_apart(void **state)
{
    static const struct {
        struct str text;
        enum rc rc;
        struct str host;
        uint16_t port;
    } cases[] = {
        {STR_INIT("localhost"), RC_OK, STR_INIT("localhost"), 0},
        {STR_INIT("LocalHost:8443"), RC_OK, STR_INIT("LocalHost"), 8443},
        {STR_INIT("my_res-1.acs.example.com:1"), RC_OK, STR_INIT("my_res-1.acs.example.com"), 1},
        {STR_INIT("127.0.0.1:65535"), RC_OK, STR_INIT("127.0.0.1"), 65535},
        {STR_INIT("[::1]"), RC_OK, STR_INIT("::1"), 0},
        {STR_INIT("[2001:db8::7]:80"), RC_OK, STR_INIT("2001:db8::7"), 80},
        {STR_INIT(""), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT(":80"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("a:"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("a:0"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("a:65536"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("a:8 0"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("a:80:80"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("::1"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("[::1"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("[]"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("[a]"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("[127.0.0.1]"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("[::1]x"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("user@a"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("a/b"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("a,b"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("a\r\nb"), RC_INVALID, STR_INIT(""), 0},
        {STR_INIT("a%62"), RC_INVALID, STR_INIT(""), 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str host = STR_EMPTY;
        uint16_t port = 0;

        check(cases[i].text.ptr, authority_split(cases[i].text, &host, &port) == cases[i].rc);
        check_str(cases[i].text.ptr, host, cases[i].host);
        assert_int_equal(port, cases[i].port);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_and_decodes_once),
        cmocka_unit_test(a_parameter_given_twice_is_seen),
        cmocka_unit_test(the_query_is_kept_raw),
        cmocka_unit_test(an_escaped_slash_stays_in_its_segment_and_is_told),
        cmocka_unit_test(refuses_targets_that_could_mean_two_things),
        cmocka_unit_test(finds_the_first_parameter_decoded),
        cmocka_unit_test(writes_queries_as_forms),
        cmocka_unit_test(encodes_a_segment),
        cmocka_unit_test(takes_authorities_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
