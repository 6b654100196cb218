/* The local certificate authority (RFC 5280): its own certificate, leaves, and two questions about
 * PEM texts.
 *
 * People put the CA into their trust stores, so it is fenced in by critical name constraints: who
 * steals its key can pose as localhost and the configured names, as nobody else. Files, renewal
 * and the choice of names belong to the callers. */
#include "crypto/x509.h"
#include "crypto/x509_private.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define CA_DAYS     3650
#define LEAF_DAYS   397 /* in all; above 398 some clients refuse */
#define DNS_MAX     ((size_t)253)
#define LABEL_MAX   ((size_t)63)
#define CN_MAX      ((size_t)64)
#define ADDRESS_MAX ((size_t)16)
#define PEM_LEN_MAX ((size_t)1 * MIB)

/* A name as it stands in a certificate: DNS text, or the octets of an address. */
struct alt_name {
    int type; /* GEN_DNS or GEN_IPADD */
    size_t len;
    char octets[DNS_MAX];
};

/* clang-format off */
static const struct { struct str octets; int type; } always_allowed[] = {
    {STR_INIT("localhost"), GEN_DNS},
    {STR_INIT("\x7f\0\0\0\xff\0\0\0"), GEN_IPADD}, /* 127.0.0.0/8 */
    {STR_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" "\xff\xff\xff\xff\xff\xff\xff\xff"
              "\xff\xff\xff\xff\xff\xff\xff\xff"), GEN_IPADD}, /* ::1/128 */
};
static const struct extension ca_extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
    {0, NULL},
};
static const struct extension leaf_extensions[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
    {0, NULL},
};
/* clang-format on */

void x509_freep(X509 **cert)
{
    X509_free(*cert);
}

static void free_key(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

static void free_bio(BIO **b)
{
    BIO_free(*b); /* a memory BIO wipes what it held */
}

static void free_names(GENERAL_NAMES **names)
{
    GENERAL_NAMES_free(*names);
}

static void free_constraints(NAME_CONSTRAINTS **nc)
{
    NAME_CONSTRAINTS_free(*nc);
}

/* OpenSSL would ask on the terminal. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type of the callback has no const */
static int no_password(char *buf, int size, int is_writing, void *ctx)
{
    (void)buf, (void)size, (void)is_writing, (void)ctx;
    return -1;
}

/* Letters, digits, hyphens inside, and underscores (container names have them). */
static bool is_label(struct str label, bool *out_is_number)
{
    size_t digits = 0;

    if (label.len == 0 || label.len > LABEL_MAX || label.ptr[0] == '-' ||
        label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
        digits += c >= '0' && c <= '9';
    }
    *out_is_number = digits == label.len;
    return true;
}

/* Lower-case; a last label of digits alone would be an address that did not parse. */
static bool is_dns_name(struct str name)
{
    struct str label, rest = name;
    bool more = true, is_number = false;

    while (more) {
        more = str_cut(rest, '.', &label, &rest);
        if (!is_label(label, &is_number))
            return false;
    }
    return !is_number;
}

static enum rc alt_name_parse(struct str text, struct alt_name *out)
{
    char cstr[DNS_MAX + 1] = {0};

    if (text.len == 0 || text.len > DNS_MAX || str_find(text, '\0') < text.len)
        return RC_INVALID;
    memcpy(cstr, text.ptr, text.len);
    *out = (struct alt_name){.type = GEN_IPADD};
    if (inet_pton(AF_INET, cstr, out->octets) == 1) {
        out->len = 4;
        return RC_OK;
    }
    if (inet_pton(AF_INET6, cstr, out->octets) == 1) {
        out->len = ADDRESS_MAX;
        return RC_OK;
    }
    *out = (struct alt_name){.type = GEN_DNS, .len = text.len};
    ascii_lower(out->octets, text);
    return is_dns_name(str_of(out->octets, out->len)) ? RC_OK : RC_INVALID;
}

/* Fills `general` with one name. */
static bool general_name_set(GENERAL_NAME *general, int type, struct str octets)
{
    ASN1_STRING *value =
        ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);

    if (!value || ASN1_STRING_set(value, octets.ptr, (int)octets.len) != 1) {
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(general, type, value);
    return true;
}

static bool permit(NAME_CONSTRAINTS *nc, int type, struct str octets)
{
    GENERAL_SUBTREE *tree = GENERAL_SUBTREE_new();

    if (!nc->permittedSubtrees)
        nc->permittedSubtrees = sk_GENERAL_SUBTREE_new_null();
    if (!tree || !nc->permittedSubtrees || !general_name_set(tree->base, type, octets) ||
        sk_GENERAL_SUBTREE_push(nc->permittedSubtrees, tree) <= 0) {
        GENERAL_SUBTREE_free(tree);
        return false;
    }
    return true;
}

/* The octets in pairs with the mask that follows the address. */
static bool address_covers(struct str address_and_mask, struct str address)
{
    const char *base = address_and_mask.ptr, *mask = base + address.len;

    if (address_and_mask.len != 2 * address.len)
        return false;
    for (size_t i = 0; i < address.len; i++)
        if (((address.ptr[i] ^ base[i]) & mask[i]) != 0)
            return false;
    return true;
}

/* The domain itself and what stands below it. */
static bool domain_covers(struct str domain, struct str name)
{
    size_t above = name.len - domain.len;

    if (name.len <= domain.len)
        return name_eq_nocase(name, domain);
    return name.ptr[above - 1] == '.' && name_eq_nocase(str_from_index(name, above), domain);
}

/* True when the subtree `base` covers `name` (RFC 5280 section 4.2.1.10). */
static bool covers(const GENERAL_NAME *base, const struct alt_name *name)
{
    int type = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(base, &type);
    struct str have = str_of(name->octets, name->len), want;

    if (type != name->type)
        return false;
    want = str_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    return type == GEN_DNS ? domain_covers(want, have) : address_covers(want, have);
}

static bool constraints_allow(const NAME_CONSTRAINTS *nc, const struct alt_name *name)
{
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(nc->permittedSubtrees); i++)
        if (covers(sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i)->base, name))
            return true;
    return false;
}

