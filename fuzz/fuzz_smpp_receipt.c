/* Receipts: ids and states of whatever a carrier writes; spellings are normal, distinct and find
 * their way back. */
#include "fuzz.h"

#include "carriers/gsm.h"
#include "carriers/smpp_receipt.h"

static void check_spellings(struct str id, enum smpp_ids ids)
{
    struct smpp_spellings s;
    char normal[SMPP_SPELLING_ROOM];

    smpp_id_spell(id, ids, &s);
    CHECK(s.n >= 1 && s.n <= SMPP_SPELLINGS_MAX);
    for (size_t i = 0; i < s.n; i++) {
        struct str text = str_from(s.text[i]);

        CHECK(text.len <= SMPP_ID_MAX);
        smpp_id_normal(text, normal);
        CHECK(str_eq(text, str_from(normal)));
        for (size_t other = 0; other < i; other++)
            CHECK(!str_eq(text, str_from(s.text[other])));
    }
}

static void check_alphabets(struct str octets)
{
    static void (*const decoders[])(struct str octets, struct buf * out) = {
        gsm_decode, gsm_decode_ucs2, gsm_decode_latin1};
    struct buf out;

    buf_init(&out, MIB);
    for (size_t i = 0; i < ARRAY_LEN(decoders); i++) {
        buf_reset(&out);
        decoders[i](octets, &out);
        CHECK(out.failed || str_is_utf8(buf_str(&out)));
    }
    buf_clear(&out);
}

static void check_cutting(struct str text)
{
    struct gsm_measure m;
    struct gsm_parts parts;
    struct arena arena;

    if (gsm_measure(text, &m))
        return;
    arena_init(&arena);
    CHECK(gsm_split(text, 1, &arena, &parts) == RC_OK && parts.n == m.segments);
    CHECK(parts.ucs2 == m.ucs2 && parts.whole.len == m.units * (m.ucs2 ? 2 : 1));
    for (uint32_t i = 0; i < parts.n; i++)
        CHECK(parts.items[i].len <= (m.ucs2 ? 140u : 160u));
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_of(data, size), line = fuzz_take_line(&all);
    struct smpp_message m = {.text = str_head(all, SMPP_SHORT_MAX),
                             .state = line.len ? (uint8_t)line.ptr[0] : 0};
    struct smpp_receipt r;
    bool delivered;
    uint32_t code = 0;

    if (line.len > 1)
        m.receipted_id = str_head(str_from_index(line, 1), SMPP_ID_MAX);
    smpp_receipt_read(&m, &r);
    CHECK(r.id.len <= SMPP_ID_MAX && r.error.len <= 8);
    CHECK(fuzz_lies_within(r.id, m.text) || fuzz_lies_within(r.id, m.receipted_id));
    CHECK(smpp_state_final(r.state, &delivered, &code) == RC_BUSY || code >= 2000);
    CHECK(!delivered || code == 2000);
    for (int ids = SMPP_IDS_AUTO; ids <= SMPP_IDS_DECIMAL_TO_HEX; ids++)
        check_spellings(r.id, (enum smpp_ids)ids);
    check_alphabets(all);
    check_cutting(all);
    return 0;
}
