/* Lists of chat, and what clearing and pruning leave. Rows and turns: test_store_chat.c. */
#include "fixture.h"

#include <sqlite3.h>

static void must(struct fixture *f, struct change c)
{
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
}

static struct change put_thread(uint64_t n)
{
    return (struct change){
        .kind = CHANGE_CHAT_THREAD_PUT,
        .u.chat_thread = {.key = id_of(n), .created = NOW, .topic = STR("topic")},
    };
}

static struct change put_member(uint64_t thread, uint64_t user, int64_t joined, int64_t gone)
{
    return (struct change){
        .kind = CHANGE_CHAT_MEMBER_PUT,
        .u.chat_member = {.thread = id_of(thread),
                          .user = id_of(user),
                          .joined = joined,
                          .gone = gone},
    };
}

/** Sent by user `seq` % 3, changed last as `seq`. */
static struct change put_message(uint64_t thread, int64_t first_seq, int64_t seq, unix_ms id)
{
    return (struct change){
        .kind = CHANGE_CHAT_MESSAGE_PUT,
        .u.chat_message = {.thread = id_of(thread),
                           .id = id,
                           .seq = seq,
                           .first_seq = first_seq,
                           .type = CHAT_TEXT,
                           .sender = id_of((uint64_t)first_seq % 3),
                           .content = STR("text")},
    };
}

static struct change put_receipt(uint64_t thread, uint64_t user, unix_ms message)
{
    return (struct change){
        .kind = CHANGE_CHAT_RECEIPT_PUT,
        .u.chat_receipt = {id_of(thread), id_of(user), message, message + 1},
    };
}

static struct change add_entry(uint64_t thread, unix_ms time)
{
    return (struct change){
        .kind = CHANGE_CHAT_LOG_ADD,
        .u.chat_log = {.thread = id_of(thread), .kind = CHAT_LOG_MESSAGE_RECEIVED, .time = time},
    };
}

/** Commits `n` changes that `make` gives, 500 to a set. */
static void fill(struct fixture *f, int64_t n, struct change (*make)(int64_t i))
{
    struct change *c = calloc(500, sizeof *c);

    assert_non_null(c);
    for (int64_t done = 0; done < n;) {
        size_t set = 0;

        for (; set < 500 && done < n; set++)
            c[set] = make(done++);
        assert_int_equal(fixture_commit(f, c, set), RC_OK);
    }
    free(c);
}

static struct chat_page must_list(struct fixture *f, struct chat_query query)
{
    struct chat_page page;

    assert_int_equal(store_list_chat(f->reader, &query, &f->arena, &page), RC_OK);
    return page;
}

/* ---- messages ---- */

enum { MESSAGES = 300 };

/** Messages 1 to MESSAGES of thread 1, as they stand after edits; ids go up by 1 to 3. */
struct model {
    struct chat_message_row rows[MESSAGES];
    int64_t seq;
    uint64_t random;
};

static uint64_t roll(struct model *m, uint64_t below)
{
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return (m->random >> 33) % below;
}

static void make_model(struct fixture *f, struct model *m, int edits)
{
    unix_ms id = NOW;

    must(f, put_thread(1));
    for (int i = 0; i < MESSAGES; i++) {
        struct change c;

        id += 1 + (unix_ms)roll(m, 3);
        m->seq += 1 + (int64_t)roll(m, 2); /* some numbers are of no message */
        c = put_message(1, m->seq, m->seq, id);
        m->rows[i] = c.u.chat_message;
        must(f, c);
        for (int e = 0; e < edits && roll(m, 2); e++) {
            struct chat_message_row *row = &m->rows[roll(m, (uint64_t)i + 1)];

            row->seq = ++m->seq;
            must(f, put_message(1, row->first_seq, row->seq, row->id));
        }
    }
}