/* Allows one configured name: a DNS name with all below it, an address alone. */
static bool permit_name(NAME_CONSTRAINTS *nc, const struct alt_name *name)
{
    char with_mask[2 * ADDRESS_MAX];

    if (constraints_allow(nc, name))
        return true;
    if (name->type == GEN_DNS)
        return permit(nc, GEN_DNS, str_of(name->octets, name->len));
    memcpy(with_mask, name->octets, name->len);
    memset(with_mask + name->len, 0xff, name->len);
    return permit(nc, GEN_IPADD, str_of(with_mask, 2 * name->len));
}

static enum rc add_constraints(X509 *cert, const struct str *names, size_t n)
{
    AUTO(free_constraints) NAME_CONSTRAINTS *nc = NAME_CONSTRAINTS_new();
    struct alt_name name;

    if (!nc)
        return RC_INTERNAL;
    for (size_t i = 0; i < ARRAY_LEN(always_allowed); i++)
        if (!permit(nc, always_allowed[i].type, always_allowed[i].octets))
            return RC_INTERNAL;
    for (size_t i = 0; i < n; i++) {
        if (alt_name_parse(names[i], &name))
            return RC_INVALID;
        if (!permit_name(nc, &name))
            return RC_INTERNAL;
    }
    return X509_add1_ext_i2d(cert, NID_name_constraints, nc, 1, X509V3_ADD_DEFAULT) == 1
               ? RC_OK
               : RC_INTERNAL;
}

static enum rc add_alt_names(X509 *cert, const struct str *names, size_t n)
{
    AUTO(free_names) GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
    struct alt_name name;

    for (size_t i = 0; all && i < n; i++) {
        GENERAL_NAME *general;

        if (alt_name_parse(names[i], &name))
            return RC_INVALID;
        general = GENERAL_NAME_new();
        if (!general || !general_name_set(general, name.type, str_of(name.octets, name.len)) ||
            sk_GENERAL_NAME_push(all, general) <= 0) {
            GENERAL_NAME_free(general);
            return RC_INTERNAL;
        }
    }
    return all && X509_add1_ext_i2d(cert, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1
               ? RC_OK
               : RC_INTERNAL;
}

bool x509_add_extensions(X509 *cert, X509 *issuer, const struct extension *list)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    for (; list->nid != 0; list++) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, list->nid, list->value);
        bool ok = ext && X509_add_ext(cert, ext, -1) == 1;

        X509_EXTENSION_free(ext);
        if (!ok)
            return false;
    }
    return true;
}

