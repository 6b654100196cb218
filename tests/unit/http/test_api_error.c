/* Errors: every row is fit for the wire, and every result of the lower rooms has one. */
#include "tests/unit/base/unit.h"

#include "http/api_error.h"

static void every_error_has_a_status_a_code_and_a_sentence(void **state)
{
    static const struct api_error *const all[] = {
#define X(name, status, code, text) &API_##name,
#include "http/api_error.def"
#undef X
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_in_range(all[i]->status, 400, 599);
        assert_true(all[i]->code.len > 0);
        assert_true(str_ends(all[i]->text, STR(".")));
    }
    check_str("denied", API_DENIED.text, STR("Denied by the resource provider."));
    check_str("hash", API_DENIED_HASH.text,
              STR("Request 'x-ms-content-sha256' differs from generated content hash."));
}

static void every_result_has_its_error(void **state)
{
    static const struct {
        enum rc rc;
        const struct api_error *error;
    } cases[] = {
        {RC_OK, NULL},
        {RC_INVALID, &API_BAD_REQUEST},
        {RC_NOT_FOUND, &API_NOT_FOUND},
        {RC_CONFLICT, &API_CONFLICT},
        {RC_TOO_LARGE, &API_TOO_LARGE},
        {RC_BUSY, &API_UNAVAILABLE},
        {RC_FULL, &API_NO_SPACE},
        {RC_DENIED, &API_DENIED},
        {RC_IO, &API_UNAVAILABLE},
        {RC_INTERNAL, &API_INTERNAL},
        {(enum rc)99, &API_INTERNAL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_ptr_equal(api_error_from_rc(cases[i].rc), cases[i].error);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_status_a_code_and_a_sentence),
        cmocka_unit_test(every_result_has_its_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