/** The next message of the list after `seq_below`, or NULL. */
static const struct chat_message_row *expected(const struct model *m, const struct chat_query *q,
                                               int64_t seq_below)
{
    const struct chat_message_row *best = NULL;

    for (size_t i = 0; i < MESSAGES; i++) {
        const struct chat_message_row *row = &m->rows[i];

        if ((seq_below == 0 || row->seq < seq_below) && row->id >= q->id_from &&
            (q->id_to == 0 || row->id <= q->id_to) && (!best || row->seq > best->seq))
            best = row;
    }
    return best;
}

static void check_all_pages(struct fixture *f, const struct model *m, struct chat_query q)
{
    int64_t below = q.seq_below;
    struct chat_page page;

    do {
        page = must_list(f, q);
        assert_true(page.n <= q.limit);
        for (size_t i = 0; i < page.n; i++) {
            const struct chat_message_row *row = expected(m, &q, below);

            assert_non_null(row);
            assert_int_equal(page.messages[i].seq, row->seq);
            assert_int_equal(page.messages[i].id, row->id);
            assert_int_equal(page.messages[i].first_seq, row->first_seq);
            check_id(&page.messages[i].thread, 1);
            below = row->seq;
        }
        assert_true(!page.more || page.n == q.limit);
        q.seq_below = page.next_seq;
    } while (page.more);
    assert_null(expected(m, &q, below));
    arena_reset(&f->arena);
}

static void lists_messages_by_their_last_change(struct fixture *f)
{
    static const int edits[] = {0, 1, 3};

    for (size_t e = 0; e < ARRAY_LEN(edits); e++) {
        struct model m = {.random = e};
        struct chat_query q = {
            .what = CHAT_LIST_MESSAGES, .thread = id_of(1), .limit = STORE_ROWS_MAX};

        fixture_open(f);
        make_model(f, &m, edits[e]);
        must(f, put_thread(2)); /* its messages are nobody else's */
        must(f, put_message(2, 1, 900, NOW));
        must(f, put_thread(3));
        check_all_pages(f, &m, q);
        for (int i = 0; i < 400; i++) {
            q.limit = 1 + (uint32_t)roll(&m, 20);
            q.seq_below = roll(&m, 2) ? 0 : (int64_t)roll(&m, (uint64_t)m.seq + 5);
            q.id_from = roll(&m, 2) ? 0 : NOW + (unix_ms)roll(&m, 700);
            q.id_to = roll(&m, 2) ? 0 : NOW + (unix_ms)roll(&m, 700);
            check_all_pages(f, &m, q);
        }
        fixture_close(f);
        assert_int_equal(remove(f->path), 0);
    }
}

static void takes_any_bounds(struct fixture *f)
{
    static const struct {
        int64_t seq_below, from, to;
        size_t n;
    } cases[] = {
        {0, 0, 0, 2},       {INT64_MAX, 0, 0, 2}, {INT64_MAX, INT64_MIN, INT64_MAX, 2},
        {-1, -1, -1, 2},    {0, INT64_MAX, 0, 0}, {0, INT64_MAX, INT64_MAX, 0},
        {0, 0, 1, 0},       {1, 0, 0, 0},         {2, 0, 0, 1},
        {3, 0, 0, 2},       {0, NOW, NOW, 1},     {0, NOW + 1, NOW, 0},
        {0, NOW + 1, 0, 1},
    };

    fixture_open(f);
    must(f, put_thread(1));
    must(f, put_message(1, 1, 1, NOW));
    must(f, put_message(1, 2, 2, NOW + 1));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct chat_page page = must_list(f, (struct chat_query){.what = CHAT_LIST_MESSAGES,
                                                                 .thread = id_of(1),
                                                                 .seq_below = cases[i].seq_below,
                                                                 .id_from = cases[i].from,
                                                                 .id_to = cases[i].to,
                                                                 .limit = 10});

        if (page.n != cases[i].n || page.more)
            fail_msg("case %zu", i);
    }
    assert_int_equal(must_list(f, (struct chat_query){.what = CHAT_LIST_MESSAGES,
                                                      .thread = id_of(2), /* there is none */
                                                      .limit = 10})
                         .n,
                     0);
}

