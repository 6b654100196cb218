/* Trusted issuers: their rows' documents, the forms of Entra ID, audiences and rules. */
#include "unit/gate/fixture.h"

#include "gate/issuer_url.h"
#include "gate/issuers.h"

#define OIDC  "https://keys.example.org/realms/a"
#define TID   "72f988bf-86f1-41af-91ab-2d7cd011db47"
#define V2    "https://login.microsoftonline.com/" TID "/v2.0"
#define V1    "https://sts.windows.net/" TID "/"
#define OID_1 "11111111-2222-4333-8444-555555555555"
#define OID_2 "11111111-2222-4333-8444-666666666666"
#define RULE  "\"rules\":[{\"subject\":\"s\",\"principal\":\"" OID_1 "\"}]"
#define AUD   "\"audiences\":[\"api://a\"]"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

static enum rc read_document(const char *issuer, struct str document, struct trusted_issuer *out,
                             struct str *why)
{
    struct issuer_row row = {.id = {{7}}, .issuer = str_from(issuer), .document = document};

    *why = STR_EMPTY;
    return trusted_issuer_read(&row, &arena, out, why);
}

static struct trusted_issuer document(const char *issuer, const char *text)
{
    struct trusted_issuer t;
    struct str why;

    if (read_document(issuer, str_from(text), &t, &why))
        fail_msg("%s: " STR_FMT, text, STR_ARG(why));
    return t;
}

/* ---- URLs ---- */

static void tells_which_texts_may_name_an_issuer(void **state)
{
    static const struct {
        const char *name, *text;
        bool valid, valid_plain;
    } cases[] = {
        {"a host", "https://a.example", true, true},
        {"a path", "https://a.example/b/c", true, true},
        {"a slash at the end", "https://a.example/", true, true},
        {"a port", "https://a.example:8443/x", true, true},
        {"an IPv6 address", "https://[2001:db8::1]:8443/x", true, true},
        {"plain http", "http://a.example", false, false},
        {"plain http to localhost", "http://localhost:8080/realms/a", false, true},
        {"plain http to 127.0.0.2", "http://127.0.0.2", false, true},
        {"plain http to ::1", "http://[::1]:8080", false, true},
        {"plain http to a name that starts with localhost", "http://localhost.example", false,
         false},
        {"plain http to a private address", "http://10.0.0.1", false, false},
        {"a scheme in capitals", "HTTPS://a.example", false, false},
        {"another scheme", "ftp://a.example", false, false},
        {"no scheme", "a.example", false, false},
        {"nothing", "", false, false},
        {"no host", "https:///a", false, false},
        {"no host, a port", "https://:443", false, false},
        {"a user", "https://u@a.example", false, false},
        {"a user and a password", "https://u:p@a.example", false, false},
        {"a query", "https://a.example/?x", false, false},
        {"a query behind the host", "https://a.example?x", false, false},
        {"a fragment", "https://a.example/#x", false, false},
        {"a backslash", "https://a.example\\@b.example", false, false},
        {"a blank", "https://a.example/a b", false, false},
        {"a line end", "https://a.example/\n", false, false},
        {"not ASCII", "https://a.example/\xC3\xA9", false, false},
        {"a port of 0", "https://a.example:0", false, false},
        {"a port of 65536", "https://a.example:65536", false, false},
        {"a bracket left open", "https://[::1", false, false},
    };
    char longest[ISSUER_URL_MAX + 2];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (issuer_url_valid(str_from(cases[i].text), false) != cases[i].valid ||
            issuer_url_valid(str_from(cases[i].text), true) != cases[i].valid_plain)
            fail_msg("%s", cases[i].name);
    }
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "https://", 8);
    assert_true(issuer_url_valid(str_of(longest, ISSUER_URL_MAX), false));
    assert_false(issuer_url_valid(str_of(longest, ISSUER_URL_MAX + 1), false));
}

