/* The access-key signer with its key state kept: one per client. */
#ifndef CLIENT_KEY_SIGNER_H
#define CLIENT_KEY_SIGNER_H

#include "callgate/signer.h"
#include "crypto/hash.h"

struct key_signer {
    struct mac_key *key;
    struct hash_work *work;
};

/** There is one, not empty, without blanks and controls: it can go into a header. */
bool text_is_plain(const char *text) NODISCARD;
/** Takes a base64 key of 1 to 128 octets. CG_INVALID, CG_NOMEM. Owned: key_signer_clear(). */
enum cg_status key_signer_init(struct key_signer *signer, struct str access_key,
                               struct cg_error *err) NODISCARD;
void key_signer_clear(struct key_signer *signer);
/** As cg_sign(). */
enum cg_status key_signer_sign(struct key_signer *signer, const struct cg_sign_input *input,
                               struct cg_signature *out, struct cg_error *err) NODISCARD;

#endif
