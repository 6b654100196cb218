/* Subscriptions: rows read and written, secrets sealed, filters, static headers. */
#include "unit/base/unit.h"

#include "crypto/seal.h"
#include "events/subscription.h"

#define SMS    "Microsoft.Communication.SMSReceived"
#define REPORT "Microsoft.Communication.SMSDeliveryReportReceived"
#define PHONE  "/phonenumber/14255550123"

static struct str sms_type[] = {STR_INIT(SMS)};

static const struct {
    const char *name;
    struct subscription s;
    const char *type, *subject;
    bool wanted;
} filters[] = {
    {"no filter", {.types_n = 0}, SMS, PHONE, true},
    {"its type", {.types = sms_type, .types_n = 1}, SMS, PHONE, true},
    {"its type in other letters",
     {.types = sms_type, .types_n = 1},
     "microsoft.communication.smsreceived",
     PHONE,
     true},
    {"another type", {.types = sms_type, .types_n = 1}, REPORT, PHONE, false},
    {"how it begins", {.begins = STR_INIT("/PhoneNumber/1425")}, SMS, PHONE, true},
    {"how it begins, by the letter",
     {.begins = STR_INIT("/PhoneNumber/1425"), .case_sensitive = true},
     SMS,
     PHONE,
     false},
    {"another begin", {.begins = STR_INIT("/phonenumber/1426")}, SMS, PHONE, false},
    {"a begin longer than all of it", {.begins = STR_INIT(PHONE "4")}, SMS, PHONE, false},
    {"how it ends", {.ends = STR_INIT("0123")}, SMS, PHONE, true},
    {"all of it", {.ends = STR_INIT(PHONE), .begins = STR_INIT(PHONE)}, SMS, PHONE, true},
    {"an end longer than all of it", {.ends = STR_INIT("x" PHONE)}, SMS, PHONE, false},
    {"another end", {.ends = STR_INIT("0124")}, SMS, PHONE, false},
    {"an end by the letter",
     {.ends = STR_INIT("ABC"), .case_sensitive = true},
     SMS,
     "/xabc",
     false},
    {"an end in other letters", {.ends = STR_INIT("ABC")}, SMS, "/xabc", true},
    {"no subject and no filter", {.types_n = 0}, SMS, "", true},
    {"no subject", {.begins = STR_INIT("/")}, SMS, "", false},
};

static void filters_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(filters); i++)
        check(filters[i].name,
              subscription_wants(&filters[i].s, str_from(filters[i].type),
                                 str_from(filters[i].subject)) == filters[i].wanted);
}