/** One of 30,000 messages that have all changed, the oldest last. */
static struct change changed_message(int64_t i)
{
    return put_message(1, i + 1, 100000 - i, NOW + i);
}

static void ends_a_page_after_so_many_rows(struct fixture *f)
{
    static const struct {
        unix_ms from, to;
    } cases[] = {{0, NOW + 2}, {NOW + 29997, 0}}; /* three each, newest and oldest changes */

    fixture_open(f);
    must(f, put_thread(1));
    fill(f, 30000, changed_message);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct chat_query q = {.what = CHAT_LIST_MESSAGES,
                               .thread = id_of(1),
                               .id_from = cases[i].from,
                               .id_to = cases[i].to,
                               .limit = 100};
        struct chat_page first = must_list(f, q), second;

        assert_true(first.more);
        q.seq_below = first.next_seq;
        second = must_list(f, q);
        assert_false(second.more);
        assert_int_equal(first.n, i == 0 ? 3 : 0);
        assert_int_equal(second.n, i == 0 ? 0 : 3);
    }
}

/** Pages of five messages that are half as long as a page may be, both ways. */
static void ends_a_page_whose_texts_are_long(struct fixture *f)
{
    static char text[CHAT_PAGE_OCTETS / 2];
    struct chat_query queries[] = {
        {.what = CHAT_LIST_MESSAGES, .thread = id_of(1), .limit = 10},
        {.what = CHAT_LIST_SENT, .thread = id_of(1), .user = id_of(7), .limit = 10},
    };

    memset(text, 'x', sizeof text);
    fixture_open(f);
    must(f, put_thread(1));
    for (int64_t i = 0; i < 5; i++) {
        struct change c = put_message(1, i + 1, i + 1, NOW + i);

        c.u.chat_message.sender = id_of(7);
        c.u.chat_message.content = str_of(text, sizeof text / 2);
        c.u.chat_message.metadata = c.u.chat_message.content;
        must(f, c);
    }
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct chat_page page = {.more = true};

        for (size_t left = 5; left > 0; left -= page.n) {
            assert_true(page.more);
            page = must_list(f, queries[i]);
            assert_int_equal(page.n, left < 2 ? left : 2);
            queries[i].seq_below = page.next_seq;
            queries[i].id_from = i == 1 ? page.next_id : 0;
            arena_reset(&f->arena);
        }
        assert_false(page.more);
    }
}

static void lists_what_a_user_sent(struct fixture *f)
{
    struct chat_query q = {
        .what = CHAT_LIST_SENT, .thread = id_of(1), .user = id_of(1), .limit = 7};
    struct chat_page page;
    unix_ms last = 0;
    size_t n = 0;

    fixture_open(f);
    must(f, put_thread(1));
    assert_int_equal(must_list(f, q).n, 0);
    fill(f, 30000, changed_message);
    must(f, put_thread(2));
    must(f, put_message(2, 1, 1, NOW));
    do {
        page = must_list(f, q);
        for (size_t i = 0; i < page.n; i++) {
            assert_true(page.messages[i].id > last);
            check_id(&page.messages[i].sender, 1);
            last = page.messages[i].id;
        }
        assert_true(!page.more || page.n == 7);
        q.id_from = page.next_id;
        n += page.n;
        arena_reset(&f->arena);
    } while (page.more);
    assert_int_equal(n, 10000);
    q.user = id_of(9); /* sent nothing: two looks at most 20,000 rows each */
    q.id_from = 0;
    page = must_list(f, q);
    assert_int_equal(page.n, 0);
    assert_true(page.more);
    q.id_from = page.next_id;
    page = must_list(f, q);
    assert_int_equal(page.n, 0);
    assert_false(page.more);
}

