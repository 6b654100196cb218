/* What an SMPP receipt says, whatever its form. Source: wire/sms §6.2; SMPP 3.4 appendix B. */
#ifndef CARRIERS_SMPP_RECEIPT_H
#define CARRIERS_SMPP_RECEIPT_H

#include "carriers/smpp_pdu.h"

enum smpp_state { /* as message_state counts */
                  SMPP_STATE_NONE = 0,
                  SMPP_ENROUTE,
                  SMPP_DELIVERED,
                  SMPP_EXPIRED,
                  SMPP_DELETED,
                  SMPP_UNDELIVERABLE,
                  SMPP_ACCEPTED,
                  SMPP_UNKNOWN,
                  SMPP_REJECTED,
};

struct smpp_receipt {
    struct str id;         /* of the message at the carrier; slice; empty: it names none */
    enum smpp_state state; /* NONE: it says nothing that we know */
    struct str error; /* "err:" of the text, ≤ 8 letters and digits, for logs; may be empty */
};

/** Reads "id:… stat:… err:…"; the optional parameters of the message win over its text. */
void smpp_receipt_read(const struct smpp_message *m, struct smpp_receipt *out);

/** Whether that is a message's end, and which: RC_OK; RC_BUSY: it is on its way. */
enum rc smpp_state_final(enum smpp_state state, bool *out_delivered, uint32_t *out_code);

enum smpp_ids { /* how ids of receipts relate to those of responses */
                SMPP_IDS_AUTO = 0,
                SMPP_IDS_SAME,
                SMPP_IDS_HEX_TO_DECIMAL, /* responses hexadecimal, receipts decimal */
                SMPP_IDS_DECIMAL_TO_HEX,
};
#define SMPP_SPELLINGS_MAX 3
#define SMPP_SPELLING_ROOM (SMPP_ID_MAX + 1)

/** Spellings of a receipt's id, under any of which the message may be kept, likeliest first.
 * Each is normal: see smpp_id_normal(). */
struct smpp_spellings {
    size_t n;
    char text[SMPP_SPELLINGS_MAX][SMPP_SPELLING_ROOM]; /* NUL-terminated */
    enum smpp_ids by[SMPP_SPELLINGS_MAX];
};
void smpp_id_spell(struct str id, enum smpp_ids ids, struct smpp_spellings *out);
/** Lower case, and of numbers without zeros in front: how ids are kept. NUL-terminated. */
void smpp_id_normal(struct str id, char out[static 65]);

#endif
