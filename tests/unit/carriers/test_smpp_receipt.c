/* Receipts as carriers write them, and ids as they spell them. */
#include "../base/unit.h"

#include "carriers/smpp_receipt.h"

static void reads_receipts(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct smpp_message m;
        struct str id;
        enum smpp_state state;
        struct str error;
    } cases[] = {
        {"the form of the standard",
         {.text = STR_INIT("id:0123 sub:001 dlvrd:001 submit date:2611301200 done date:2611301201 "
                           "stat:DELIVRD err:000 text:hello")},
         STR_INIT("0123"), SMPP_DELIVERED, STR_INIT("000")},
        {"keys in capitals, another order",
         {.text = STR_INIT("STAT:undeliv ID:abc-1 ERR:1F")},
         STR_INIT("abc-1"), SMPP_UNDELIVERABLE, STR_INIT("1F")},
        {"what the message said is not read",
         {.text = STR_INIT("id:1 stat:EXPIRED text:id:2 stat:DELIVRD err:9")},
         STR_INIT("1"), SMPP_EXPIRED, STR_INIT("")},
        {"optional parameters win",
         {.text = STR_INIT("id:1 stat:DELIVRD"), .receipted_id = STR_INIT("2"), .state = SMPP_REJECTED},
         STR_INIT("2"), SMPP_REJECTED, STR_INIT("")},
        {"optional parameters alone",
         {.receipted_id = STR_INIT("2"), .state = SMPP_DELIVERED},
         STR_INIT("2"), SMPP_DELIVERED, STR_INIT("")},
        {"a state that nobody defined gives way to the text",
         {.text = STR_INIT("id:1 stat:DELIVRD"), .state = 99},
         STR_INIT("1"), SMPP_DELIVERED, STR_INIT("")},
        {"a carrier's own word is no end",
         {.text = STR_INIT("id:1 stat:SENT")}, STR_INIT("1"), SMPP_ENROUTE, STR_INIT("")},
        {"no state", {.text = STR_INIT("id:1")}, STR_INIT("1"), SMPP_STATE_NONE, STR_INIT("")},
        {"an empty one", {.text = STR_INIT("")}, STR_INIT(""), SMPP_STATE_NONE, STR_INIT("")},
        {"a key inside a word is none",
         {.text = STR_INIT("grid:7 stat:DELIVRD")}, STR_INIT(""), SMPP_DELIVERED, STR_INIT("")},
        {"an id that is too long is none",
         {.text = STR_INIT("id:00000000001111111111222222222233333333334444444444555555555566666 stat:DELIVRD")},
         STR_INIT(""), SMPP_DELIVERED, STR_INIT("")},
        {"an error that is no code is dropped",
         {.text = STR_INIT("id:1 err:<script> stat:DELIVRD")}, STR_INIT("1"), SMPP_DELIVERED, STR_INIT("")},
        {"in a payload",
         {.payload = STR_INIT("id:5 stat:DELETED")}, STR_INIT("5"), SMPP_DELETED, STR_INIT("")},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct smpp_receipt r;

        smpp_receipt_read(&cases[i].m, &r);
        check_str(cases[i].name, r.id, cases[i].id);
        check(cases[i].name, r.state == cases[i].state);
        check_str(cases[i].name, r.error, cases[i].error);
    }
}

static void maps_states(void **state)
{
    static const struct {
        enum smpp_state state;
        enum rc rc;
        uint32_t code;
    } cases[] = {
        {SMPP_STATE_NONE, RC_OK, 9999}, {SMPP_ENROUTE, RC_BUSY, 0},
        {SMPP_DELIVERED, RC_OK, 2000},  {SMPP_EXPIRED, RC_OK, 4006},
        {SMPP_DELETED, RC_OK, 5000},    {SMPP_UNDELIVERABLE, RC_OK, 4006},
        {SMPP_ACCEPTED, RC_BUSY, 0},    {SMPP_UNKNOWN, RC_OK, 9999},
        {SMPP_REJECTED, RC_OK, 4005},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool delivered;
        uint32_t code = 0;

        assert_int_equal(smpp_state_final(cases[i].state, &delivered, &code), cases[i].rc);
        assert_int_equal(delivered, cases[i].state == SMPP_DELIVERED);
        assert_int_equal(code, cases[i].code);
    }
}

static void spells_ids(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name, *id;
        enum smpp_ids ids;
        const char *spellings; /* a bar between them */
    } cases[] = {
        {"a number may be both", "123456", SMPP_IDS_AUTO, "123456|1e240|1193046"},
        {"zeros in front do not count", "0001E240", SMPP_IDS_AUTO, "1e240|123456"},
        {"nor does case", "0A", SMPP_IDS_SAME, "a"},
        {"zero stays zero", "000", SMPP_IDS_SAME, "0"},
        {"a decimal receipt to a hexadecimal response", "123456", SMPP_IDS_HEX_TO_DECIMAL, "1e240"},
        {"a hexadecimal receipt to a decimal response", "1E240", SMPP_IDS_DECIMAL_TO_HEX, "123456"},
        {"what is no number stays", "a-1", SMPP_IDS_AUTO, "a-1"},
        {"and whatever is told", "Zz-01", SMPP_IDS_HEX_TO_DECIMAL, "zz-01"},
        {"the largest number", "18446744073709551615", SMPP_IDS_HEX_TO_DECIMAL, "ffffffffffffffff"},
        {"a number that is larger", "18446744073709551616", SMPP_IDS_AUTO, "18446744073709551616"},
        {"a digit is the same both ways", "7", SMPP_IDS_AUTO, "7"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct smpp_spellings s;
        char all[256] = "";
        size_t len = 0;

        smpp_id_spell(str_from(cases[i].id), cases[i].ids, &s);
        for (size_t k = 0; k < s.n; k++)
            len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", k ? "|" : "", s.text[k]);
        check_str(cases[i].name, str_from(all), str_from(cases[i].spellings));
    }
}

static void ends_ids_at_a_nul(void **state)
{
    struct smpp_spellings s;

    (void)state;
    smpp_id_spell(STR("00\0x"), SMPP_IDS_AUTO, &s);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.text[0], "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_receipts),
        cmocka_unit_test(maps_states),
        cmocka_unit_test(spells_ids),
        cmocka_unit_test(ends_ids_at_a_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
