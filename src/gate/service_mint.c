/* Minting service tokens: the claims that Entra ID writes, so that its verifiers read them. What is
 * written between quotes comes from our own records or was checked before (audiences), and is
 * escaped all the same. Source: wire/managed-identity §1.10. */
#include "crypto/base64.h"
#include "gate/gate_private.h"

#include "crypto/jws.h"

#define PURPOSE     STR("issuer")
#define PAYLOAD_MAX (4 * KIB)
#define UTI_LEN     ((size_t)16)
#define BACK_S      300 /* nbf lies before iat, as in Entra */

static void write_issuer(struct json_writer *w, const struct service_mint *m,
                         const struct directory *d, struct buf *scratch)
{
    buf_reset(scratch);
    buf_add(scratch, m->origin);
    buf_add_char(scratch, '/');
    buf_add(scratch, d->tenant_text);
    buf_add(scratch, m->version_1 ? STR("/") : STR("/v2.0"));
    json_member_str(w, "iss", buf_str(scratch));
    json_member_str(w, "idp", buf_str(scratch));
}

static void write_claims(struct json_writer *w, const struct service_mint *m,
                         const struct directory *d, const struct service_minted *minted,
                         struct buf *scratch)
{
    const struct application_row *app = m->application;
    int64_t iat = minted->issued / 1000;

    json_object_begin(w);
    json_member_str(w, "aud", m->audience);
    write_issuer(w, m, d, scratch);
    json_member_int(w, "iat", iat);
    json_member_int(w, "cgi", minted->issued);
    json_member_int(w, "nbf", iat - BACK_S);
    json_member_int(w, "exp", minted->expires / 1000);
    json_member_id(w, "appid", &app->client_id);
    json_member_id(w, "azp", &app->client_id);
    json_member_str(w, "appidacr", m->by_secret ? STR("1") : STR("2"));
    json_member_str(w, "azpacr", m->by_secret ? STR("1") : STR("2"));
    json_member_str(w, "idtyp", STR("app"));
    json_member_id(w, "oid", &app->object_id);
    json_member_id(w, "sub", &app->object_id);
    json_member_str(w, "tid", d->tenant_text);
    json_member_str(w, "uti", str_of(minted->uti, sizeof minted->uti));
    json_member_str(w, "ver", m->version_1 ? STR("1.0") : STR("2.0"));
    if (m->managed_identity.len)
        json_member_str(w, "xms_mirid", m->managed_identity);
    if (m->client_capabilities.len) {
        json_name(w, "xms_cc");
        json_raw(w, m->client_capabilities);
    }
    json_object_end(w);
}

/* Younger than the last revocation, also when that was in this millisecond. */
static unix_ms issue_time(const struct service_mint *m)
{
    unix_ms revoked = m->application->revoked_before;

    return revoked && revoked >= m->now ? revoked + 1 : m->now;
}

static bool origin_fits(const struct service_mint *m, const struct directory *d)
{
    char iss[600];
    int len = snprintf(iss, sizeof iss, STR_FMT "/" STR_FMT "/v2.0", STR_ARG(m->origin),
                       STR_ARG(d->tenant_text));

    return len > 0 && (size_t)len < sizeof iss && issuer_is_own(d, str_of(iss, (size_t)len));
}

enum rc gate_mint_service(struct gate_loop *gl, const struct service_mint *m, struct buf *out,
                          struct service_minted *minted)
{
    const struct directory *d = directory_now(gl);
    const struct signing_key *key = directory_signer(d, PURPOSE, m->now);
    struct service_minted made = {.issued = issue_time(m)};
    uint8_t random[UTI_LEN];
    char payload_room[PAYLOAD_MAX], scratch_room[KIB];
    struct buf payload = {.ptr = payload_room, .cap = PAYLOAD_MAX, .max = PAYLOAD_MAX - 1};
    struct buf scratch = {.ptr = scratch_room, .cap = KIB, .max = KIB - 1};
    struct json_writer w;
    enum rc rc;

    if (!key)
        return RC_BUSY;
    if (m->seconds <= 0 || m->seconds * 1000 > TOKEN_LONGEST_MS || !origin_fits(m, d))
        return RC_INVALID;
    made.expires = (made.issued / 1000 + m->seconds) * 1000;
    random_octets(random, sizeof random);
    (void)base64url_encode(random, sizeof random, made.uti); /* 16 octets: 22 characters */
    json_writer_init(&w, &payload);
    write_claims(&w, m, d, &made, &scratch);
    rc = payload.failed ? payload.failed : scratch.failed; /* they have not left their rooms */
    if (!rc)
        rc = jws_compose(kept_signer(gl, key->key), gl->work, key->header_b64, buf_str(&payload),
                         out);
    if (!rc)
        *minted = made;
    return rc;
}