static void tells_addresses_from_names(void **state)
{
    static const struct {
        const char *url;
        bool address, loopback;
    } cases[] = {
        {"https://127.0.0.1", true, true},        {"https://[::1]", true, true},
        {"https://2130706433", true, false},      {"https://0x7f000001/", true, false},
        {"https://127.1", true, false},           {"https://a.0X7F", true, false},
        {"https://169.254.169.254", true, false}, {"https://1.2.3.4.", true, false},
        {"https://a.example", false, false},      {"https://1.example", false, false},
        {"https://localhost", false, true},       {"https://LOCALHOST:1", false, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct web_url url;

        assert_int_equal(web_url_read(str_from(cases[i].url), &url), RC_OK);
        if (url.address != cases[i].address || web_url_is_loopback(&url) != cases[i].loopback)
            fail_msg("%s", cases[i].url);
    }
}

static void knows_both_forms_of_a_tenant(void **state)
{
    static const struct {
        const char *name, *issuer;
        enum rc rc;
        const char *v2, *v1;
    } cases[] = {
        {"v2", V2, RC_OK, V2, V1},
        {"v1", V1, RC_OK, V2, V1},
        {"the tenant in capitals", "https://sts.windows.net/72F988BF-86F1-41AF-91AB-2D7CD011DB47/",
         RC_OK, V2, V1},
        {"the American cloud", "https://login.microsoftonline.us/" TID "/v2.0", RC_OK,
         "https://login.microsoftonline.us/" TID "/v2.0", V1},
        {"the Chinese cloud, v2", "https://login.partner.microsoftonline.cn/" TID "/v2.0", RC_OK,
         "https://login.partner.microsoftonline.cn/" TID "/v2.0",
         "https://sts.chinacloudapi.cn/" TID "/"},
        {"the Chinese cloud, v1", "https://sts.chinacloudapi.cn/" TID "/", RC_OK,
         "https://login.partner.microsoftonline.cn/" TID "/v2.0",
         "https://sts.chinacloudapi.cn/" TID "/"},
        {"common", "https://login.microsoftonline.com/common/v2.0", RC_INVALID, NULL, NULL},
        {"organizations", "https://login.microsoftonline.com/organizations/v2.0", RC_INVALID, NULL,
         NULL},
        {"the template", "https://login.microsoftonline.com/{tenantid}/v2.0", RC_NOT_FOUND, NULL,
         NULL},
        {"no path", "https://login.microsoftonline.com", RC_INVALID, NULL, NULL},
        {"v2 without its end", "https://login.microsoftonline.com/" TID, RC_INVALID, NULL, NULL},
        {"v2 and a slash", V2 "/", RC_INVALID, NULL, NULL},
        {"v1 without its slash", "https://sts.windows.net/" TID, RC_INVALID, NULL, NULL},
        {"a port", "https://sts.windows.net:443/" TID "/", RC_INVALID, NULL, NULL},
        {"plain http", "http://sts.windows.net/" TID "/", RC_INVALID, NULL, NULL},
        {"another spelling of the host", "https://STS.windows.net/" TID "/", RC_INVALID, NULL,
         NULL},
        {"a dot behind the host", "https://sts.windows.net./" TID "/", RC_INVALID, NULL, NULL},
        {"a host that ends alike", "https://evil-sts.windows.net.example/" TID "/", RC_NOT_FOUND,
         NULL, NULL},
        {"a host below", "https://a.sts.windows.net/" TID "/", RC_NOT_FOUND, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct entra_forms forms;

        if (entra_forms_read(str_from(cases[i].issuer), &arena, &forms) != cases[i].rc)
            fail_msg("%s", cases[i].name);
        if (cases[i].rc)
            continue;
        assert_true(name_eq(forms.v2, str_from(cases[i].v2)));
        assert_true(name_eq(forms.v1, str_from(cases[i].v1)));
        assert_true(name_eq(forms.tenant, STR(TID)));
    }
}

/* ---- documents ---- */

static void refuses_documents_and_says_why(void **state)
{
    static const struct {
        const char *name, *issuer, *text, *why;
    } cases[] = {
        {"no JSON", OIDC, "{", "ends too early"},
        {"a list", OIDC, "[]", "must be an object"},
        {"a member twice", OIDC, "{" AUD "," AUD "," RULE "}", "twice"},
        {"an unknown member", OIDC, "{" AUD "," RULE ",\"x\":1}", "x is unknown"},
        {"no audience", OIDC, "{" RULE "}", "audiences must name"},
        {"an empty list of audiences", OIDC, "{\"audiences\":[]," RULE "}", "audiences"},
        {"an empty audience", OIDC, "{\"audiences\":[\"\"]," RULE "}", "audiences"},
        {"an audience that is no text", OIDC, "{\"audiences\":[1]," RULE "}", "audiences"},
        {"17 audiences", OIDC,
         "{\"audiences\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
         "\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]," RULE "}",
         "audiences"},
        {"no rules", OIDC, "{" AUD "}", "rules must say"},
        {"an empty list of rules", OIDC, "{" AUD ",\"rules\":[]}", "rules must say"},
        {"rules that are no list", OIDC, "{" AUD ",\"rules\":{}}", "rules must be"},
        {"a rule that is no object", OIDC, "{" AUD ",\"rules\":[1]}", "rules must be"},
        {"a rule for whom it may concern", OIDC,
         "{" AUD ",\"rules\":[{\"principal\":\"" OID_1 "\"}]}", "subject or a claim"},
        {"a rule with no claims in it", OIDC,
         "{" AUD ",\"rules\":[{\"claims\":{},\"principal\":\"" OID_1 "\"}]}", "subject or a claim"},
        {"a rule with an empty subject", OIDC,
         "{" AUD ",\"rules\":[{\"subject\":\"\",\"principal\":\"" OID_1 "\"}]}", "subject"},
        {"a rule without principal", OIDC, "{" AUD ",\"rules\":[{\"subject\":\"s\"}]}",
         "principal is required"},
        {"a principal that is no id", OIDC,
         "{" AUD ",\"rules\":[{\"subject\":\"s\",\"principal\":\""
         "11111111-2222-4333-8444-55555555555g\"}]}",
         "principal must be"},
        {"an unknown member in a rule", OIDC,
         "{" AUD ",\"rules\":[{\"subject\":\"s\",\"principal\":\"" OID_1 "\",\"or\":1}]}",
         "or is unknown"},
        {"a subject with a control character", OIDC,
         "{" AUD ",\"rules\":[{\"subject\":\"s\\u0000\",\"principal\":\"" OID_1 "\"}]}", "subject"},
        {"claims that are a list", OIDC,
         "{" AUD ",\"rules\":[{\"claims\":[],\"principal\":\"" OID_1 "\"}]}", "claims must be"},
        {"a claim that is a number", OIDC,
         "{" AUD ",\"rules\":[{\"claims\":{\"a\":1},\"principal\":\"" OID_1 "\"}]}",
         "claims must be"},
        {"a claim that is empty", OIDC,
         "{" AUD ",\"rules\":[{\"claims\":{\"a\":\"\"},\"principal\":\"" OID_1 "\"}]}",
         "claims must be"},
        {"a claim without a name", OIDC,
         "{" AUD ",\"rules\":[{\"claims\":{\"\":\"a\"},\"principal\":\"" OID_1 "\"}]}",
         "claims have"},
        {"nine claims", OIDC,
         "{" AUD ",\"rules\":[{\"claims\":{\"a\":\"1\",\"b\":\"1\",\"c\":\"1\",\"d\":\"1\",\"e\":"
         "\"1\",\"f\":\"1\",\"g\":\"1\",\"h\":\"1\",\"i\":\"1\"},\"principal\":\"" OID_1 "\"}]}",
         "too many"},
        {"an algorithm with a shared secret", OIDC, "{" AUD "," RULE ",\"algorithms\":[\"HS256\"]}",
         "algorithms are"},
        {"no algorithm", OIDC, "{" AUD "," RULE ",\"algorithms\":[\"none\"]}", "algorithms are"},
        {"an algorithm of no contract", OIDC, "{" AUD "," RULE ",\"algorithms\":[\"RS512\"]}",
         "algorithms are"},
        {"an empty list of algorithms", OIDC, "{" AUD "," RULE ",\"algorithms\":[]}", "algorithms"},
        {"the wrong kind", OIDC, "{\"kind\":\"entra\"," AUD "," RULE "}", "kind"},
        {"no kind there is", OIDC, "{\"kind\":\"saml\"," AUD "," RULE "}", "kind"},
        {"a tenant", OIDC, "{\"tenant\":\"" TID "\"," AUD "," RULE "}", "tenant"},
        {"tokens of people", OIDC, "{\"userTokens\":true," AUD "," RULE "}", "userTokens"},
        {"two places", OIDC,
         "{\"jwksUrl\":\"https://a.example/k\",\"discovery\":\"https://a.example/d\"," AUD "," RULE
         "}",
         "only one"},
        {"a file and a token to ask with", OIDC,
         "{\"jwksFile\":\"/k\",\"tokenFile\":\"/t\"," AUD "," RULE "}", "jwksFile"},
        {"a relative path", OIDC, "{\"jwksFile\":\"k.json\"," AUD "," RULE "}", "full path"},
        {"a path with a NUL", OIDC, "{\"jwksFile\":\"/k\\u0000\"," AUD "," RULE "}", "full path"},
        {"plain http", OIDC, "{\"jwksUrl\":\"http://a.example/k\"," AUD "," RULE "}", "https URL"},
        {"a file as URL", OIDC, "{\"jwksUrl\":\"file:///etc/passwd\"," AUD "," RULE "}",
         "https URL"},
        {"an issuer that is no URL", "accounts", "{" AUD "," RULE "}", "the issuer must be"},
        {"an issuer with a query", OIDC "?x=1", "{" AUD "," RULE "}", "the issuer must be"},
        {"every tenant of Entra ID", "https://login.microsoftonline.com/common/v2.0", "{}",
         "one tenant"},
        {"Entra ID as any other", V2, "{\"kind\":\"oidc\"," AUD "," RULE "}", "kind"},
        {"Entra ID with rules", V2, "{" RULE "}", "rules are not"},
        {"Entra ID with another tenant", V2, "{\"tenant\":\"" OID_1 "\"}", "tenant"},
        {"Entra ID with another algorithm", V2, "{\"algorithms\":[\"ES256\"]}", "RS256 alone"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trusted_issuer t;
        struct str why;

        if (read_document(cases[i].issuer, str_from(cases[i].text), &t, &why) != RC_INVALID)
            fail_msg("%s: taken", cases[i].name);
        if (str_find_str(why, str_from(cases[i].why)) == why.len)
            fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(why));
    }
}

static void counts_rules(void **state)
{
    struct trusted_issuer t;
    struct str why;

    (void)state;
    for (size_t n = ISSUER_RULES_MAX; n <= ISSUER_RULES_MAX + 1; n++) {
        struct buf text;

        buf_init(&text, 64 * KIB);
        buf_add(&text, STR("{" AUD ",\"rules\":["));
        for (size_t i = 0; i < n; i++)
            buf_addf(&text, "%s{\"subject\":\"s%zu\",\"principal\":\"" OID_1 "\"}", i ? "," : "",
                     i);
        buf_add(&text, STR("]}"));
        assert_int_equal(read_document(OIDC, buf_str(&text), &t, &why),
                         n > ISSUER_RULES_MAX ? RC_INVALID : RC_OK);
        buf_clear(&text);
    }
    assert_true(str_starts(why, STR("rules are too many")));
}

static void fills_in_what_a_document_leaves_out(void **state)
{
    struct trusted_issuer t = document(OIDC, "{" AUD "," RULE "}");

    (void)state;
    assert_int_equal(t.kind, ISSUER_OIDC);
    assert_int_equal(t.id.octets[0], 7);
    assert_true(name_eq(t.issuer, STR(OIDC)) && name_eq(t.where.issuer, STR(OIDC)));
    assert_int_equal(t.issuer_2.len + t.tenant.len, 0);
    assert_int_equal(t.algs, 1U << JWS_RS256 | 1U << JWS_ES256);
    assert_int_equal(t.audiences_count, 1);
    assert_int_equal(t.rules_count, 1);
    assert_false(t.where.private_ok || t.where.entra || t.user_tokens);
    assert_null(t.keys);

    t = document(V1, "{}");
    assert_int_equal(t.kind, ISSUER_ENTRA);
    assert_true(name_eq(t.issuer, STR(V2)) && name_eq(t.issuer_2, STR(V1)));
    assert_true(name_eq(t.tenant, STR(TID)) && name_eq(t.where.tenant, STR(TID)));
    assert_int_equal(t.algs, 1U << JWS_RS256);
    assert_int_equal(t.audiences_count, 3);
    assert_int_equal(t.rules_count, 0);
    assert_true(t.where.entra);
}

static void writes_what_it_has_read(void **state)
{
    static const struct {
        const char *issuer, *text, *written;
    } cases[] = {
        {OIDC, "{" AUD "," RULE "}",
         "{\"kind\":\"oidc\",\"audiences\":[\"api://a\"],\"algorithms\":[\"ES256\",\"RS256\"]," RULE
         "}"},
        {OIDC,
         "{\"rules\":[{\"principal\":\"" OID_2 "\",\"claims\":{\"a.b\":\"\\\"c\",\"d\":\"e\"}},"
         "{\"principal\":\"" OID_1 "\",\"subject\":\"s\",\"claims\":null}],"
         "\"algorithms\":[\"EdDSA\"],\"audiences\":[\"x\",\"y\"],\"allowPrivate\":true,"
         "\"caFile\":\"/ca\",\"tokenFile\":\"/t\",\"discovery\":\"https://a.example/d?x\"}",
         "{\"kind\":\"oidc\",\"discovery\":\"https://a.example/d?x\",\"caFile\":\"/ca\","
         "\"tokenFile\":\"/t\",\"allowPrivate\":true,\"audiences\":[\"x\",\"y\"],"
         "\"algorithms\":[\"EdDSA\"],\"rules\":[{\"claims\":{\"a.b\":\"\\\"c\",\"d\":\"e\"},"
         "\"principal\":\"" OID_2 "\"},{\"subject\":\"s\",\"principal\":\"" OID_1 "\"}]}"},
        {OIDC, "{\"jwksUrl\":\"https://10.0.0.1/k\"," AUD "," RULE "}",
         "{\"kind\":\"oidc\",\"jwksUrl\":\"https://10.0.0.1/k\",\"audiences\":[\"api://a\"],"
         "\"algorithms\":[\"ES256\",\"RS256\"]," RULE "}"},
        {"http://localhost:8080", "{\"jwksFile\":\"/k\"," AUD "," RULE "}",
         "{\"kind\":\"oidc\",\"jwksFile\":\"/k\",\"audiences\":[\"api://a\"],"
         "\"algorithms\":[\"ES256\",\"RS256\"]," RULE "}"},
        {V2, "{\"userTokens\":true,\"audiences\":[\"b\"]}",
         "{\"kind\":\"entra\",\"tenant\":\"" TID "\",\"userTokens\":true,\"audiences\":[\"b\"],"
         "\"algorithms\":[\"RS256\"]}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trusted_issuer t = document(cases[i].issuer, cases[i].text);
        struct str written = trusted_issuer_write(&t, &arena), again;

        if (!name_eq(written, str_from(cases[i].written)))
            fail_msg("%s\n" STR_FMT, cases[i].written, STR_ARG(written));
        t = document(cases[i].issuer, written.ptr);
        again = trusted_issuer_write(&t, &arena);
        assert_true(name_eq(again, written));
    }
}

/* ---- tokens ---- */

static const struct claim *payload(const char *text)
{
    const struct claim *value = NULL;

    assert_int_equal(claims_read(str_from(text), &arena, &value), CLAIMS_FINE);
    return value;
}

static void compares_audiences_whole(void **state)
{
    static const struct {
        const char *name, *issuer, *aud;
        bool ok;
    } cases[] = {
        {"the one it has", OIDC, "\"api://a\"", true},
        {"a list with it", OIDC, "[\"b\",\"api://a\"]", true},
        {"a slash more", OIDC, "\"api://a/\"", false},
        {"other case", OIDC, "\"API://a\"", false},
        {"a list of others", OIDC, "[\"b\"]", false},
        {"an empty list", OIDC, "[]", false},
        {"a list with a number", OIDC, "[\"api://a\",1]", false},
        {"a list in a list", OIDC, "[[\"api://a\"]]", false},
        {"a number", OIDC, "1", false},
        {"null", OIDC, "null", false},
        {"an object", OIDC, "{\"api://a\":1}", false},
        {"the service", V2, "\"https://communication.azure.com\"", true},
        {"the service, with a slash", V2, "\"https://communication.azure.com/\"", true},
        {"the service, with two", V2, "\"https://communication.azure.com//\"", false},
        {"its application", V2, "\"1fd5118e-2576-4263-8130-9503064c837a\"", true},
        {"its name for people's tokens", V2, "\"https://auth.msft.communication.azure.com\"",
         false},
        {"management", V2, "\"https://management.azure.com/\"", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool oidc = cases[i].issuer[8] == 'k';
        struct trusted_issuer t = document(cases[i].issuer, oidc ? "{" AUD "," RULE "}" : "{}");
        const struct claim *aud = payload(cases[i].aud);

        if (trusted_issuer_audience(&t, aud) != cases[i].ok)
            fail_msg("%s", cases[i].name);
    }
}

static void takes_64_audiences_and_no_more(void **state)
{
    struct trusted_issuer t = document(OIDC, "{" AUD "," RULE "}");
    char others[4 * TOKEN_AUDIENCES_MAX] = "";

    (void)state;
    assert_false(trusted_issuer_audience(&t, NULL));
    for (size_t i = 1; i < TOKEN_AUDIENCES_MAX; i++)
        memcpy(others + 4 * (i - 1), "\"x\",", 5);
    assert_true(
        trusted_issuer_audience(&t, payload(arena_printf(&arena, "[%s\"api://a\"]", others).ptr)));
    assert_false(trusted_issuer_audience(
        &t, payload(arena_printf(&arena, "[%s\"api://a\",\"x\"]", others).ptr)));
}

#define SUB_S              "{\"subject\":\"s\",\"principal\":\"" OID_1 "\"}"
#define CLAIM(name, value) "{\"claims\":{\"" name "\":\"" value "\"},\"principal\":\"" OID_1 "\"}"

static void matches_subjects_and_claims(void **state)
{
    static const struct {
        const char *name, *rule, *payload;
        bool ok;
    } cases[] = {
        {"the subject", SUB_S, "{\"sub\":\"s\"}", true},
        {"another subject", SUB_S, "{\"sub\":\"t\"}", false},
        {"a subject that starts alike", SUB_S, "{\"sub\":\"s\\u0000\"}", false},
        {"other case", SUB_S, "{\"sub\":\"S\"}", false},
        {"no subject", SUB_S, "{}", false},
        {"a list of subjects", SUB_S, "{\"sub\":[\"s\"]}", false},
        {"a star is no pattern", "{\"subject\":\"repo:a/*\",\"principal\":\"" OID_1 "\"}",
         "{\"sub\":\"repo:a/b\"}", false},
        {"a claim", CLAIM("azp", "c"), "{\"azp\":\"c\"}", true},
        {"a claim of another value", CLAIM("azp", "c"), "{\"azp\":\"d\"}", false},
        {"a claim that is not there", CLAIM("azp", "c"), "{\"sub\":\"c\"}", false},
        {"a number", CLAIM("n", "12"), "{\"n\":12}", true},
        {"a negative number", CLAIM("n", "-12"), "{\"n\":-12}", true},
        {"a number written otherwise", CLAIM("n", "012"), "{\"n\":12}", false},
        {"a fraction has no text", CLAIM("n", "1.5"), "{\"n\":1.5}", false},
        {"true", CLAIM("b", "true"), "{\"b\":true}", true},
        {"false is not true", CLAIM("b", "true"), "{\"b\":false}", false},
        {"false", CLAIM("b", "false"), "{\"b\":false}", true},
        {"null is nothing", CLAIM("b", "null"), "{\"b\":null}", false},
        {"one of a list", CLAIM("groups", "x"), "{\"groups\":[\"a\",\"x\"]}", true},
        {"none of a list", CLAIM("groups", "x"), "{\"groups\":[\"a\",\"xx\",[\"x\"]]}", false},
        {"an object is no value", CLAIM("groups", "x"), "{\"groups\":{\"x\":\"x\"}}", false},
        {"a path", CLAIM("a.b", "x"), "{\"a\":{\"b\":\"x\"}}", true},
        {"a name with dots", CLAIM("a.b", "x"), "{\"a.b\":\"x\"}", true},
        {"a name as it stands comes first", CLAIM("a.b", "x"),
         "{\"a\":{\"b\":\"x\"},\"a.b\":\"y\"}", false},
        {"a path below a name with dots", CLAIM("kubernetes.io.namespace", "prod"),
         "{\"kubernetes.io\":{\"namespace\":\"prod\"}}", true},
        {"a deeper one", CLAIM("kubernetes.io.serviceaccount.name", "w"),
         "{\"kubernetes.io\":{\"namespace\":\"prod\",\"serviceaccount\":{\"name\":\"w\"}}}", true},
        {"the longest name decides", CLAIM("a.b.c", "x"),
         "{\"a\":{\"b\":{\"c\":\"x\"}},\"a.b\":{\"c\":\"y\"}}", false},
        {"a path through a text", CLAIM("a.b", "x"), "{\"a\":\"x\"}", false},
        {"a path that ends early", CLAIM("a.b", "x"), "{\"a\":{}}", false},
        {"a path of dots", CLAIM("..", "x"), "{\"\":{\"\":{\"\":\"x\"}}}", true},
        {"subject and claims, both there",
         "{\"subject\":\"s\",\"claims\":{\"a\":\"1\",\"b\":\"2\"},\"principal\":\"" OID_1 "\"}",
         "{\"sub\":\"s\",\"a\":\"1\",\"b\":\"2\"}", true},
        {"subject and claims, one missing",
         "{\"subject\":\"s\",\"claims\":{\"a\":\"1\",\"b\":\"2\"},\"principal\":\"" OID_1 "\"}",
         "{\"sub\":\"s\",\"a\":\"1\"}", false},
        {"claims without the subject",
         "{\"subject\":\"s\",\"claims\":{\"a\":\"1\"},\"principal\":\"" OID_1 "\"}",
         "{\"sub\":\"t\",\"a\":\"1\"}", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = arena_printf(&arena, "{" AUD ",\"rules\":[%s]}", cases[i].rule);
        struct trusted_issuer t = document(OIDC, text.ptr);
        const struct claim *claims = payload(cases[i].payload);

        if ((trusted_issuer_match(&t, claims) != NULL) != cases[i].ok)
            fail_msg("%s", cases[i].name);
    }
}

static void the_first_rule_that_matches_counts(void **state)
{
    struct trusted_issuer t =
        document(OIDC, "{" AUD ",\"rules\":[" CLAIM("a", "1") ",{\"subject\":\"s\",\"principal\":"
                                                              "\"" OID_2 "\"}," SUB_S "]}");
    const struct claim *both = payload("{\"sub\":\"s\",\"a\":\"1\"}"),
                       *one = payload("{\"sub\":\"s\"}");

    (void)state;
    assert_ptr_equal(trusted_issuer_match(&t, both), &t.rules[0]);
    assert_ptr_equal(trusted_issuer_match(&t, one), &t.rules[1]);
    t.rules[0].claims_count = 0; /* one that no reading makes matches nobody */
    one = payload("{}");
    assert_null(trusted_issuer_match(&t, one));
}

/* ---- the set ---- */

static void put_issuer(struct fixture *f, uint8_t id, const char *issuer, const char *text)
{
    fixture_commit(f, (struct change){.kind = CHANGE_ISSUER_PUT,
                                      .u.issuer = {.id = {{id}},
                                                   .version = 1,
                                                   .issuer = str_from(issuer),
                                                   .document = str_from(text),
                                                   .created = NOW}});
}

static void builds_the_set_from_the_store(void **state)
{
    struct issuer_keys *keys = issuer_keys_new(&(struct issuer_keys_options){0});
    struct issuer_set *set = NULL, *next = NULL;
    const struct trusted_issuer *t;
    struct fixture f;

    (void)state;
    fixture_init(&f, NULL);
    put_issuer(&f, 1, OIDC, "{" AUD "," RULE "}");
    put_issuer(&f, 2, V2, "{}");
    put_issuer(&f, 3, "https://damaged.example", "{}");
    for (unsigned i = 0; i < 6; i++) {
        char issuer[64];

        (void)snprintf(issuer, sizeof issuer, "https://i%u.example", i);
        put_issuer(&f, (uint8_t)(10 + i), issuer, "{" AUD "," RULE "}");
    }
    assert_int_equal(issuer_set_build(keys, f.reader, &set), RC_OK);
    assert_int_equal(set->n, 8);
    assert_int_equal(set->left_out, 1);
    assert_true(str_starts(set->left_out_why, STR("https://damaged.example: audiences")));
    t = issuer_set_find(set, STR(OIDC));
    assert_non_null(t);
    assert_int_equal(t->id.octets[0], 1);
    assert_non_null(t->keys);
    assert_null(issuer_set_find(set, STR(OIDC "/")));
    assert_null(issuer_set_find(set, STR_EMPTY));
    t = issuer_set_find(set, STR(V1));
    assert_non_null(t);
    assert_ptr_equal(t, issuer_set_find(set, STR(V2)));
    assert_null(issuer_set_find(set, STR("https://damaged.example")));

    assert_int_equal(issuer_set_build(keys, f.reader, &next), RC_OK);
    t = issuer_set_find(set, STR(OIDC));
    assert_ptr_equal(issuer_set_find(next, STR(OIDC))->keys, t->keys); /* sets of keys outlive it */
    snapshot_unref(&set->snapshot);
    snapshot_unref(&next->snapshot);
    fixture_clear(&f);
    issuer_keys_free(keys);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tells_which_texts_may_name_an_issuer),
        CASE(tells_addresses_from_names),
        CASE(knows_both_forms_of_a_tenant),
        CASE(refuses_documents_and_says_why),
        CASE(counts_rules),
        CASE(fills_in_what_a_document_leaves_out),
        CASE(writes_what_it_has_read),
        CASE(compares_audiences_whole),
        CASE(takes_64_audiences_and_no_more),
        CASE(matches_subjects_and_claims),
        CASE(the_first_rule_that_matches_counts),
        CASE(builds_the_set_from_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
