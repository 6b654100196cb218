/* See sms_memo.h. A message that is asked for again and again lies in the midst of millions: to
 * look it up touches some forty lines of memory on four pages, which by then are in none of the
 * processor's caches. Here it is one line of a table and the row itself. */
#include "store/sms_memo.h"

#include <stdlib.h>

#define TEXTS_MAX ((size_t)1024) /* of one message: 5 MiB for all, 2 MiB of usual ones */
#define TEXTS     7

struct kept {
    uint64_t changes;
    struct sms_row row;
    char texts[];
};

static void list_texts(struct sms_row *row, struct str *out[static TEXTS])
{
    struct str *const all[TEXTS] = {&row->from,      &row->to,  &row->text,   &row->tag,
                                    &row->transport, &row->ref, &row->history};

    memcpy(out, all, sizeof all);
}

static bool has_id(const void *kept, const void *key)
{
    const struct kept *k = kept;

    return uuid_eq(&k->row.id, key);
}

bool sms_memo_find(struct memo *m, uint64_t changes, const struct uuid *id, struct arena *arena,
                   struct sms_row *out)
{
    struct kept *k = memo_find(m, memo_octets(id), has_id, id);
    struct str *texts[TEXTS];

    if (!k)
        return false;
    if (k->changes != changes) {
        memo_drop(m, memo_octets(id), k);
        return false;
    }
    *out = k->row;
    list_texts(out, texts);
    memo_move_texts(texts, TEXTS, arena_alloc(arena, memo_texts_len(texts, TEXTS) + 1));
    return true;
}

void sms_memo_offer(struct memo *m, uint64_t changes, const struct sms_row *row)
{
    uint64_t octets = memo_octets(&row->id);
    struct sms_row copy = *row;
    struct str *texts[TEXTS];
    struct kept *k;
    size_t len;

    list_texts(&copy, texts);
    len = memo_texts_len(texts, TEXTS);
    if ((row->state != SMS_DELIVERED && row->state != SMS_FAILED) || len > TEXTS_MAX ||
        !memo_offer(m, octets))
        return;
    k = malloc(sizeof *k + len);
    if (!k)
        abort();
    k->changes = changes;
    k->row = *row;
    list_texts(&k->row, texts);
    memo_move_texts(texts, TEXTS, k->texts);
    memo_keep(m, octets, k);
}