/* ---- members, receipts ---- */

static void check_users(struct str wanted, const struct chat_page *page)
{
    char users[16];
    size_t n = 0;

    for (; n < page->n; n++)
        users[n] = (char)('0' + (page->members ? page->members[n].user.octets[15]
                                               : page->receipts[n].user.octets[15]));
    check_text(str_of(users, n), wanted);
}

static void lists_members_in_order_of_joining_and_receipts_by_user(struct fixture *f)
{
    struct change c[] = {put_thread(1),          put_member(1, 5, 1, 0), put_member(1, 4, 1, 0),
                         put_member(1, 3, 9, 0), put_member(1, 2, 8, 0), put_member(1, 1, 7, 8),
                         put_thread(2),          put_member(2, 1, 1, 0), put_receipt(1, 3, NOW),
                         put_receipt(1, 1, NOW), put_receipt(1, 2, NOW), put_receipt(2, 9, NOW)};
    static const struct {
        int what;
        uint32_t skip, limit;
        struct str wanted;
        bool more;
    } cases[] = {
        {CHAT_LIST_MEMBERS, 0, 10, STR_INIT("4523"), false},
        {CHAT_LIST_MEMBERS, 0, 4, STR_INIT("4523"), false},
        {CHAT_LIST_MEMBERS, 0, 3, STR_INIT("452"), true},
        {CHAT_LIST_MEMBERS, 1, 2, STR_INIT("52"), true},
        {CHAT_LIST_MEMBERS, 3, 2, STR_INIT("3"), false},
        {CHAT_LIST_MEMBERS, 4, 2, STR_INIT(""), false},
        {CHAT_LIST_MEMBERS, UINT32_MAX, 2, STR_INIT(""), false},
        {CHAT_LIST_RECEIPTS, 0, 10, STR_INIT("123"), false},
        {CHAT_LIST_RECEIPTS, 0, 2, STR_INIT("12"), true},
        {CHAT_LIST_RECEIPTS, 2, 2, STR_INIT("3"), false},
    };
    struct chat_page back;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, c, ARRAY_LEN(c)), RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct chat_query q = {.thread = id_of(1), .skip = cases[i].skip, .limit = cases[i].limit};
        struct chat_page page;

        q.what = cases[i].what == CHAT_LIST_MEMBERS ? CHAT_LIST_MEMBERS : CHAT_LIST_RECEIPTS;
        page = must_list(f, q);
        check_users(cases[i].wanted, &page);
        assert_int_equal(page.more, cases[i].more);
    }
    must(f, put_member(1, 4, 1, 20)); /* he leaves, and comes back */
    must(f, put_member(1, 4, 21, 0));
    back = must_list(f, (struct chat_query){CHAT_LIST_MEMBERS, .thread = id_of(1), .limit = 10});
    check_users(STR("5234"), &back);
}

static struct change membership(int64_t i)
{
    return i % 2 ? put_member((uint64_t)i / 2 + 1, 7, i + 1, i % 4 == 1 ? 0 : 5)
                 : put_thread((uint64_t)i / 2 + 1);
}

static void lists_threads_in_which_a_user_is_or_was(struct fixture *f)
{
    struct chat_query q = {.what = CHAT_LIST_THREADS, .user = id_of(7)};
    struct change deleted = put_thread(5), foreign = put_thread(102);
    struct chat_page page;
    bool seen[101] = {0};

    deleted.u.chat_thread.deleted = NOW;
    fixture_open(f);
    assert_int_equal(must_list(f, q).n, 0);
    fill(f, 200, membership);
    must(f, put_thread(101));
    must(f, put_member(101, 8, 1, 0));
    foreign.u.chat_thread.resource = id_of(2); /* another user there, of the same guid */
    must(f, foreign);
    must(f, put_member(102, 7, 1, 0));
    must(f, deleted);
    page = must_list(f, q);
    assert_int_equal(page.n, 99);
    assert_false(page.more);
    for (size_t i = 0; i < page.n; i++) {
        uint64_t n = page.threads[i].key.octets[15];

        assert_in_range(n, 1, 100);
        assert_true(n != 5 && !seen[n]);
        seen[n] = true;
        check_text(page.threads[i].topic, STR("topic"));
        check_id(&page.members[i].thread, n);
        check_id(&page.members[i].user, 7);
        assert_int_equal(page.members[i].joined, 2 * n);
        assert_int_equal(page.members[i].gone, n % 2 ? 0 : 5);
    }
}

