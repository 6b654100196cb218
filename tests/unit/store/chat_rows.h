/* Rows of chat for tests: what is put, and what is found again. */
#ifndef TESTS_UNIT_STORE_CHAT_ROWS_H
#define TESTS_UNIT_STORE_CHAT_ROWS_H

#include "fixture.h"

static inline void must(struct fixture *f, struct change c)
{
    assert_int_equal(fixture_commit(f, &c, 1), RC_OK);
}

static inline struct change put_thread(uint64_t n)
{
    return (struct change){
        .kind = CHANGE_CHAT_THREAD_PUT,
        .u.chat_thread = {.key = id_of(n),
                          .secret = id_of(1000 + n),
                          .resource = id_of(1),
                          .created_by = id_of(7),
                          .created = NOW,
                          .members = 1,
                          .topic = STR("topic")},
    };
}

static inline struct change put_member(uint64_t thread, uint64_t user, int64_t joined)
{
    return (struct change){
        .kind = CHANGE_CHAT_MEMBER_PUT,
        .u.chat_member = {.thread = id_of(thread), .user = id_of(user), .joined = joined},
    };
}

static inline struct change put_message(uint64_t thread, int64_t seq, unix_ms id)
{
    return (struct change){
        .kind = CHANGE_CHAT_MESSAGE_PUT,
        .u.chat_message = {.thread = id_of(thread),
                           .id = id,
                           .seq = seq,
                           .first_seq = seq,
                           .type = CHAT_TEXT,
                           .sender = id_of(7),
                           .version = id,
                           .content = STR("text")},
    };
}

static inline struct change put_head(uint64_t thread, int64_t seq)
{
    return (struct change){.kind = CHANGE_CHAT_HEAD_PUT, .u.chat_head = {id_of(thread), seq, NOW}};
}

static inline struct change log_entry(uint64_t thread)
{
    return (struct change){
        .kind = CHANGE_CHAT_LOG_ADD,
        .u.chat_log = {.thread = id_of(thread), .kind = CHAT_LOG_MESSAGE_RECEIVED, .time = NOW},
    };
}

static inline enum rc find_thread(struct fixture *f, uint64_t n, struct chat_thread_row *out)
{
    const struct uuid key = id_of(n);

    return store_chat_thread(f->reader, &key, &f->arena, out);
}

static inline enum rc find_member(struct fixture *f, uint64_t thread, uint64_t user,
                                  struct chat_member_row *out)
{
    const struct uuid key = id_of(thread), id = id_of(user);

    return store_chat_member(f->reader, &key, &id, &f->arena, out);
}

static inline enum rc find_message(struct fixture *f, uint64_t thread, unix_ms id,
                                   struct chat_message_row *out)
{
    const struct uuid key = id_of(thread);

    return store_chat_message(f->reader, &key, id, &f->arena, out);
}

static inline void check_thread(const struct chat_thread_row *got,
                                const struct chat_thread_row *row)
{
    assert_true(uuid_eq(&got->key, &row->key));
    assert_true(uuid_eq(&got->secret, &row->secret));
    assert_true(uuid_eq(&got->resource, &row->resource));
    assert_true(uuid_eq(&got->created_by, &row->created_by));
    assert_int_equal(got->created, row->created);
    assert_int_equal(got->deleted, row->deleted);
    assert_int_equal(got->seq, row->seq);
    assert_int_equal(got->last_id, row->last_id);
    assert_int_equal(got->members, row->members);
    assert_int_equal(got->delete_after_days, row->delete_after_days);
    assert_int_equal(got->expires, row->expires);
    check_text(got->topic, row->topic);
    check_text(got->metadata, row->metadata);
}

static inline void check_message(const struct chat_message_row *got,
                                 const struct chat_message_row *row)
{
    assert_true(uuid_eq(&got->thread, &row->thread));
    assert_int_equal(got->id, row->id);
    assert_int_equal(got->seq, row->seq);
    assert_int_equal(got->first_seq, row->first_seq);
    assert_int_equal(got->type, row->type);
    assert_true(uuid_eq(&got->sender, &row->sender));
    assert_int_equal(got->version, row->version);
    assert_int_equal(got->edited, row->edited);
    assert_int_equal(got->deleted, row->deleted);
    check_text(got->sender_name, row->sender_name);
    check_text(got->content, row->content);
    check_text(got->metadata, row->metadata);
}

#endif
