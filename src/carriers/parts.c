/* "parts/N/BITS": N decimal, BITS hexadecimal, bit 0 for the first part. What does not read like
 * that counts no parts. */
#include "carriers/parts.h"

#include "carriers/carrier.h"

static const struct str head = STR_INIT("parts/");

static bool read_bits(struct str text, uint64_t *out)
{
    char padded[16];
    uint8_t octets[8];

    if (text.len == 0 || text.len > sizeof padded)
        return false;
    memset(padded, '0', sizeof padded);
    memcpy(padded + sizeof padded - text.len, text.ptr, text.len);
    if (hex_decode(str_of(padded, sizeof padded), octets, sizeof octets))
        return false;
    *out = 0;
    for (size_t i = 0; i < sizeof octets; i++)
        *out = *out << 8 | octets[i];
    return true;
}

static struct str write_ref(uint64_t n, uint64_t bits, struct arena *arena)
{
    return arena_printf(arena, "parts/%llu/%llx", (unsigned long long)n, (unsigned long long)bits);
}

struct str carrier_parts_new(uint32_t n, struct arena *arena)
{
    return write_ref(n, 0, arena);
}

bool carrier_parts_arrived(struct str ref, uint32_t part, struct arena *arena, struct str *out_ref)
{
    struct str count, bits_text;
    uint64_t n, bits, all;

    if (!str_starts(ref, head) ||
        !str_cut(str_from_index(ref, head.len), '/', &count, &bits_text) ||
        str_to_u64(count, CARRIER_REFS_MAX, &n) || n < 2 || !read_bits(bits_text, &bits))
        return true;
    all = n == 64 ? UINT64_MAX : ((uint64_t)1 << n) - 1;
    if (part < n)
        bits |= (uint64_t)1 << part;
    *out_ref = write_ref(n, bits, arena);
    return (bits & all) == all;
}