/* ---- what time ends ---- */

static struct change put_expiring(uint64_t n, unix_ms expires, unix_ms deleted)
{
    struct change c = put_thread(n);

    c.u.chat_thread.expires = expires;
    c.u.chat_thread.deleted = deleted;
    return c;
}

static void lists_expired_and_deleted_threads(struct fixture *f)
{
    struct change c[] = {put_expiring(1, NOW + 2, 0), put_expiring(2, NOW + 1, 0),
                         put_expiring(3, NOW + 3, 0), put_expiring(4, 0, 0),
                         put_expiring(5, NOW, NOW),   put_expiring(6, 0, NOW)};
    struct chat_query q = {.what = CHAT_LIST_EXPIRED, .now = NOW + 2, .limit = 10};
    struct chat_page page;

    fixture_open(f);
    assert_int_equal(must_list(f, q).n, 0);
    assert_int_equal(fixture_commit(f, c, ARRAY_LEN(c)), RC_OK);
    page = must_list(f, q);
    assert_int_equal(page.n, 2);
    check_id(&page.threads[0].key, 2);
    check_id(&page.threads[1].key, 1);
    q.limit = 1;
    page = must_list(f, q);
    assert_int_equal(page.n, 1);
    assert_true(page.more);
    q.what = CHAT_LIST_DELETED;
    page = must_list(f, q);
    assert_int_equal(page.n, 1);
    assert_true(page.more);
    q.limit = 2;
    page = must_list(f, q);
    assert_int_equal(page.n, 2);
    assert_false(page.more);
}

/** All rows of the file's tables of chat that belong to threads. */
static int64_t rows_of_threads(struct fixture *f)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int64_t n;

    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT (SELECT count(*) FROM chat_threads)"
                                        " + (SELECT count(*) FROM chat_heads)"
                                        " + (SELECT count(*) FROM chat_members)"
                                        " + (SELECT count(*) FROM chat_messages)"
                                        " + (SELECT count(*) FROM chat_receipts)",
                                        -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

static struct change any_row(int64_t i)
{
    switch (i % 3) {
    case 0:
        return put_message(1, i + 1, i + 1, NOW + i);
    case 1:
        return put_member(1, (uint64_t)i, 1, 0);
    default:
        return put_receipt(1, (uint64_t)i, NOW);
    }
}

static void clears_a_deleted_thread_in_portions(struct fixture *f)
{
    struct change clear = {.kind = CHANGE_CHAT_CLEAR, .u.chat_clear.thread = id_of(1)};
    struct chat_query q = {.what = CHAT_LIST_DELETED, .limit = 10};
    int portions = 0;

    fixture_open(f);
    assert_int_equal(fixture_commit(f, &clear, 1), RC_OK); /* there is none */
    assert_false(clear.out_existed);
    must(f, put_thread(1));
    must(f, put_thread(2));
    must(f, put_member(2, 1, 1, 0));
    must(f, put_message(2, 1, 1, NOW));
    must(f, put_receipt(2, 1, NOW));
    fill(f, 16000, any_row);
    assert_int_equal(fixture_commit(f, &clear, 1), RC_CONFLICT); /* it lives */
    must(f, put_expiring(1, 0, NOW));
    do {
        assert_int_equal(must_list(f, q).n, 1);
        assert_int_equal(fixture_commit(f, &clear, 1), RC_OK);
        portions++;
    } while (clear.out_existed);
    assert_in_range(portions, 2, 10);
    assert_int_equal(must_list(f, q).n, 0);
    assert_int_equal(fixture_commit(f, &clear, 1), RC_OK);
    assert_int_equal(rows_of_threads(f), 5); /* of the other thread */
    must(f, put_thread(1));                  /* a new one has nothing of the old */
    q = (struct chat_query){.what = CHAT_LIST_MESSAGES, .thread = id_of(1), .limit = 10};
    assert_int_equal(must_list(f, q).n, 0);
}