/* Empty: 127 random bits. */
static bool set_serial(X509 *cert, struct str serial)
{
    uint8_t octets[16];
    BIGNUM *number = NULL;
    bool ok;

    if (!serial.len) {
        random_octets(octets, sizeof octets);
        octets[0] &= 0x7f; /* positive */
        serial = str_of(octets, sizeof octets);
    }
    number = BN_bin2bn((const unsigned char *)serial.ptr, (int)serial.len, NULL);
    ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    return ok;
}

X509 *x509_begin(const struct cert_plan *plan, EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *subject = cert ? X509_get_subject_name(cert) : NULL;

    if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 || !set_serial(cert, plan->serial) ||
        !ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(plan->not_before / 1000)) ||
        !ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(plan->not_after / 1000)) ||
        X509_set_pubkey(cert, key) != 1 ||
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                   (const unsigned char *)plan->common_name.ptr,
                                   (int)plan->common_name.len, -1, 0) != 1 ||
        X509_set_issuer_name(cert, plan->issuer ? X509_get_subject_name(plan->issuer) : subject) !=
            1) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static struct str bio_str(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);

    return len > 0 ? str_of(data, (size_t)len) : STR_EMPTY;
}

/* Hands certificate (and its issuer's) and key over in PEM. */
static enum rc deliver(X509 *cert, X509 *issuer, EVP_PKEY *key, struct buf *out_pem,
                       struct secret *out_key_pem)
{
    AUTO(free_bio) BIO *certs = BIO_new(BIO_s_mem());
    AUTO(free_bio) BIO *private = BIO_new(BIO_s_mem());
    struct secret key_pem;

    if (!certs || !private || PEM_write_bio_X509(certs, cert) != 1 ||
        (issuer && PEM_write_bio_X509(certs, issuer) != 1) ||
        PEM_write_bio_PKCS8PrivateKey(private, key, NULL, NULL, 0, NULL, NULL) != 1)
        return RC_INTERNAL;
    key_pem = secret_copy(bio_str(private).ptr, bio_str(private).len);
    if (!key_pem.octets)
        return RC_INTERNAL;
    buf_add(out_pem, bio_str(certs));
    if (out_pem->failed) {
        secret_clear(&key_pem);
        return out_pem->failed;
    }
    *out_key_pem = key_pem;
    return RC_OK;
}

static enum rc settle(enum rc rc)
{
    if (rc)
        ERR_clear_error();
    return rc;
}

static enum rc make_ca(const struct str *names, size_t n, unix_ms now, struct buf *out_cert_pem,
                       struct secret *out_key_pem)
{
    AUTO(free_key) EVP_PKEY *key = EVP_EC_gen("P-256");
    AUTO(x509_freep) X509 *cert = NULL;
    char common_name[] = "Callgate local CA 00000000";
    uint8_t tag[4];
    enum rc rc;

    random_octets(tag, sizeof tag);
    hex_encode(tag, sizeof tag, common_name + sizeof common_name - 1 - 2 * sizeof tag);
    const struct cert_plan plan = {
        .common_name = str_from(common_name),
        .not_before = now - DAY_MS,
        .not_after = now + CA_DAYS * DAY_MS,
    };
    cert = key ? x509_begin(&plan, key) : NULL;
    if (!cert || !x509_add_extensions(cert, cert, ca_extensions))
        return RC_INTERNAL;
    rc = add_constraints(cert, names, n);
    if (rc)
        return rc;
    if (X509_sign(cert, key, EVP_sha256()) == 0)
        return RC_INTERNAL;
    return deliver(cert, NULL, key, out_cert_pem, out_key_pem);
}

enum rc ca_make(const struct str *names, size_t n, unix_ms now, struct buf *out_cert_pem,
                struct secret *out_key_pem)
{
    return settle(make_ca(names, n, now, out_cert_pem, out_key_pem));
}

