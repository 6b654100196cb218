/* The data directory: who may enter, one server at a time, files replaced whole. */
#include "app/data_dir.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char path[64];
    struct settings settings;
    struct data_dir dir;
    struct buf why;
};

static enum rc place_open(struct place *p)
{
    char *argv[] = {"--data", p->path};
    enum rc rc;

    buf_init(&p->why, 4 * KIB);
    settings_init(&p->settings);
    assert_int_equal(settings_read_flags(&p->settings, 2, argv, &p->why), RC_OK);
    rc = data_dir_open(&p->settings, &p->dir, &p->why);
    if (rc)
        p->dir = (struct data_dir){.lock_fd = -1};
    return rc;
}

static void place_make(struct place *p)
{
    (void)snprintf(p->path, sizeof p->path, "/tmp/callgate-unit-XXXXXX");
    assert_non_null(mkdtemp(p->path));
}

static void place_close(struct place *p)
{
    data_dir_close(&p->dir);
    settings_clear(&p->settings);
    buf_clear(&p->why);
}

static void place_remove(const struct place *p)
{
    DIR *d = opendir(p->path);
    struct dirent *e;

    assert_non_null(d);
    while ((e = readdir(d)))
        (void)unlinkat(dirfd(d), e->d_name, 0); /* . and .. stay */
    (void)closedir(d);
    assert_int_equal(rmdir(p->path), 0);
}

static void only_one_server_has_it(void **state)
{
    struct place first, second;

    (void)state;
    place_make(&first);
    assert_int_equal(place_open(&first), RC_OK);
    memcpy(second.path, first.path, sizeof second.path);
    assert_int_equal(place_open(&second), RC_CONFLICT);
    assert_non_null(strstr(buf_cstr(&second.why), "give --data another directory"));
    place_close(&second);
    place_close(&first);
    assert_int_equal(place_open(&second), RC_OK);
    place_close(&second);
    place_remove(&first);
}

static void refuses_a_directory_that_others_may_enter(void **state)
{
    struct place p;

    (void)state;
    place_make(&p);
    assert_int_equal(chmod(p.path, 0750), 0);
    assert_int_equal(place_open(&p), RC_DENIED);
    assert_non_null(strstr(buf_cstr(&p.why), "chmod 700"));
    place_close(&p);
    assert_int_equal(chmod(p.path, 0700), 0);
    place_remove(&p);
}

static void keys_are_made_once_and_stay(void **state)
{
    struct secret key = {0}, again = {0}, token = {0};
    struct stat st;
    struct place p;

    (void)state;
    place_make(&p);
    assert_int_equal(place_open(&p), RC_OK);
    assert_int_equal(data_dir_master_key(&p.dir, &p.settings, &key, &p.why), RC_OK);
    assert_int_equal(data_dir_master_key(&p.dir, &p.settings, &again, &p.why), RC_OK);
    assert_int_equal(key.len, 32);
    assert_memory_equal(key.octets, again.octets, 32);
    assert_int_equal(stat(p.dir.master_key.ptr, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(data_dir_admin_token(&p.dir, &token, &p.why), RC_OK);
    assert_int_equal(token.len, 43);
    secret_clear(&again);
    assert_int_equal(data_dir_admin_token(&p.dir, &again, &p.why), RC_OK);
    assert_memory_equal(token.octets, again.octets, 43);
    secret_clear(&key);
    secret_clear(&again);
    secret_clear(&token);
    place_close(&p);
    place_remove(&p);
}

static void a_store_without_its_master_key_is_refused(void **state)
{
    struct secret key = {0};
    struct place p;

    (void)state;
    place_make(&p);
    assert_int_equal(place_open(&p), RC_OK);
    assert_int_equal(file_write(p.dir.store.ptr, STR("x"), 0600), RC_OK);
    assert_int_equal(data_dir_master_key(&p.dir, &p.settings, &key, &p.why), RC_NOT_FOUND);
    assert_non_null(strstr(buf_cstr(&p.why), "put the key back"));
    place_close(&p);
    place_remove(&p);
}

static void a_short_master_key_is_refused(void **state)
{
    struct secret key = {0};
    struct place p;

    (void)state;
    place_make(&p);
    assert_int_equal(place_open(&p), RC_OK);
    assert_int_equal(file_write(p.dir.master_key.ptr, STR("short"), 0600), RC_OK);
    assert_int_equal(data_dir_master_key(&p.dir, &p.settings, &key, &p.why), RC_INVALID);
    place_close(&p);
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_one_server_has_it),
        cmocka_unit_test(refuses_a_directory_that_others_may_enter),
        cmocka_unit_test(keys_are_made_once_and_stay),
        cmocka_unit_test(a_store_without_its_master_key_is_refused),
        cmocka_unit_test(a_short_master_key_is_refused),
    };

    return cmocka_run_group_tests_name("data_dir", tests, NULL, NULL);
}
