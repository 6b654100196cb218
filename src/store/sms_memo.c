/* See sms_memo.h. A message that is asked for again and again lies in the midst of millions: to
 * look it up touches some forty lines of memory on four pages, which by then are in none of the
 * processor's caches. Here it is one line of a table and the row itself.
 *
 * A table of buckets, each one line: four messages and the marks of four that were offered once.
 * Who asks for many messages, each of them once, writes marks alone, so that he pushes out nothing
 * and pays for no copy. Ids end in random octets that the server has chosen, so these spread them.
 */
#include "store/sms_memo.h"

#include <stdlib.h>
#include <string.h>

#define LINE      64
#define BUCKETS   ((size_t)1024)
#define WAYS      4
#define TEXTS_MAX ((size_t)1024) /* of one message: 5 MiB for all, 2 MiB of usual ones */
#define TEXTS     7

struct kept {
    struct sms_row row;
    char texts[];
};

struct bucket {
    struct kept *kept[WAYS];
    uint32_t marks[WAYS]; /* of ids that were offered, kept or not; 0: none */
    uint8_t next_kept, next_mark;
    char rest[LINE - WAYS * (sizeof(struct kept *) + sizeof(uint32_t)) - 2];
};
_Static_assert(sizeof(struct bucket) == LINE, "a bucket is one line");

struct sms_memo {
    struct bucket *buckets;
    uint64_t changes; /* what is kept holds as of this */
};

struct sms_memo *sms_memo_new(void)
{
    struct sms_memo *m = calloc(1, sizeof *m);

    if (!m)
        abort();
    m->buckets = aligned_alloc(LINE, BUCKETS * sizeof *m->buckets);
    if (!m->buckets)
        abort();
    memset(m->buckets, 0, BUCKETS * sizeof *m->buckets);
    return m;
}

static void forget_all(struct sms_memo *m)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (size_t k = 0; k < WAYS; k++)
            free(m->buckets[i].kept[k]);
    memset(m->buckets, 0, BUCKETS * sizeof *m->buckets);
}

void sms_memo_free(struct sms_memo *m)
{
    if (!m)
        return;
    forget_all(m);
    free(m->buckets);
    free(m);
}

static struct bucket *bucket_of(const struct sms_memo *m, const struct uuid *id)
{
    size_t n = (size_t)id->octets[14] << 8 | id->octets[15];

    return &m->buckets[n % BUCKETS];
}

/** Other octets than those that choose the bucket. */
static uint32_t mark_of(const struct uuid *id)
{
    uint32_t mark;

    memcpy(&mark, id->octets + 10, sizeof mark);
    return mark ? mark : 1;
}

static void list_texts(struct sms_row *row, struct str *out[static TEXTS])
{
    struct str *const all[TEXTS] = {&row->from,      &row->to,  &row->text,   &row->tag,
                                    &row->transport, &row->ref, &row->history};

    memcpy(out, all, sizeof all);
}

static size_t texts_len(const struct sms_row *row)
{
    return row->from.len + row->to.len + row->text.len + row->tag.len + row->transport.len +
           row->ref.len + row->history.len;
}

/** Copies the texts of `row` to `at`, one after the other, and has it point there. */
static void move_texts(struct sms_row *row, char *at)
{
    struct str *texts[TEXTS];

    list_texts(row, texts);
    for (size_t i = 0; i < TEXTS; i++) {
        if (texts[i]->len)
            memcpy(at, texts[i]->ptr, texts[i]->len);
        texts[i]->ptr = at;
        at += texts[i]->len;
    }
}

bool sms_memo_find(struct sms_memo *m, uint64_t changes, const struct uuid *id, struct arena *arena,
                   struct sms_row *out)
{
    const struct bucket *b = bucket_of(m, id);

    if (m->changes != changes) {
        forget_all(m);
        m->changes = changes;
        return false;
    }
    for (size_t i = 0; i < WAYS; i++) {
        const struct kept *k = b->kept[i];

        if (k && uuid_eq(&k->row.id, id)) {
            *out = k->row;
            move_texts(out, arena_alloc(arena, texts_len(out) + 1));
            return true;
        }
    }
    return false;
}

static bool was_offered(struct bucket *b, uint32_t mark)
{
    for (size_t i = 0; i < WAYS; i++)
        if (b->marks[i] == mark)
            return true;
    b->marks[b->next_mark++ % WAYS] = mark;
    return false;
}

void sms_memo_offer(struct sms_memo *m, const struct sms_row *row)
{
    struct bucket *b = bucket_of(m, &row->id);
    size_t len = texts_len(row);
    struct kept **slot, *k;

    if ((row->state != SMS_DELIVERED && row->state != SMS_FAILED) || len > TEXTS_MAX ||
        !was_offered(b, mark_of(&row->id)))
        return;
    k = malloc(sizeof *k + len);
    if (!k)
        abort();
    k->row = *row;
    move_texts(&k->row, k->texts);
    slot = &b->kept[b->next_kept++ % WAYS];
    free(*slot);
    *slot = k;
}
