/* Bodies of the chat service: each is read as each operation reads it. What was accepted keeps the
 * stated limits; what was not is told. The first octet picks the operation. */
#include "fuzz.h"

#include "services/body.h"
#include "services/chat/chat_wire.h"

static void check_metadata(struct str text, size_t max, struct arena *arena)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct str merged;

    if (!text.len)
        return;
    CHECK(json_read(text, &obj, NULL) == RC_OK);
    CHECK(json_is_object(obj) || json_is_null(obj));
    CHECK(chat_metadata_merge(STR("{\"k\":\"v\"}"), text, max + 2, arena, &merged) == RC_OK);
}

static void check_guests(const struct chat_guests *guests)
{
    CHECK(guests->n <= CHAT_ADD_MAX);
    for (size_t i = 0; i < guests->n; i++) {
        const struct chat_person *p = &guests->items[i].person;

        CHECK(p->raw_id.len > 0);
        CHECK(p->code == 0 || p->code == 400 || p->code == 403);
        CHECK(guests->items[i].participant.share_from >= 0);
        for (size_t j = 0; j < i && p->code == 0; j++)
            CHECK(guests->items[j].person.code ||
                  !uuid_eq(&guests->items[j].participant.user, &p->key.user));
    }
}

static void check_invalid(const struct chat_guests *guests)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct json_writer w;
    struct buf out;

    buf_init(&out, chat_guests_invalid_max(guests));
    json_writer_init(&w, &out);
    json_object_begin(&w);
    chat_guests_write_invalid(&w, guests);
    json_object_end(&w);
    CHECK(!out.failed && json_read(buf_str(&out), &obj, NULL) == RC_OK);
    buf_clear(&out);
}

static void read_thread(struct chat_reading *r)
{
    struct str topic = STR_EMPTY, metadata = STR_EMPTY;
    struct chat_guests guests;
    uint32_t days = 0;

    chat_read_topic(r, &topic);
    chat_read_metadata(r, CHAT_METADATA_MAX, &metadata);
    (void)chat_read_retention(r, &days);
    chat_read_guests(r, false, &guests);
    if (r->problems.n)
        return;
    CHECK(topic.len > 0 && topic.len <= 4 * CHAT_TOPIC_MAX);
    CHECK(days == 0 || (days >= CHAT_RETENTION_MIN && days <= CHAT_RETENTION_MAX));
    check_metadata(metadata, CHAT_METADATA_MAX, r->req->arena);
    check_guests(&guests);
    check_invalid(&guests);
}

static void read_patch(struct chat_reading *r)
{
    struct str patch = STR_EMPTY;

    chat_read_metadata_patch(r, CHAT_METADATA_MAX, &patch);
    if (!r->problems.n)
        check_metadata(patch, CHAT_METADATA_MAX, r->req->arena);
}

static void read_person(struct chat_reading *r)
{
    struct chat_person person;

    if (chat_read_person(r, r->body, STR("body"), &person))
        CHECK(person.raw_id.len > 0 && r->problems.n == 0);
    else
        CHECK(r->problems.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct principal nobody = {.kind = PRINCIPAL_USER, .user.resource = {{1}}};
    static void (*const readers[])(struct chat_reading *) = {read_thread, read_patch, read_person};
    struct request req = {.principal = &nobody};
    struct chat_reading r = {.req = &req};
    struct refusal why = {0};
    struct arena arena;

    if (!size)
        return 0;
    arena_init(&arena);
    req.arena = &arena;
    req.body = str_of(data + 1, size - 1);
    if (body_object(&req, &r.body, &why))
        readers[data[0] % ARRAY_LEN(readers)](&r);
    json_decref(r.body);
    for (size_t i = 0; i < r.problems.n; i++)
        CHECK(r.problems.items[i].message.len > 0 && r.problems.items[i].target.len > 0);
    arena_clear(&arena);
    return 0;
}
