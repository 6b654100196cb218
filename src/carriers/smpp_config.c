/* The configuration of an SMPP transport: its members, their defaults and limits. Source: wire/sms
 * §6.2. */
#include "carriers/smpp_private.h"

#define SYSTEM_ID_MAX   15
#define PASSWORD_MAX    8
#define SYSTEM_TYPE_MAX 12
#define RANGE_MAX       40
#define PATH_TEXT_MAX   1024
#define HOST_MAX        253
#define PLAIN_PORT      2775
#define TLS_PORT        3550

#define AT(member) offsetof(struct smpp_config, member)

/* clang-format off */
static const struct json_field fields[] = {
    {"kind",                JSON_FIELD_STR,  AT(kind)},
    {"host",                JSON_FIELD_STR,  AT(host),              1, HOST_MAX, true},
    {"port",                JSON_FIELD_INT,  AT(port),              1, 65535},
    {"tls",                 JSON_FIELD_BOOL, AT(tls)},
    {"tlsName",             JSON_FIELD_STR,  AT(tls_name),          0, HOST_MAX},
    {"caFile",              JSON_FIELD_STR,  AT(ca_file),           0, PATH_TEXT_MAX},
    {"systemId",            JSON_FIELD_WORD, AT(system_id),         1, SYSTEM_ID_MAX, true},
    {"systemType",          JSON_FIELD_WORD, AT(system_type),       0, SYSTEM_TYPE_MAX},
    {"serviceType",         JSON_FIELD_WORD, AT(service_type),      0, 5},
    {"addressRange",        JSON_FIELD_WORD, AT(address_range),     0, RANGE_MAX},
    {"bindMode",            JSON_FIELD_STR,  AT(bind_text),         1, 16},
    {"window",              JSON_FIELD_INT,  AT(window),            1, 100},
    {"messagesPerSecond",   JSON_FIELD_INT,  AT(per_second),        0, 10000},
    {"enquireLinkSeconds",  JSON_FIELD_INT,  AT(enquire_s),         5, 600},
    {"validity",            JSON_FIELD_BOOL, AT(validity)},
    {"longMessages",        JSON_FIELD_STR,  AT(long_text),         1, 16},
    {"dataCoding",          JSON_FIELD_INT,  AT(data_coding),       0, 255},
    {"inboundAlphabet",     JSON_FIELD_STR,  AT(alphabet),          1, 16},
    {"receiptIds",          JSON_FIELD_STR,  AT(ids_text),          1, 16},
    {"countryCode",         JSON_FIELD_WORD, AT(country),           0, 3},
    {"sourceTon",           JSON_FIELD_INT,  AT(number.ton),        0, 7},
    {"sourceNpi",           JSON_FIELD_INT,  AT(number.npi),        0, 18},
    {"shortCodeTon",        JSON_FIELD_INT,  AT(short_code.ton),    0, 7},
    {"shortCodeNpi",        JSON_FIELD_INT,  AT(short_code.npi),    0, 18},
    {"alphanumericTon",     JSON_FIELD_INT,  AT(alphanumeric.ton),  0, 7},
    {"alphanumericNpi",     JSON_FIELD_INT,  AT(alphanumeric.npi),  0, 18},
    {"destinationTon",      JSON_FIELD_INT,  AT(recipient.ton),     0, 7},
    {"destinationNpi",      JSON_FIELD_INT,  AT(recipient.npi),     0, 18},
    {0},
};
static const struct json_field secret_fields[] = {
    {"password",            JSON_FIELD_STR,  AT(password),          0, PASSWORD_MAX},
    {0},
};
static const struct { struct str word; int value; }
long_words[] = {
    {STR_INIT("udh"), SMPP_LONG_UDH}, {STR_INIT("payload"), SMPP_LONG_PAYLOAD},
    {STR_INIT("sar"), SMPP_LONG_SAR}, {{NULL, 0}, 0},
},
ids_words[] = {
    {STR_INIT("auto"), SMPP_IDS_AUTO}, {STR_INIT("same"), SMPP_IDS_SAME},
    {STR_INIT("hexToDecimal"), SMPP_IDS_HEX_TO_DECIMAL},
    {STR_INIT("decimalToHex"), SMPP_IDS_DECIMAL_TO_HEX}, {{NULL, 0}, 0},
};
/* clang-format on */