/* ---- the log ---- */

static struct change entry(int64_t i)
{
    struct change c = add_entry((uint64_t)i + 1, NOW + i);

    c.u.chat_log.kind = (enum chat_log_kind)(1 + i % (CHAT_LOG_KIND_COUNT - 1));
    c.u.chat_log.message = i;
    c.u.chat_log.actor = id_of(7);
    c.u.chat_log.data = STR("{\"a\":1}");
    return c;
}

static struct change thread_of(int64_t i)
{
    struct change c = put_thread((uint64_t)i + 1);

    c.u.chat_thread.resource = id_of(i % 3 ? 900 : 901);
    c.u.chat_thread.deleted = i % 5 ? 0 : NOW;
    return c;
}

/* Ids grow with `i`; every third is another resource's, every fifth is deleted. */
static void lists_all_threads_of_a_resource_newest_first(struct fixture *f)
{
    struct chat_query q = {.what = CHAT_LIST_ALL, .resource = id_of(900), .limit = 100};
    struct chat_page page = {.more = true};
    size_t n = 0;

    fixture_open(f);
    fill(f, 3000, thread_of);
    for (int64_t i = 2999; page.more; q.before = page.next_key) {
        page = must_list(f, q);
        for (size_t k = 0; k < page.n; k++, n++, i--) {
            struct uuid expected;

            while (i % 3 == 0 || i % 5 == 0)
                i--;
            expected = id_of((uint64_t)i + 1);
            assert_true(uuid_eq(&page.threads[k].key, &expected));
        }
    }
    assert_int_equal(n, 1600);
    q = (struct chat_query){
        .what = CHAT_LIST_ALL, .resource = id_of(900), .from = id_of(2990), .limit = 100};
    assert_int_equal(must_list(f, q).n, 6);
    q.resource = id_of(902);
    assert_int_equal(must_list(f, q).n, 0);
}

static void lists_the_log_from_any_number_on(struct fixture *f)
{
    struct chat_query q = {.what = CHAT_LIST_LOG, .limit = 7};
    struct chat_page page;
    int64_t n = 0;

    fixture_open(f);
    page = must_list(f, q);
    assert_int_equal(page.n, 0);
    assert_int_equal(page.first_order, 0);
    assert_int_equal(page.last_order, 0);
    fill(f, 50, entry);
    do {
        page = must_list(f, q);
        assert_int_equal(page.first_order, 1);
        assert_int_equal(page.last_order, 50);
        for (size_t i = 0; i < page.n; i++, n++) {
            struct change wanted = entry(n);
            const struct chat_log_row *row = &wanted.u.chat_log, *got = &page.log[i];

            assert_int_equal(got->order, n + 1);
            assert_true(uuid_eq(&got->thread, &row->thread));
            assert_true(uuid_eq(&got->actor, &row->actor));
            assert_int_equal(got->kind, row->kind);
            assert_int_equal(got->time, row->time);
            assert_int_equal(got->message, row->message);
            check_text(got->data, row->data);
        }
        q.after_order = n;
    } while (page.more);
    assert_int_equal(n, 50);
    q.after_order = INT64_MAX;
    assert_int_equal(must_list(f, q).n, 0);
}

static struct change prune(unix_ms now, unix_ms log_before, uint32_t limit)
{
    return (struct change){.kind = CHANGE_CHAT_PRUNE, .u.chat_prune = {now, log_before, limit}};
}

