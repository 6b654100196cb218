/* Where a message lies in its table: at a number made of the first 62 bits of its id that differ
 * between ids, which are its time, the counter within it, and two random ones.
 *
 * Such a table has inner pages of nothing but numbers, some 290 on each: four levels hold ten
 * million messages, where ids as the table's own key take seven and a tree beside it takes four
 * more. Numbers of ids are even. Two ids may share one: different threads make them in the same
 * millisecond. Then the later message goes to the next odd number that is free, however far that
 * is, and an index of odd ones alone (sms_strays), mostly empty, finds it by its id.
 *
 * Lists, pruning and clearing follow the numbers, which is the order of time. */
#include "store/sqlite/sqlite_backend.h"

int64_t sms_place(const struct uuid *id)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < 6; i++)
        bits = bits << 8 | id->octets[i];
    bits = bits << 12 | (id->octets[6] & 0x0fU) << 8 | id->octets[7]; /* less the version */
    bits = bits << 2 | (id->octets[8] >> 4 & 0x03U);                  /* less the variant */
    return (int64_t)(bits << 1);
}

/** sms_place(id) in SQL: called with ids in their order it gives places to a whole table. */
static void next_place(sqlite3_context *call, int n, sqlite3_value **values)
{
    struct sms_places *p = sqlite3_user_data(call);
    struct uuid id = {{0}};
    int64_t place;

    (void)n;
    if (sqlite3_value_bytes(values[0]) == (int)sizeof id.octets)
        memcpy(id.octets, sqlite3_value_blob(values[0]), sizeof id.octets);
    place = sms_place(&id);
    if (place > p->last) {
        p->last = place;
    } else {
        p->last_stray = p->last_stray < place ? place + 1 : p->last_stray + 2;
        place = p->last_stray;
    }
    sqlite3_result_int64(call, place);
}

enum rc sms_places_begin(sqlite3 *db, struct sms_places *p)
{
    *p = (struct sms_places){-1, -1};
    return sqlite_rc(
        db, sqlite3_create_function(db, "sms_place", 1, SQLITE_UTF8, p, next_place, NULL, NULL));
}

void sms_places_end(sqlite3 *db)
{
    sqlite3_create_function(db, "sms_place", 1, SQLITE_UTF8, NULL, NULL, NULL, NULL);
}
