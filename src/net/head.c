/* Heads of requests. Our own reading of the lines comes first and is the stricter one; llhttp then
 * reads the same octets, and where the two don't agree on method, target, length or coding the
 * request is refused. So a stream is served only when two parsers that share no line of code see
 * the same request in it. Source: wire/http §1; RFC 9112; design D2. */
#include "net/head.h"

#define METHOD_LEN_MAX ((size_t)32)

static struct refusal refuse(const struct api_error *error, const char *why)
{
    return (struct refusal){error, why};
}

static struct refusal bad(const char *why)
{
    return refuse(&API_BAD_REQUEST, why);
}

/* ---- octets ---- */

static bool is_stray_control(unsigned char c)
{
    return (c < 0x20 && c != '\t') || c == 0x7F;
}

#define EACH_OCTET(n) (UINT64_C(0x0101010101010101) * (n))

/* Eight octets at a time: values are most of a head, and almost never hold a control. */
static bool has_stray_control(struct str s)
{
    size_t i = 0;

    for (; i + 8 <= s.len; i += 8) {
        uint64_t word, del;

        memcpy(&word, s.ptr + i, sizeof word);
        del = word ^ EACH_OCTET(0x7F);
        if ((((word - EACH_OCTET(0x20)) & ~word) | ((del - EACH_OCTET(0x01)) & ~del)) &
            EACH_OCTET(0x80))
            break; /* a tab, perhaps: look closely */
    }
    for (; i < s.len; i++)
        if (is_stray_control((unsigned char)s.ptr[i]))
            return true;
    return false;
}

/* ---- the end of the head ---- */

/* The last line may end in the middle of its line end. */
static bool may_become_line(struct str part)
{
    if (part.len && part.ptr[part.len - 1] == '\r')
        part.len--;
    return !has_stray_control(part);
}

enum head_scan head_find_end(struct str data, size_t *line_at, size_t *out_len)
{
    size_t at = *line_at;

    while (at < data.len) {
        const char *lf = memchr(data.ptr + at, '\n', data.len - at);
        size_t end;

        if (!lf)
            break;
        end = (size_t)(lf - data.ptr);
        if (end == at || data.ptr[end - 1] != '\r')
            return HEAD_BROKEN;
        if (end - at == 1) {
            *out_len = end + 1;
            return HEAD_COMPLETE;
        }
        at = end + 1;
    }
    *line_at = at;
    return may_become_line(str_from_index(data, at)) ? HEAD_INCOMPLETE : HEAD_BROKEN;
}

/* The next line without its end; head_find_end() has seen that each ends in CR LF. */
static struct str next_line(struct str *rest)
{
    size_t lf = str_find(*rest, '\n');
    struct str line = str_head(*rest, lf - 1);

    *rest = str_from_index(*rest, lf + 1);
    return line;
}

/* ---- lines ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct refusal read_version(struct str text, struct head *out)
{
    if (name_eq(text, STR("HTTP/1.1")))
        return REFUSAL_NONE;
    if (name_eq(text, STR("HTTP/1.0"))) {
        out->http_1_0 = true;
        return REFUSAL_NONE;
    }
    if (text.len == 8 && str_starts(text, STR("HTTP/")) && is_digit(text.ptr[5]) &&
        text.ptr[6] == '.' && is_digit(text.ptr[7]))
        return refuse(&API_VERSION_NOT_SUPPORTED, "version");
    return bad("malformed version");
}

static struct refusal read_request_line(struct str line, struct head *out)
{
    struct str method, target, version;
    struct refusal r;

    if (!str_cut(line, ' ', &method, &target) || !str_cut(target, ' ', &target, &version))
        return bad("malformed request line");
    if (!header_is_token(method) || method.len > METHOD_LEN_MAX)
        return bad("malformed method");
    if (name_eq(method, STR("CONNECT")))
        return refuse(&API_METHOD_NOT_ALLOWED, "CONNECT");
    out->method = method_from_name(method);
    r = read_version(version, out);
    if (r.error)
        return r;
    if (!header_is_target(target))
        return bad("octet in target");
    out->target = target;
    return REFUSAL_NONE;
}

bool header_line_is_sound(struct str line, struct str *out_name, struct str *out_value)
{
    struct str name, value;

    if (!str_cut(line, ':', &name, &value) || !header_is_token(name) || has_stray_control(value))
        return false;
    *out_name = name;
    *out_value = str_trim(value);
    return true;
}

static struct refusal read_header_lines(struct str rest, size_t lines_max, struct head *out)
{
    for (;;) {
        struct str line = next_line(&rest), name, value;

        if (line.len == 0)
            return REFUSAL_NONE;
        if (!header_line_is_sound(line, &name, &value))
            return bad("malformed header line");
        if (out->headers.n >= lines_max)
            return refuse(&API_HEADERS_TOO_LARGE, "too many header lines");
        headers_add(&out->headers, name, value);
    }
}

/* ---- what the lines say about framing ---- */

