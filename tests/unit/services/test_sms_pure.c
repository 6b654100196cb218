/* What of the SMS service needs neither store nor loop: numbers, senders, ids, keywords, parts,
 * retries, rates, and the rules of the simulation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/sms/sms_engine.h"
#include "services/sms/sms_wire.h"

static void numbers(void **state)
{
    static const struct {
        const char *name, *number;
        bool e164, strict;
    } cases[] = {
        {"takes a number of the plan", "+14255550123", true, true},
        {"takes eight digits", "+12345678", false, false},
        {"takes eight digits elsewhere", "+32345678", true, true},
        {"takes fifteen digits", "+491234567890123", true, true},
        {"refuses sixteen", "+4912345678901234", false, false},
        {"refuses seven", "+4912345", false, false},
        {"refuses what is too short", "+123", false, false},
        {"refuses twelve digits with country code 1", "+112345678901", false, false},
        {"refuses a zero in front", "+04255550123", false, false},
        {"refuses a missing plus", "14255550123", false, false},
        {"refuses blanks", "+1 4255550123", false, false},
        {"refuses dashes", "+1425-555-0123", false, false},
        {"refuses letters", "+1425555012a", false, false},
        {"refuses nothing", "", false, false},
        {"refuses a plus alone", "+", false, false},
        {"refuses an area code of 1, strictly", "+11234567890", true, false},
        {"takes an exchange of 5, strictly", "+15555550000", true, true},
        {"refuses an exchange of 0, strictly", "+15550000000", true, false},
        {"does not mind elsewhere", "+4915550000000", true, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str number = str_from(cases[i].number);

        if (sms_number_valid(number, false) != cases[i].e164 ||
            sms_number_valid(number, true) != cases[i].strict)
            fail_msg("%s", cases[i].name);
    }
}

static void senders(void **state)
{
    static const struct {
        const char *sender;
        enum sms_sender_kind kind;
    } cases[] = {
        {"+18005550100", SMS_SENDER_TOLL_FREE},
        {"+18335550100", SMS_SENDER_TOLL_FREE},
        {"+18885550100", SMS_SENDER_TOLL_FREE},
        {"+18015550100", SMS_SENDER_LONG_CODE},
        {"+4915112345678", SMS_SENDER_LONG_CODE},
        {"12345", SMS_SENDER_SHORT_CODE},
        {"123456", SMS_SENDER_SHORT_CODE},
        {"1234", SMS_SENDER_NONE},
        {"1234567", SMS_SENDER_NONE},
        {"Contoso", SMS_SENDER_ALPHANUMERIC},
        {"A", SMS_SENDER_ALPHANUMERIC},
        {"My Shop 24", SMS_SENDER_ALPHANUMERIC},
        {"Elevenchars", SMS_SENDER_ALPHANUMERIC},
        {"Twelve chars", SMS_SENDER_NONE},
        {"Ärger", SMS_SENDER_NONE},
        {"a-b", SMS_SENDER_NONE},
        {"   ", SMS_SENDER_NONE},
        {"", SMS_SENDER_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (sms_sender_kind_of(str_from(cases[i].sender), false) != cases[i].kind)
            fail_msg("'%s' is of another kind", cases[i].sender);
    for (int k = SMS_SENDER_TOLL_FREE; k < SMS_SENDER_KIND_COUNT; k++)
        assert_int_equal(sms_sender_kind_from_name(sms_sender_kind_name((enum sms_sender_kind)k)),
                         k);
    assert_int_equal(sms_sender_kind_from_name(STR("pigeon")), SMS_SENDER_NONE);
}

static void counts_utf16_units(void **state)
{
    (void)state;
    assert_int_equal(sms_utf16_units(STR("")), 0);
    assert_int_equal(sms_utf16_units(STR("abc")), 3);
    assert_int_equal(sms_utf16_units(STR("жé€")), 3);
    assert_int_equal(sms_utf16_units(STR("😀a")), 3);
}

static void keywords(void **state)
{
    static const struct {
        const char *text;
        enum sms_keyword keyword;
    } cases[] = {
        {"STOP", SMS_KEYWORD_STOP},
        {"stop", SMS_KEYWORD_STOP},
        {" \r\n Stop\t", SMS_KEYWORD_STOP},
        {"STOPALL", SMS_KEYWORD_STOP},
        {"Unsubscribe", SMS_KEYWORD_STOP},
        {"cancel", SMS_KEYWORD_STOP},
        {"END", SMS_KEYWORD_STOP},
        {"quit", SMS_KEYWORD_STOP},
        {"revoke", SMS_KEYWORD_STOP},
        {"optout", SMS_KEYWORD_STOP},
        {"start", SMS_KEYWORD_START},
        {"UNSTOP", SMS_KEYWORD_START},
        {"help", SMS_KEYWORD_HELP},
        {"STOP it", SMS_KEYWORD_NONE},
        {"don't stop", SMS_KEYWORD_NONE},
        {"STOP.", SMS_KEYWORD_NONE},
        {"", SMS_KEYWORD_NONE},
        {"   ", SMS_KEYWORD_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (sms_keyword_of(str_from(cases[i].text)) != cases[i].keyword)
            fail_msg("'%s' means something else", cases[i].text);
}

static void ids(void **state)
{
    static const char *const bad[] = {
        "",
        "Outgoing_",
        "outgoing_20210304075704febb52e0-3641-4622-8491-1d08a6358a32",
        "Outgoing_2021030407570febb52e0-3641-4622-8491-1d08a6358a32",
        "Outgoing_20210304075704febb52e0-3641-4622-8491-1d08a6358a3",
        "Outgoing_20210304075704febb52e0-3641-4622-8491-1d08a6358a32_",
        "Outgoing_20210304075704febb52e0-3641-4622-8491-1d08a6358a32_NOAM",
        "Outgoing_20210304075704febb52e0-3641-4622-8491-1d08a6358a32x",
        "Outgoing_2021030407570xfebb52e0-3641-4622-8491-1d08a6358a32",
    };
    struct uuid id, found;
    char text[SMS_ID_LEN];

    (void)state;
    assert_int_equal(uuid_parse(STR("febb52e0-3641-4622-8491-1d08a6358a32"), &id), RC_OK);
    sms_id_format(false, &id, 1614844624123, text);
    assert_memory_equal(text, "Outgoing_20210304075704febb52e0-3641-4622-8491-1d08a6358a32",
                        sizeof text);
    assert_int_equal(sms_id_parse(str_of(text, sizeof text), &found), RC_OK);
    assert_true(uuid_eq(&id, &found));
    sms_id_format(true, &id, 1614844624123, text);
    assert_memory_equal(text, "Incoming_20210304075704", 23);
    assert_int_equal(
        sms_id_parse(STR("Outgoing_20210304075704febb52e0-3641-4622-8491-1d08a6358a32_noam"),
                     &found),
        RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (sms_id_parse(str_from(bad[i]), &found) != RC_INVALID)
            fail_msg("takes %s", bad[i]);
}

static void waits_twice_as_long_each_time(void **state)
{
    (void)state;
    assert_int_equal(sms_retry_delay(false, 1), 1000);
    assert_int_equal(sms_retry_delay(false, 2), 2000);
    assert_int_equal(sms_retry_delay(false, 5), 16000);
    assert_int_equal(sms_retry_delay(false, 9), 256000);
    assert_int_equal(sms_retry_delay(false, 10), 300000);
    assert_int_equal(sms_retry_delay(false, UINT32_MAX), 300000);
    assert_int_equal(sms_retry_delay(true, 1), 60000); /* it may have been taken */
    assert_int_equal(sms_retry_delay(true, 2), 120000);
    assert_int_equal(sms_retry_delay(true, 5), 960000);
    assert_int_equal(sms_retry_delay(true, 6), 1800000);
    assert_int_equal(sms_retry_delay(true, UINT32_MAX), 1800000);
}

