/* SMPP 3.4 on the wire: octets to values and back. Slices of what is read point into it. Nothing
 * here keeps a state. Source: wire/sms §6.2; SMPP 3.4 §4, §5. */
#ifndef CARRIERS_SMPP_PDU_H
#define CARRIERS_SMPP_PDU_H

#include "base/buf.h"

#define SMPP_HEADER_LEN   ((size_t)16)
#define SMPP_PDU_MAX      (70 * KIB) /* a message_payload of 64 KiB, and the rest */
#define SMPP_TLVS_MAX     64
#define SMPP_SEQUENCE_MAX 0x7FFFFFFFu
#define SMPP_SHORT_MAX    ((size_t)254)
#define SMPP_ID_MAX       ((size_t)64) /* of a message, without the NUL */

/* command_id: macros, since the highest bit does not fit an enumerator */
#define SMPP_BIND_RECEIVER      1u
#define SMPP_BIND_TRANSMITTER   2u
#define SMPP_SUBMIT_SM          4u
#define SMPP_DELIVER_SM         5u
#define SMPP_UNBIND             6u
#define SMPP_BIND_TRANSCEIVER   9u
#define SMPP_ENQUIRE_LINK       0x15u
#define SMPP_ALERT_NOTIFICATION 0x102u
#define SMPP_GENERIC_NACK       0x80000000u
#define SMPP_RESPONSE           0x80000000u

enum smpp_status {
    SMPP_ROK = 0,
    SMPP_RINVMSGLEN = 0x01,
    SMPP_RINVCMDLEN = 0x02,
    SMPP_RINVCMDID = 0x03,
    SMPP_RINVBNDSTS = 0x04,
    SMPP_RALYBND = 0x05,
    SMPP_RSYSERR = 0x08,
    SMPP_RINVSRCADR = 0x0A,
    SMPP_RINVDSTADR = 0x0B,
    SMPP_RBINDFAIL = 0x0D,
    SMPP_RINVPASWD = 0x0E,
    SMPP_RINVSYSID = 0x0F,
    SMPP_RMSGQFUL = 0x14,
    SMPP_RSUBMITFAIL = 0x45,
    SMPP_RTHROTTLED = 0x58,
    SMPP_RX_T_APPN = 0x64, /* deliver_sm: later, perhaps */
};

/* esm_class */
#define SMPP_ESM_KIND    0x3Cu
#define SMPP_ESM_RECEIPT 0x04u
#define SMPP_ESM_UDH     0x40u

struct smpp_header {
    uint32_t length, command, status, sequence;
};

struct smpp_address {
    uint8_t ton, npi;
    struct str text; /* ≤ 20 */
};

struct smpp_bind {
    struct str system_id, password, system_type; /* ≤ 15, ≤ 8, ≤ 12 */
    uint8_t version;
    struct smpp_address range; /* ≤ 40 */
};

/** A submit_sm or deliver_sm. */
struct smpp_message {
    struct str service_type; /* ≤ 5 */
    struct smpp_address source, destination;
    uint8_t esm_class, protocol_id, priority;
    struct str schedule, validity; /* ≤ 16 */
    uint8_t registered, replace, coding, default_id;
    struct str text;         /* short_message, ≤ 254 octets */
    struct str payload;      /* message_payload; ptr NULL: absent */
    struct str receipted_id; /* ≤ 64; ptr NULL: absent */
    uint8_t state;           /* message_state; 0: absent */
    bool sar;                /* the three sar_* are there */
    uint16_t sar_ref;
    uint8_t sar_total, sar_number;
};

/** RC_INVALID: the length is below a header's, or the sequence is none (0 is let pass for
 * generic_nack); RC_TOO_LARGE: over SMPP_PDU_MAX. `octets` holds SMPP_HEADER_LEN at least. */
enum rc smpp_header_read(struct str octets, struct smpp_header *out) NODISCARD;

/** Bodies: what stands behind the header. RC_INVALID: cut short, a text that does not end where it
 * must, a TLV of the wrong size; RC_TOO_LARGE: more TLVs than SMPP_TLVS_MAX. */
enum rc smpp_message_read(struct str body, struct smpp_message *out) NODISCARD;
enum rc smpp_bind_read(struct str body, struct smpp_bind *out) NODISCARD;
/** The one text of a bind's or a submit's response; an empty body is an empty text. */
enum rc smpp_text_read(struct str body, struct str *out) NODISCARD;

/** Whole PDUs, appended. Texts over their limits are RC_INVALID, with `out` as it was. */
enum rc smpp_message_write(struct buf *out, struct smpp_header header,
                           const struct smpp_message *m) NODISCARD;
enum rc smpp_bind_write(struct buf *out, struct smpp_header header,
                        const struct smpp_bind *b) NODISCARD;
/** A header and one text: responses to binds, submit_sm and deliver_sm. */
enum rc smpp_text_write(struct buf *out, struct smpp_header header, struct str text) NODISCARD;
/** A header alone: enquire_link, unbind, generic_nack, and their responses. */
void smpp_plain_write(struct buf *out, struct smpp_header header);
/** Into a PDU written before. */
void smpp_set_sequence(char *pdu, uint32_t sequence);

/** The sole text of a message: the payload when there is one. */
static inline struct str smpp_message_text(const struct smpp_message *m)
{
    return m->payload.ptr && m->payload.len ? m->payload : m->text;
}

#endif