static void collects_only_for_endpoints_that_consented(void **state)
{
    static const struct {
        enum subscription_state state;
        bool fresh, proven;
    } cases[] = {
        {SUBSCRIPTION_NONE, false, false},     {SUBSCRIPTION_CREATING, false, false},
        {SUBSCRIPTION_UPDATING, false, true},  {SUBSCRIPTION_SUCCEEDED, true, true},
        {SUBSCRIPTION_FAILED, false, false},   {SUBSCRIPTION_AWAITING, false, true},
        {SUBSCRIPTION_DELETING, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct subscription s = {.state = cases[i].state};

        assert_int_equal(subscription_collects(&s), cases[i].fresh);
        s.proven = true;
        assert_int_equal(subscription_collects(&s), cases[i].proven);
    }
}

static const struct {
    const char *name, *header, *value;
    bool ok;
} headers[] = {
    {"a usual one", "X-Api-Key", "abc", true},
    {"authorization", "Authorization", "Bearer x", true},
    {"an empty name", "", "x", false},
    {"a blank in the name", "X A", "x", false},
    {"a colon in the name", "X:A", "x", false},
    {"an empty value", "X-A", "", false},
    {"a value of blanks", "X-A", "  ", false},
    {"a line break", "X-A", "a\r\nHost: b", false},
    {"a tab", "X-A", "a\tb", false},
    {"host", "Host", "x", false},
    {"content-length", "content-LENGTH", "1", false},
    {"content-type", "Content-Type", "text/plain", false},
    {"ours", "aeg-event-type", "Notification", false},
    {"ours in capitals", "AEG-Anything", "x", false},
    {"the handshake's", "WebHook-Request-Origin", "x", false},
    {"origin", "Origin", "x", false},
    {"letters beyond ASCII in the value", "X-A", "h\xC3\xA9", true},
};

static void judges_static_headers(void **state)
{
    static char longest[4098];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        check(headers[i].name,
              !subscription_header_against(str_from(headers[i].header),
                                           str_from(headers[i].value)) == headers[i].ok);
    memset(longest, 'a', sizeof longest);
    assert_null(subscription_header_against(STR("X-A"), str_of(longest, 4096)));
    assert_non_null(subscription_header_against(STR("X-A"), str_of(longest, 4097)));
}

static struct master_key *new_key(void)
{
    struct secret octets = secret_random(MASTER_KEY_LEN);
    struct master_key *key = master_key_new(&octets);

    secret_clear(&octets);
    return key;
}

static bool holds(struct str text, struct str what)
{
    return str_find_str(text, what) < text.len;
}

static void reads_what_it_wrote(void **state)
{
    struct master_key *key = new_key(), *other = new_key();
    struct subscription s =
                            {
                                .resource = uuid_random(),
                                .id = uuid_random(),
                                .name = STR("app"),
                                .version = 7,
                                .state = SUBSCRIPTION_AWAITING,
                                .failure = STR("oh"),
                                .created = 5,
                                .endpoint = STR("https://app.example/hook"),
                                .query = STR("code=TOPSECRET"),
                                .schema = SCHEMA_CLOUD_EVENTS,
                                .types = sms_type,
                                .types_n = 1,
                                .begins = STR("/phone"),
                                .ends = STR("3"),
                                .case_sensitive = true,
                                .attempts_max = 30,
                                .ttl_minutes = 1440,
                                .batch_max = 5000,
                                .batch_kib = 1024,
                                .rate = 120,
                                .proven = true,
                                .headers = {{STR("X-Key"), STR("HUSHHUSH"), true},
                                            {STR("X-B"), STR("c"), false}},
                                .headers_n = 2,
                                .code = STR("0c1f2a33-1111-4222-8333-444455556666"),
                                .until = 99,
                            },
                        got;
    struct subscription_row row;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    subscription_write(&s, key, &arena, &row);
    assert_false(holds(row.document, STR("TOPSECRET")) || holds(row.document, STR("HUSHHUSH")));
    assert_false(holds(row.sealed, STR("TOPSECRET")) || holds(row.sealed, STR("HUSHHUSH")));
    assert_int_equal(subscription_read(&row, key, &arena, &got), RC_OK);
    assert_true(uuid_eq(&got.id, &s.id) && uuid_eq(&got.resource, &s.resource));
    assert_true(got.version == 7 && got.state == SUBSCRIPTION_AWAITING && got.created == 5);
    check_str("name", got.name, s.name);
    check_str("failure", got.failure, s.failure);
    check_str("url", subscription_url(&got, &arena),
              STR("https://app.example/hook?code=TOPSECRET"));
    assert_true(got.schema == SCHEMA_CLOUD_EVENTS && got.types_n == 1 && got.case_sensitive);
    check_str("type", got.types[0], STR(SMS));
    check_str("begins", got.begins, s.begins);
    check_str("ends", got.ends, s.ends);
    assert_true(got.attempts_max == 30 && got.ttl_minutes == 1440 && got.batch_max == 5000 &&
                got.batch_kib == 1024 && got.rate == 120 && got.proven);
    assert_int_equal(got.headers_n, 2);
    check_str("value", got.headers[0].value, STR("HUSHHUSH"));
    assert_true(got.headers[0].secret && !got.headers[1].secret);
    check_str("code", got.code, s.code);
    assert_int_equal(got.until, 99);
    assert_int_equal(subscription_read(&row, other, &arena, &got), RC_DENIED);
    row.id = uuid_random(); /* sealed for another one */
    assert_int_equal(subscription_read(&row, key, &arena, &got), RC_DENIED);
    arena_clear(&arena);
    master_key_free(key);
    master_key_free(other);
}

static void refuses_damaged_rows(void **state)
{
    static const char *const documents[] = {
        "",
        "[]",
        "{}",
        "{\"endpoint\":\"https://a/\",\"schema\":\"x\",\"attemptsMax\":1,"
        "\"ttlMinutes\":1,\"batchMax\":1,\"batchKib\":1}",
        "{\"endpoint\":\"https://a/\",\"schema\":\"EventGridSchema\",\"attemptsMax\":0,"
        "\"ttlMinutes\":1,\"batchMax\":1,\"batchKib\":1}",
    };
    static const char good[] =
        "{\"endpoint\":\"https://a/\",\"schema\":\"EventGridSchema\",\"attemptsMax\":1,"
        "\"ttlMinutes\":1,\"batchMax\":1,\"batchKib\":1}";
    struct master_key *key = new_key();
    struct subscription got;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        assert_int_not_equal(
            subscription_read(&(struct subscription_row){.document = str_from(documents[i])}, key,
                              &arena, &got),
            RC_OK);
    assert_int_equal(subscription_read(&(struct subscription_row){.document = str_from(good)}, key,
                                       &arena, &got),
                     RC_OK);
    assert_int_equal(subscription_read(&(struct subscription_row){.document = str_from(good),
                                                                  .handshake = STR("{}")},
                                       key, &arena, &got),
                     RC_INVALID);
    assert_int_not_equal(subscription_read(&(struct subscription_row){.document = str_from(good),
                                                                      .sealed = STR("junk")},
                                           key, &arena, &got),
                         RC_OK);
    arena_clear(&arena);
    master_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_events),
        cmocka_unit_test(collects_only_for_endpoints_that_consented),
        cmocka_unit_test(judges_static_headers),
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(refuses_damaged_rows),
    };

    return cmocka_run_group_tests_name("events_subscription", tests, NULL, NULL);
}