/* Elements of the list must be tokens, parameters aside. */
static struct refusal read_transfer_encoding(struct str value, struct head *out)
{
    size_t chunked = 0, others = 0;

    for (struct str rest = value; rest.ptr;) {
        struct str item, coding, parameters;

        if (!str_cut(rest, ',', &item, &rest))
            rest = STR_EMPTY;
        (void)str_cut(str_trim(item), ';', &coding, &parameters); /* all of it when there is none */
        coding = str_trim(coding);
        if (!header_is_token(coding))
            return bad("malformed transfer-encoding");
        if (name_eq_nocase(coding, STR("chunked")) && parameters.len == 0)
            chunked++;
        else
            others++;
    }
    if (chunked > 1)
        return bad("chunked twice");
    if (others || !chunked)
        return refuse(&API_NOT_IMPLEMENTED, "transfer coding");
    out->chunked = true;
    return REFUSAL_NONE;
}

static struct refusal read_lengths(struct head *out)
{
    const struct headers *h = &out->headers;
    unsigned lengths = h->times[HEADER_CONTENT_LENGTH];
    unsigned codings = h->times[HEADER_TRANSFER_ENCODING];

    if (lengths > 1)
        return bad("several content-length");
    if (lengths && codings)
        return bad("content-length with transfer-encoding");
    if (codings > 1)
        return bad("several transfer-encoding");
    if (codings && out->http_1_0)
        return bad("transfer-encoding on HTTP/1.0");
    if (codings)
        return read_transfer_encoding(headers_get(h, HEADER_TRANSFER_ENCODING), out);
    if (lengths &&
        str_to_u64(headers_get(h, HEADER_CONTENT_LENGTH), INT64_MAX, &out->content_length))
        return bad("malformed content-length");
    return REFUSAL_NONE;
}

static struct refusal read_expect(struct head *out)
{
    const struct headers *h = &out->headers;

    if (h->times[HEADER_EXPECT] == 0)
        return REFUSAL_NONE;
    if (h->times[HEADER_EXPECT] > 1 ||
        !name_eq_nocase(headers_get(h, HEADER_EXPECT), STR("100-continue")))
        return refuse(&API_EXPECTATION_FAILED, "expectation");
    out->expect_continue = !out->http_1_0; /* RFC 9110 10.1.1: ignored from HTTP/1.0 */
    return REFUSAL_NONE;
}

static struct refusal check_host(const struct head *head)
{
    unsigned times = head->headers.times[HEADER_HOST];
    struct str host;
    uint16_t port;

    if (times > 1)
        return bad("several host");
    if (times == 0)
        return head->http_1_0 ? REFUSAL_NONE : bad("no host");
    if (authority_split(headers_get(&head->headers, HEADER_HOST), &host, &port))
        return bad("malformed host");
    return REFUSAL_NONE;
}

/* ---- forms of the target ---- */

static bool same_authority(struct str a, struct str b, uint16_t usual_port)
{
    struct str host_a, host_b;
    uint16_t port_a, port_b;

    if (authority_split(a, &host_a, &port_a) || authority_split(b, &host_b, &port_b))
        return false;
    return name_eq_nocase(host_a, host_b) &&
           (port_a ? port_a : usual_port) == (port_b ? port_b : usual_port);
}

/* absolute-form: its authority must be the one of Host; what is left is the target. */
static struct refusal reduce_absolute(struct head *out, struct arena *arena)
{
    bool https = str_starts_nocase(out->target, STR("https://"));
    struct str rest, authority;
    size_t end = 0;

    if (!https && !str_starts_nocase(out->target, STR("http://")))
        return bad("form of target");
    rest = str_from_index(out->target, https ? 8 : 7);
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    authority = str_head(rest, end);
    if (!same_authority(authority, headers_get(&out->headers, HEADER_HOST), https ? 443 : 80))
        return bad("target and host differ");
    rest = str_from_index(rest, end);
    if (rest.len == 0)
        out->target = STR("/");
    else if (rest.ptr[0] == '?')
        out->target = arena_printf(arena, "/" STR_FMT, STR_ARG(rest));
    else
        out->target = rest;
    return REFUSAL_NONE;
}