static void keeps_which_parts_have_been_reported(void **state)
{
    uint8_t done[32] = {0}, found[32];
    struct arena arena;
    struct str kept, ref;

    (void)state;
    arena_init(&arena);
    kept = sms_parts_ref(1, done, STR("theirs"), &arena);
    assert_int_equal(sms_parts_split(kept, found, &ref), 0);
    assert_true(str_eq(ref, STR("theirs")));
    done[0] = 0x05;
    done[1] = 0x01;
    kept = sms_parts_ref(9, done, STR("their:s"), &arena);
    assert_int_equal(sms_parts_split(kept, found, &ref), 9);
    assert_memory_equal(found, done, sizeof done);
    assert_true(str_eq(ref, STR("their:s")));
    kept = sms_parts_ref(255, done, STR_EMPTY, &arena);
    assert_int_equal(sms_parts_split(kept, found, &ref), 255);
    assert_int_equal(ref.len, 0);
    assert_int_equal(sms_parts_split(STR("parts:x"), found, &ref), 0);
    assert_int_equal(sms_parts_split(STR("parts:999:00:"), found, &ref), 0);
    arena_clear(&arena);
}

static struct str attempts_told(const struct sms_row *row, struct arena *arena)
{
    struct buf out = {.ptr = arena_alloc(arena, KIB + 1), .cap = KIB + 1, .max = KIB};
    struct json_writer w;

    json_writer_init(&w, &out);
    sms_attempts_write(row, row->segments_failed, row->finished, &w);
    return buf_str(&out);
}

#define SECOND_ATTEMPT                                                                             \
    "{\"timestamp\":\"2021-03-04T07:57:04.123Z\",\"segmentsSucceeded\":1,\"segmentsFailed\":2}"
#define FIRST_ATTEMPT                                                                              \
    "{\"timestamp\":\"2021-03-04T07:57:04.122Z\",\"segmentsSucceeded\":0,\"segmentsFailed\":3}"
#define THE_END                                                                                    \
    "{\"timestamp\":\"2021-03-04T07:57:05.000Z\",\"segmentsSucceeded\":3,\"segmentsFailed\":0}"