static void prunes_the_log_and_keeps_its_ends(struct fixture *f)
{
    static const struct {
        unix_ms before;
        uint32_t limit;
        bool more;
        int64_t first; /* afterwards */
    } cases[] = {
        {NOW, 10, false, 1},       {NOW + 5, 100, false, 6}, {NOW + 20, 10, true, 16},
        {NOW + 20, 10, false, 21}, {NOW + 50, 30, true, 0},  {NOW + 50, 30, false, 0},
    };
    struct chat_query q = {.what = CHAT_LIST_LOG, .limit = 7};

    fixture_open(f);
    fill(f, 50, entry);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = prune(0, cases[i].before, cases[i].limit);
        struct chat_page page;

        assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
        page = must_list(f, q);
        if (c.out_existed != cases[i].more || page.first_order != cases[i].first)
            fail_msg("case %zu", i);
        assert_int_equal(page.last_order, 50);
    }
    fixture_reopen(f);
    assert_int_equal(must_list(f, q).last_order, 50);
    must(f, entry(50));
    assert_int_equal(must_list(f, q).first_order, 51);
}

static struct change repeat(int64_t i)
{
    struct change c = {.kind = CHANGE_CHAT_REPEAT_ADD,
                       .u.chat_repeat = {.user = id_of((uint64_t)i), .kept_until = NOW + i}};

    return c;
}

static void prunes_repeatable_creations(struct fixture *f)
{
    static const struct {
        unix_ms now;
        bool more;
        int64_t first; /* afterwards */
    } cases[] = {{NOW, false, 0}, {NOW + 5, false, 5}, {NOW + 20, true, 15}, {NOW + 20, false, 20}};

    fixture_open(f);
    fill(f, 30, repeat);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct change c = prune(cases[i].now, 0, 10);
        struct chat_repeat_row key;

        assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
        assert_int_equal(c.out_existed, cases[i].more);
        for (int64_t k = 0; k < 30; k++) {
            key = (struct chat_repeat_row){.user = id_of((uint64_t)k)};
            assert_int_equal(store_chat_repeat(f->reader, &key),
                             k < cases[i].first ? RC_NOT_FOUND : RC_OK);
        }
    }
}

static void refuses_a_question_that_there_is_not(struct fixture *f)
{
    struct chat_query q = {.limit = 7};
    struct chat_page page;

    fixture_open(f);
    assert_int_equal(store_list_chat(f->reader, &q, &f->arena, &page), RC_INVALID);
    assert_int_equal(page.n, 0);
}

/* clang-format off */
static const struct store_case cases[] = {
    {"lists messages by their last change", lists_messages_by_their_last_change},
    {"takes any bounds", takes_any_bounds},
    {"ends a page after so many rows", ends_a_page_after_so_many_rows},
    {"ends a page whose texts are long", ends_a_page_whose_texts_are_long},
    {"lists what a user sent", lists_what_a_user_sent},
    {"lists members in order of joining and receipts by user", lists_members_in_order_of_joining_and_receipts_by_user},
    {"lists threads in which a user is or was", lists_threads_in_which_a_user_is_or_was},
    {"lists expired and deleted threads", lists_expired_and_deleted_threads},
    {"lists all threads of a resource newest first", lists_all_threads_of_a_resource_newest_first},
    {"clears a deleted thread in portions", clears_a_deleted_thread_in_portions},
    {"lists the log from any number on", lists_the_log_from_any_number_on},
    {"prunes the log and keeps its ends", prunes_the_log_and_keeps_its_ends},
    {"prunes repeatable creations", prunes_repeatable_creations},
    {"refuses a question that there is not", refuses_a_question_that_there_is_not},
};
/* clang-format on */

int main(void)
{
    return run_cases("lists of chat", cases, ARRAY_LEN(cases));
}