/* ---- the second opinion ---- */

struct opinion {
    struct str target;
    bool head_complete;
};

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct opinion *o = parser->data;

    o->target = (struct str){at, len};
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct opinion *o = parser->data;

    o->head_complete = true;
    parser->upgrade = 0; /* an upgrade is the handler's to grant: the octets stay HTTP */
    return 0;
}

static const llhttp_settings_t head_settings = {
    .on_url = on_url,
    .on_headers_complete = on_headers_complete,
};

#define CREDENTIAL_ENDS ((size_t)16)

/* llhttp takes an octet at a time, and a token is most of a head that has one: it gets no more than
 * the ends of the credential. In between it would look for controls, and there are none. */
static llhttp_errno_t run_parser(llhttp_t *parser, struct str octets, const struct headers *h)
{
    struct str credential = headers_get(h, HEADER_AUTHORIZATION), rest = octets;
    llhttp_errno_t err = HPE_OK;

    if (credential.len > 4 * CREDENTIAL_ENDS) {
        size_t at = (size_t)(credential.ptr - octets.ptr);

        err = llhttp_execute(parser, octets.ptr, at + CREDENTIAL_ENDS);
        rest = str_from_index(octets, at + credential.len - CREDENTIAL_ENDS);
    }
    return err ? err : llhttp_execute(parser, rest.ptr, rest.len);
}

/* Runs llhttp over the same octets: they must mean the same to it. */
static struct refusal agree(struct str octets, struct str target, llhttp_t *parser,
                            struct head *out)
{
    struct opinion o = {0};
    llhttp_errno_t err;

    llhttp_init(parser, HTTP_REQUEST, &head_settings);
    parser->data = &o;
    err = run_parser(parser, octets, &out->headers);
    parser->data = NULL;
    if (err == HPE_INVALID_METHOD)
        return refuse(&API_METHOD_NOT_ALLOWED, "unknown method");
    if (err != HPE_OK || !o.head_complete)
        return bad("parser");
    if (o.target.ptr != target.ptr || o.target.len != target.len)
        return bad("parsers differ on the target");
    if (out->http_1_0 != (parser->http_minor == 0) || parser->http_major != 1)
        return bad("parsers differ on the version");
    if (((parser->flags & F_CHUNKED) != 0) != out->chunked ||
        (!out->chunked && parser->content_length != out->content_length))
        return bad("parsers differ on the length");
    return REFUSAL_NONE;
}

/* After the message is complete llhttp has forgotten its flags: so the head decides. */
static bool wants_keep_alive(const struct head *head)
{
    bool keep = !head->http_1_0;

    for (size_t i = 0; i < head->headers.n; i++) {
        struct str rest = head->headers.items[i].value;

        if (head->headers.items[i].id != HEADER_CONNECTION)
            continue;
        while (rest.len) {
            struct str item;

            (void)str_cut(rest, ',', &item, &rest); /* all of it when there is no comma */
            item = str_trim(item);
            if (name_eq_nocase(item, STR("close")))
                return false;
            if (name_eq_nocase(item, STR("keep-alive")))
                keep = true;
        }
    }
    return keep;
}

static struct refusal read_framing(struct head *out)
{
    struct refusal r = read_lengths(out);

    if (!r.error)
        r = check_host(out);
    if (!r.error)
        r = read_expect(out);
    return r;
}

struct refusal head_read(struct str octets, const struct head_reader *reader, struct head *out)
{
    struct str rest = octets, raw_target;
    size_t lines_max = reader->lines_max < HEADERS_MAX ? reader->lines_max : HEADERS_MAX;
    struct refusal r;

    *out = (struct head){.headers.items = reader->items};
    r = read_request_line(next_line(&rest), out);
    if (!r.error)
        r = read_header_lines(rest, lines_max, out);
    if (!r.error)
        r = read_framing(out);
    if (r.error)
        return r;
    raw_target = out->target;
    if (raw_target.ptr[0] != '/') {
        r = reduce_absolute(out, reader->arena);
        if (r.error)
            return r;
    }
    out->keep_alive = wants_keep_alive(out);
    return agree(octets, raw_target, reader->parser, out);
}
