/* Runs one target once over every file of its folders: the unit run's share of the fuzzing. */
#include "fuzz.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define INPUT_MAX MIB

static int read_input(const char *path, uint8_t *out, size_t *out_len)
{
    FILE *f = fopen(path, "rb");

    if (!f)
        return -1;
    *out_len = fread(out, 1, INPUT_MAX, f);
    return fclose(f);
}

/* A copy of the very size, so that a read past the end is seen. */
static void run_input(const uint8_t *octets, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, octets, len);
    assert_int_equal(LLVMFuzzerTestOneInput(copy, len), 0);
    free(copy);
}

static size_t run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    uint8_t *octets = malloc(INPUT_MAX);
    size_t n = 0, len = 0;

    assert_non_null(octets);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        char path[4096];

        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name); /* fits, or is not found */
        (void)fprintf(stderr, "%s\n", path); /* the last one named is the culprit */
        assert_int_equal(read_input(path, octets, &len), 0);
        run_input(octets, len);
        n++;
    }
    if (dir)
        assert_int_equal(closedir(dir), 0);
    free(octets);
    return n;
}

static void keeps_its_properties_over_the_kept_corpus(void **state)
{
    assert_true(run_folder(((char **)*state)[2]) > 0);
}

static void stays_cured_of_former_faults(void **state)
{
    (void)run_folder(((char **)*state)[3]); /* none is fine */
}

/* usage: replay NAME CORPUS REGRESSION */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(keeps_its_properties_over_the_kept_corpus, argv),
        cmocka_unit_test_prestate(stays_cured_of_former_faults, argv),
    };

    if (argc != 4)
        return 2;
    return cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
}