static void attempts_stand_newest_first(void **state)
{
    struct sms_row row = {.segments = 3};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    sms_row_attempt(&row, 3, 1614844624122, &arena);
    sms_row_attempt(&row, 2, 1614844624123, &arena);
    sms_row_end(&row, &(struct sms_fate){.delivered = true}, 1614844625000);
    assert_true(str_eq(row.history, STR("[" SECOND_ATTEMPT "," FIRST_ATTEMPT "]")));
    assert_true(str_eq(attempts_told(&row, &arena),
                       STR("[" THE_END "," SECOND_ATTEMPT "," FIRST_ATTEMPT "]")));
    row.history = STR_EMPTY;
    assert_true(str_eq(attempts_told(&row, &arena), STR("[" THE_END "]")));
    assert_int_equal(row.code, 2000);
    row = (struct sms_row){.segments = 3};
    sms_row_end(&row, &(struct sms_fate){0}, 1614844625000);
    assert_int_equal(row.code, 9999);
    assert_int_equal(row.segments_failed, 3);
    row = (struct sms_row){.segments = 3};
    sms_row_end(&row, &(struct sms_fate){.code = 4005, .segments_failed = 1}, 1614844625000);
    assert_int_equal(row.state, SMS_FAILED);
    assert_int_equal(row.segments_failed, 1);
    arena_clear(&arena);
}

static void counts_segments_a_minute(void **state)
{
    struct sms_rates *r = sms_rates_new();
    struct sms_sender one = {.sender = STR("+18005550100")}, other = {.sender = STR("12345")};

    (void)state;
    assert_int_equal(sms_rates_take(r, &one, 3, 2, 1000), 0);
    assert_int_equal(sms_rates_take(r, &one, 3, 5, 1000), 0); /* begins within the share */
    assert_int_equal(sms_rates_take(r, &one, 3, 1, 11000), 50);
    assert_int_equal(sms_rates_take(r, &other, 3, 1, 11000), 0);
    assert_int_equal(sms_rates_take(r, &one, 3, 1, 61000), 0);
    assert_int_equal(sms_rates_take(r, &one, 1, 1, 1000), 0); /* the clock was moved back */
    sms_rates_free(r);
    sms_rates_free(NULL);
}

static void many_invented_senders_are_forgotten(void **state)
{
    struct sms_rates *r = sms_rates_new();

    (void)state;
    for (unsigned i = 0; i < 70000; i++) {
        char name[16];
        struct sms_sender s = {.sender =
                                   str_of(name, (size_t)snprintf(name, sizeof name, "S%u", i))};

        assert_int_equal(sms_rates_take(r, &s, 1, 1, 1000), 0);
    }
    sms_rates_free(r);
}

static void simulated_statuses(void **state)
{
    (void)state;
    assert_int_equal(sms_sim_status(STR("+19995550400")), 400);
    assert_int_equal(sms_sim_status(STR("+19995550500")), 500);
    assert_int_equal(sms_sim_status(STR("+19995550503")), 503);
    assert_int_equal(sms_sim_status(STR("+19995552000")), 202);
    assert_int_equal(sms_sim_status(STR("+14255550123")), 202);
}

static void simulated_answers(void **state)
{
    struct sms_row row = {.state = SMS_DELIVERED,
                          .transport = SMS_INBOX,
                          .to = STR("+19995557867"),
                          .text = STR("x")};
    struct str text;

    (void)state;
    assert_true(sms_sim_answer(&row, &text));
    assert_true(str_eq(text, STR("STOP")));
    row.to = STR("+19995553246");
    assert_true(sms_sim_answer(&row, &text));
    assert_true(str_eq(text, STR("x")));
    row.state = SMS_FAILED;
    assert_false(sms_sim_answer(&row, &text));
    row.state = SMS_DELIVERED;
    row.transport = STR("carrier-a");
    assert_false(sms_sim_answer(&row, &text));
    row.transport = SMS_INBOX;
    row.to = STR("+14255550123");
    assert_false(sms_sim_answer(&row, &text));
}

static void versions_have_numbers_in_either_case(void **state)
{
    (void)state;
    assert_int_equal(version_find(&sms_service, STR("2020-07-20-preview1")),
                     SMS_2020_07_20_PREVIEW1);
    assert_int_equal(version_find(&sms_service, STR("2024-02-05-PREVIEW")), SMS_2024_02_05_PREVIEW);
    assert_int_equal(version_find(&sms_service, STR("2026-01-23")), SMS_2026_01_23);
    assert_int_equal(version_find(&sms_service, STR("2021-01-29")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(senders),
        cmocka_unit_test(counts_utf16_units),
        cmocka_unit_test(keywords),
        cmocka_unit_test(ids),
        cmocka_unit_test(waits_twice_as_long_each_time),
        cmocka_unit_test(keeps_which_parts_have_been_reported),
        cmocka_unit_test(attempts_stand_newest_first),
        cmocka_unit_test(counts_segments_a_minute),
        cmocka_unit_test(many_invented_senders_are_forgotten),
        cmocka_unit_test(simulated_statuses),
        cmocka_unit_test(simulated_answers),
        cmocka_unit_test(versions_have_numbers_in_either_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