static struct smpp_config defaults(void)
{
    return (struct smpp_config){
        .bind_text = STR("transceiver"),
        .long_text = STR("udh"),
        .ids_text = STR("auto"),
        .alphabet = STR("gsm"),
        .window = 10,
        .enquire_s = 30,
        .number = {1, 1},
        .short_code = {3, 0},
        .alphanumeric = {5, 0},
        .recipient = {1, 1},
        .validity = true,
    };
}

static enum rc fill(const json_t *from, const struct json_field *table, struct smpp_config *out,
                    struct arena *arena, struct buf *why)
{
    struct json_problem problem = {0};
    enum rc rc = json_fill(from, table, true, out, arena, &problem);

    if (rc == RC_CONFLICT)
        buf_addf(why, "An SMPP transport has no member \"" STR_FMT "\".", STR_ARG(problem.field));
    else if (rc)
        buf_addf(why, "\"" STR_FMT "\" %s.", STR_ARG(problem.field), problem.reason);
    if (problem.nearest.len)
        buf_addf(why, " Did you mean \"" STR_FMT "\"?", STR_ARG(problem.nearest));
    return rc ? RC_INVALID : RC_OK;
}

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    return true;
}

static bool is_number(struct str text)
{
    uint64_t n;

    return text.len == 0 || str_to_u64(text, UINT64_MAX, &n) == RC_OK;
}

static const char *judge(struct smpp_config *c)
{
    int at;

    if (!is_plain(c->host) || !is_plain(c->system_id) || !is_plain(c->password) ||
        !is_plain(c->system_type) || !is_plain(c->service_type) || !is_plain(c->address_range))
        return "SMPP knows ASCII only, in names and in the password.";
    c->pair = name_eq(c->bind_text, STR("pair"));
    if (!c->pair && !name_eq(c->bind_text, STR("transceiver")))
        return "\"bindMode\" must be \"transceiver\" or \"pair\": one connection, or one each way.";
    for (at = 0; long_words[at].word.ptr && !name_eq(c->long_text, long_words[at].word); at++)
        ;
    if (!long_words[at].word.ptr)
        return "\"longMessages\" must be \"udh\", \"payload\" or \"sar\".";
    c->long_messages = (enum smpp_long)long_words[at].value;
    for (at = 0; ids_words[at].word.ptr && !name_eq(c->ids_text, ids_words[at].word); at++)
        ;
    if (!ids_words[at].word.ptr)
        return "\"receiptIds\" must be \"auto\", \"same\", \"hexToDecimal\" or \"decimalToHex\".";
    c->ids = (enum smpp_ids)ids_words[at].value;
    c->latin1 = name_eq(c->alphabet, STR("latin1"));
    if (!c->latin1 && !name_eq(c->alphabet, STR("gsm")))
        return "\"inboundAlphabet\" must be \"gsm\" or \"latin1\".";
    if (!is_number(c->country))
        return "\"countryCode\" must be digits.";
    if (!c->tls && (c->ca_file.len || c->tls_name.len))
        return "\"caFile\" and \"tlsName\" need \"tls\".";
    if (c->port == 0)
        c->port = c->tls ? TLS_PORT : PLAIN_PORT;
    return NULL;
}

enum rc smpp_config_read(const json_t *config, const json_t *secrets, struct arena *arena,
                         struct smpp_config *out, struct buf *why)
{
    struct smpp_config c = defaults();
    const char *problem;

    if (fill(config, fields, &c, arena, why) ||
        (secrets && fill(secrets, secret_fields, &c, arena, why)))
        return RC_INVALID;
    problem = judge(&c);
    if (problem) {
        buf_add(why, str_from(problem));
        return RC_INVALID;
    }
    *out = c;
    return RC_OK;
}
