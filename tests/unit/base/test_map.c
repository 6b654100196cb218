/* The hash map: growth, removal without gaps, SipHash vectors. */
#include "unit.h"

#include "base/map.h"

#define MANY 5000

static char keys[MANY][8];
static int values[MANY];

static struct str key_of(unsigned i)
{
    return (struct str){keys[i], (size_t)snprintf(keys[i], sizeof keys[i], "k%u", i)};
}

static void puts_gets_and_replaces(void **state)
{
    struct map m;
    int one = 1, two = 2;

    (void)state;
    map_init(&m);
    assert_null(map_get(&m, STR("a")));
    assert_null(map_remove(&m, STR("a")));
    assert_null(map_put(&m, STR("a"), &one));
    assert_ptr_equal(map_get(&m, STR("a")), &one);
    assert_ptr_equal(map_put(&m, STR("a"), &two), &one);
    assert_ptr_equal(map_get(&m, STR("a")), &two);
    assert_null(map_get(&m, STR("A")));
    assert_null(map_put(&m, STR_EMPTY, &one));
    assert_ptr_equal(map_get(&m, STR("")), &one);
    assert_int_equal(m.count, 2);
    assert_ptr_equal(map_remove(&m, STR("a")), &two);
    assert_null(map_get(&m, STR("a")));
    map_clear(&m);
    map_clear(&m);
    map_clear(NULL);
}

static void replacing_keeps_the_new_key(void **state)
{
    struct map m;
    char first[] = "key", second[] = "key";
    int one = 1, two = 2;
    struct str key;
    void *value;
    size_t at = 0;

    (void)state;
    map_init(&m);
    (void)map_put(&m, str_from(first), &one);
    (void)map_put(&m, str_from(second), &two);
    first[0] = 'x'; /* the former owner may be gone */
    assert_true(map_next(&m, &at, &key, &value));
    assert_ptr_equal(key.ptr, second);
    assert_ptr_equal(map_get(&m, STR("key")), &two);
    map_clear(&m);
}

static void finds_everything_while_growing_and_shrinking(void **state)
{
    struct map m;

    (void)state;
    map_init(&m);
    for (unsigned i = 0; i < MANY; i++)
        assert_null(map_put(&m, key_of(i), &values[i]));
    assert_int_equal(m.count, MANY);
    assert_true(m.count * 10 <= m.cap * 7);
    for (unsigned i = 0; i < MANY; i += 2)
        assert_ptr_equal(map_remove(&m, key_of(i)), &values[i]);
    for (unsigned i = 0; i < MANY; i++)
        assert_ptr_equal(map_get(&m, key_of(i)), i % 2 ? &values[i] : NULL);
    for (unsigned i = 0; i < MANY; i += 2)
        assert_null(map_put(&m, key_of(i), &values[i]));
    for (unsigned i = 0; i < MANY; i++)
        assert_ptr_equal(map_remove(&m, key_of(i)), &values[i]);
    assert_int_equal(m.count, 0);
    map_clear(&m);
}

static void walks_each_entry_once(void **state)
{
    struct map m;
    struct str key;
    void *value;
    size_t at = 0, seen = 0;

    (void)state;
    map_init(&m);
    assert_false(map_next(&m, &at, &key, &value));
    for (unsigned i = 0; i < 100; i++) {
        values[i] = 0;
        (void)map_put(&m, key_of(i), &values[i]);
    }
    while (map_next(&m, &at, &key, &value)) {
        int *mark = value;

        assert_int_equal((*mark)++, 0);
        seen++;
    }
    assert_int_equal(seen, 100);
    map_clear(&m);
}

/* The first and some later vectors of the reference implementation: key 00..0f, data 00, 01, … */
static void computes_siphash_vectors(void **state)
{
    /* clang-format off */
    static const struct {
        size_t len;
        uint64_t hash;
    } cases[] = {
        {0, 0x726fdb47dd0e0e31U}, {1, 0x74f839c593dc67fdU},  {7, 0xab0200f58b01d137U},
        {8, 0x93f5f5799a932462U}, {15, 0xa129ca6149be45e5U},
    };
    /* clang-format on */
    uint8_t key[16], data[16];

    (void)state;
    for (uint8_t i = 0; i < 16; i++)
        key[i] = data[i] = i;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(siphash(key, data, cases[i].len) == cases[i].hash);
    assert_true(hash_keyed("abc", 3) == hash_keyed("abc", 3));
    assert_true(hash_keyed("abc", 3) != hash_keyed("abd", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_gets_and_replaces),
        cmocka_unit_test(replacing_keeps_the_new_key),
        cmocka_unit_test(finds_everything_while_growing_and_shrinking),
        cmocka_unit_test(walks_each_entry_once),
        cmocka_unit_test(computes_siphash_vectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
