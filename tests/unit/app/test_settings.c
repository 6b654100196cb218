/* Settings: four sources, one order, and a sentence for every mistake. */
#include "app/settings.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void read_flags_ok(struct settings *s, char **argv, int argc)
{
    struct buf why;

    buf_init(&why, 4 * KIB);
    assert_int_equal(settings_read_flags(s, argc, argv, &why), RC_OK);
    buf_clear(&why);
}

static void defaults_pass_their_own_checks(void **state)
{
    struct settings s;

    (void)state;
    settings_init(&s);
    assert_int_equal(setting_number(&s, "auth.clock_skew"), 300000);
    assert_int_equal(setting(&s, "mode")->source, FROM_DEFAULT);
    assert_true(setting_is(&s, "mode", "dev"));
    settings_clear(&s);
}

static void a_flag_wins_over_environment_and_file(void **state)
{
    char *argv[] = {"--auth-clock-skew", "90s", "--allow-plain", "--name=a", "--name", "b,c"};
    char *environment[] = {"CALLGATE_SET_AUTH_CLOCK_SKEW=10s", "CALLGATE_SET_LOG_LEVEL=debug",
                           "CALLGATE_ENDPOINT=ignored", NULL};
    struct settings s;
    struct buf why;

    (void)state;
    buf_init(&why, 4 * KIB);
    settings_init(&s);
    read_flags_ok(&s, argv, (int)ARRAY_LEN(argv));
    assert_int_equal(settings_read_environment(&s, environment, &why), RC_OK);
    assert_int_equal(settings_read_ini(&s,
                                       STR("mode = production\n[auth]\nclock_skew = 5s\n"
                                           "fail_rate = 7\n[log]\nlevel = error\n"),
                                       STR("f.ini"), &why),
                     RC_OK);
    assert_int_equal(setting_number(&s, "auth.clock_skew"), 90000);
    assert_int_equal(setting(&s, "auth.clock_skew")->source, FROM_FLAG);
    assert_true(setting_is(&s, "log.level", "debug"));
    assert_int_equal(setting(&s, "log.level")->source, FROM_ENVIRONMENT);
    assert_int_equal(setting_number(&s, "auth.fail_rate"), 7);
    assert_true(setting_is(&s, "mode", "production"));
    assert_int_equal(setting_number(&s, "allow_plain"), 1);
    assert_int_equal(setting(&s, "name")->count, 3);
    assert_true(str_eq(setting(&s, "name")->items[2], STR("c")));
    settings_clear(&s);
    buf_clear(&why);
}

static const struct {
    const char *name;
    char *argv[2];
    const char *says;
} bad_flags[] = {
    {"names the nearest flag", {"--auth-clok-skew", "5s"}, "--auth-clock-skew"},
    {"wants a value", {"--https", NULL}, "needs a value"},
    {"refuses a bare word", {"serve", NULL}, "unexpected argument"},
    {"refuses an unknown choice", {"--mode", "staging"}, "one of: dev production"},
    {"refuses a number out of range", {"--threads", "257"}, "0 to 256"},
    {"refuses a duration without a unit", {"--auth-clock-skew", "300"}, "a duration such as"},
    {"refuses a duration out of range", {"--auth-clock-skew", "2h"}, "from 1s to 1h."},
    {"writes no time and many days", {"--sms-keep", "-1d"}, "from 0s to 3650d."},
    {"writes what is below a second", {"--http-head-timeout", "0s"}, "from 100ms to 5m."},
    {"refuses a boolean that is none", {"--allow-plain=perhaps", NULL}, "true or false"},
    {"refuses too many items", {"--name", "a b c d e f g h i"}, "at most 8 items"},
};

static void every_mistake_has_its_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_flags); i++) {
        char *argv[] = {bad_flags[i].argv[0], bad_flags[i].argv[1]};
        struct settings s;
        struct buf why;

        buf_init(&why, 4 * KIB);
        settings_init(&s);
        if (settings_read_flags(&s, argv[1] ? 2 : 1, argv, &why) != RC_INVALID ||
            !strstr(buf_cstr(&why), bad_flags[i].says))
            fail_msg("%s: %s", bad_flags[i].name, buf_cstr(&why));
        settings_clear(&s);
        buf_clear(&why);
    }
}

#define TWENTY      "a.example,b.example,"
#define TWO_HUNDRED TWENTY TWENTY TWENTY TWENTY TWENTY TWENTY TWENTY TWENTY TWENTY TWENTY

static const struct {
    const char *name, *text, *says;
} bad_files[] = {
    {"names the nearest setting and the line", "\n[auth]\nclock_scew = 5s\n", "auth.clock_skew"},
    {"says which line is no setting", "mode = dev\nwhat\n", "line 2"},
    {"names the file", "mode = x\n", "f.ini: "},
    {"says what is too long", "# short\nname = " TWO_HUNDRED "\n", "line 2 has 207 octets"},
    {"a comment may be no longer", "# " TWO_HUNDRED, "line 1 has 202 octets"},
};

static void a_bad_file_is_refused_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_files); i++) {
        struct settings s;
        struct buf why;

        buf_init(&why, 4 * KIB);
        settings_init(&s);
        if (settings_read_ini(&s, str_from(bad_files[i].text), STR("f.ini"), &why) != RC_INVALID ||
            !strstr(buf_cstr(&why), bad_files[i].says))
            fail_msg("%s: %s", bad_files[i].name, buf_cstr(&why));
        settings_clear(&s);
        buf_clear(&why);
    }
}

static void of_several_mistakes_one_is_told(void **state)
{
    struct settings s;
    struct buf why;

    (void)state;
    buf_init(&why, 4 * KIB);
    settings_init(&s);
    assert_int_equal(settings_read_ini(&s, STR("mode = x\nthreads = many\n"), STR("f.ini"), &why),
                     RC_INVALID);
    assert_non_null(strstr(buf_cstr(&why), "mode can't be"));
    assert_null(strstr(buf_cstr(&why), "threads"));
    settings_clear(&s);
    buf_clear(&why);
}

static void a_file_with_a_nul_is_refused(void **state)
{
    struct settings s;
    struct buf why;

    (void)state;
    buf_init(&why, 4 * KIB);
    settings_init(&s);
    assert_int_equal(settings_read_ini(&s, STR("mode = dev\n\0what"), STR("f.ini"), &why),
                     RC_INVALID);
    assert_non_null(strstr(buf_cstr(&why), "NUL"));
    settings_clear(&s);
    buf_clear(&why);
}

static void an_unknown_environment_setting_is_refused(void **state)
{
    char *environment[] = {"CALLGATE_SET_LOG_LEVLE=debug", NULL};
    struct settings s;
    struct buf why;

    (void)state;
    buf_init(&why, 4 * KIB);
    settings_init(&s);
    assert_int_equal(settings_read_environment(&s, environment, &why), RC_INVALID);
    assert_non_null(strstr(buf_cstr(&why), "LOG_LEVEL"));
    settings_clear(&s);
    buf_clear(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_pass_their_own_checks),
        cmocka_unit_test(a_flag_wins_over_environment_and_file),
        cmocka_unit_test(every_mistake_has_its_sentence),
        cmocka_unit_test(a_bad_file_is_refused_with_its_line),
        cmocka_unit_test(of_several_mistakes_one_is_told),
        cmocka_unit_test(a_file_with_a_nul_is_refused),
        cmocka_unit_test(an_unknown_environment_setting_is_refused),
    };

    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
