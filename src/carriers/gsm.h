/* What a text is on the air: the alphabet it needs, the parts it takes, and back to UTF-8.
 * Source: wire/sms §4.3; 3GPP 23.038, 23.040. */
#ifndef CARRIERS_GSM_H
#define CARRIERS_GSM_H

#include "base/arena.h"
#include "base/buf.h"

#define GSM_PARTS_MAX   255
#define GSM_UDH_LEN     ((size_t)6)
#define GSM_SINGLE      160 /* septets of a text that stands alone */
#define GSM_PART        153 /* of one of several parts */
#define GSM_UCS2_SINGLE 70  /* UTF-16 units */
#define GSM_UCS2_PART   67

struct gsm_measure {
    bool ucs2;
    uint32_t units;    /* septets, or UTF-16 units */
    uint32_t segments; /* 1 for the empty text */
};

/** RC_INVALID: not UTF-8. RC_TOO_LARGE: more than GSM_PARTS_MAX parts. */
enum rc gsm_measure(struct str utf8, struct gsm_measure *out) NODISCARD;

/** A text as it is sent: one septet per octet, or UTF-16BE. In the arena given to gsm_split(). */
struct gsm_parts {
    bool ucs2;
    uint32_t n;
    struct str whole;  /* all of it, without headers */
    struct str *items; /* each part; of several parts each begins with its header (GSM_UDH_LEN) */
};

/** `ref` is common to the parts of one message. Same results as gsm_measure(). */
enum rc gsm_split(struct str utf8, uint8_t ref, struct arena *arena,
                  struct gsm_parts *out) NODISCARD;

/** Each appends UTF-8, with U+FFFD for what means nothing: one septet per octet, … */
void gsm_decode(struct str octets, struct buf *out);
/** … UTF-16BE, … */
void gsm_decode_ucs2(struct str octets, struct buf *out);
/** … ISO 8859-1. */
void gsm_decode_latin1(struct str octets, struct buf *out);

#endif
