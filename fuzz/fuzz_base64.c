/* Both alphabets of base64: what decodes is the one spelling of its octets. */
#include "fuzz.h"

#include "crypto/base64.h"

#include <stdlib.h>

struct alphabet {
    enum rc (*decode)(struct str text, void *out, size_t cap, size_t *out_len);
    size_t (*encode)(const void *src, size_t len, char *out);
};

static void *room(size_t len)
{
    void *p = malloc(len ? len : 1);

    CHECK(p);
    return p;
}

static void check_text(const struct alphabet *a, struct str text)
{
    size_t cap = text.len / 4 * 3 + 3, len = SIZE_MAX, less;
    uint8_t *octets = room(cap);

    if (a->decode(text, octets, cap, &len) == RC_OK) {
        char *again = room(BASE64_LEN(len));

        CHECK(len <= cap);
        CHECK(str_eq(str_of(again, a->encode(octets, len, again)), text));
        CHECK(!len || a->decode(text, octets, len - 1, &less) == RC_TOO_LARGE);
        CHECK(a->decode(text, octets, len, &less) == RC_OK && less == len);
        free(again);
    } else {
        CHECK(len == SIZE_MAX);
    }
    free(octets);
}

static void check_octets(const struct alphabet *a, struct str octets)
{
    char *text = room(BASE64_LEN(octets.len));
    size_t n = a->encode(octets.ptr, octets.len, text), len = 0;
    uint8_t *again = room(octets.len);

    CHECK(a->decode(str_of(text, n), again, octets.len, &len) == RC_OK);
    CHECK(str_eq(str_of(again, len), octets));
    free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct alphabet alphabets[] = {{base64_decode, base64_encode},
                                                {base64url_decode, base64url_encode}};

    for (size_t i = 0; i < ARRAY_LEN(alphabets); i++) {
        check_text(&alphabets[i], str_of(data, size));
        check_octets(&alphabets[i], str_of(data, size));
    }
    return 0;
}