/* The first certificate of `pem`, or NULL. */
static X509 *read_cert(struct str pem)
{
    AUTO(free_bio) BIO *bio = NULL;

    if (pem.len == 0 || pem.len > PEM_LEN_MAX)
        return NULL;
    bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    return bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
}

static EVP_PKEY *read_key(const struct secret *pem)
{
    AUTO(free_bio) BIO *bio = NULL;

    if (pem->len == 0 || pem->len > PEM_LEN_MAX)
        return NULL;
    bio = BIO_new_mem_buf(pem->octets, (int)pem->len);
    return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
}

/* The first DNS name that fits; an address there would be taken for a DNS name and refused. */
static struct str common_name_of(const struct str *names, size_t n)
{
    struct alt_name name;

    for (size_t i = 0; i < n; i++)
        if (names[i].len <= CN_MAX && alt_name_parse(names[i], &name) == RC_OK &&
            name.type == GEN_DNS)
            return names[i];
    return STR("Callgate local server");
}

enum rc x509_time(const ASN1_TIME *time, unix_ms *out)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    int ok = epoch ? ASN1_TIME_diff(&days, &seconds, epoch, time) : 0;

    ASN1_TIME_free(epoch);
    if (ok != 1)
        return RC_INVALID;
    *out = days * DAY_MS + seconds * (unix_ms)1000;
    return RC_OK;
}

static enum rc make_leaf(const struct cert_plan *plan, const struct str *names, size_t n,
                         struct buf *out_chain_pem, struct secret *out_key_pem)
{
    AUTO(free_key) EVP_PKEY *key = EVP_EC_gen("P-256");
    AUTO(x509_freep) X509 *cert = key ? x509_begin(plan, key) : NULL;
    enum rc rc;

    if (!cert || !x509_add_extensions(cert, plan->issuer, leaf_extensions))
        return RC_INTERNAL;
    rc = add_alt_names(cert, names, n);
    if (rc)
        return rc;
    if (X509_sign(cert, plan->issuer_key, EVP_sha256()) == 0)
        return RC_INTERNAL;
    return deliver(cert, plan->issuer, key, out_chain_pem, out_key_pem);
}

/* NOLINTNEXTLINE(readability-function-size): who signs, for whom, until when */
enum rc leaf_make(struct str ca_cert_pem, const struct secret *ca_key_pem, const struct str *names,
                  size_t n, unix_ms now, struct buf *out_chain_pem, struct secret *out_key_pem)
{
    AUTO(x509_freep) X509 *ca = read_cert(ca_cert_pem);
    AUTO(free_key) EVP_PKEY *ca_key = read_key(ca_key_pem);
    struct cert_plan plan = {
        .common_name = common_name_of(names, n),
        .not_before = now - DAY_MS,
        .not_after = now + (LEAF_DAYS - 1) * DAY_MS,
        .issuer = ca,
        .issuer_key = ca_key,
    };
    unix_ms ca_end;

    if (n == 0 || !ca || !ca_key || X509_check_private_key(ca, ca_key) != 1 ||
        x509_time(X509_get0_notAfter(ca), &ca_end))
        return settle(RC_INVALID);
    if (plan.not_after > ca_end)
        plan.not_after = ca_end;
    return settle(make_leaf(&plan, names, n, out_chain_pem, out_key_pem));
}

bool cert_name_valid(struct str name)
{
    struct alt_name parsed;

    return alt_name_parse(name, &parsed) == RC_OK;
}

enum rc cert_not_after(struct str pem, unix_ms *out)
{
    AUTO(x509_freep) X509 *cert = read_cert(pem);

    return settle(cert ? x509_time(X509_get0_notAfter(cert), out) : RC_INVALID);
}

bool ca_allows(struct str ca_cert_pem, struct str name)
{
    AUTO(x509_freep) X509 *ca = read_cert(ca_cert_pem);
    AUTO(free_constraints)
    NAME_CONSTRAINTS *nc = ca ? X509_get_ext_d2i(ca, NID_name_constraints, NULL, NULL) : NULL;
    struct alt_name parsed;
    bool allowed = nc && alt_name_parse(name, &parsed) == RC_OK && constraints_allow(nc, &parsed);

    if (!ca || !nc)
        ERR_clear_error();
    return allowed;
}
