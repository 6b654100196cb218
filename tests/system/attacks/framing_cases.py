"""Streams that a server must refuse, each with a twin that differs only in the flaw.

One row a case: a name, what is sent, the statuses of the answers in order, and the twin, which is
answered 200 throughout. Everything refused closes the connection. Source: wire/http §1."""

from typing import NamedTuple


class Case(NamedTuple):
    name: str
    attack: bytes
    want: list
    twin: bytes


H = b"Host: a\r\n"
END = b"\r\n"


def get(lines=b"", target=b"/", version=b"HTTP/1.1", host=H, method=b"GET"):
    return method + b" " + target + b" " + version + END + host + lines + END


def post(lines, body=b"", version=b"HTTP/1.1", host=H):
    return b"POST / " + version + END + host + lines + END + body


def chunked(body, lines=b""):
    return post(lines + b"Transfer-Encoding: chunked\r\n", body)


HELLO = b"5\r\nhello\r\n0\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def size_case(name, size, want=400):
    return Case(name, chunked(size + b"\r\nhello\r\n0\r\n\r\n"), [want], chunked(HELLO))


def length_case(name, value, want=400):
    return Case(name, post(b"Content-Length: " + value + END, b"hello"), [want],
                post(b"Content-Length: 5\r\n", b"hello"))


def coding_case(name, value, want):
    return Case(name, post(b"Transfer-Encoding:" + value + END, HELLO), [want], chunked(HELLO))


def line_case(name, line, twin=b"X-A: b\r\n", want=400):
    return Case(name, get(line), [want], get(twin))


def target_case(name, target, want=400, twin=b"/a/b"):
    return Case(name, get(target=target), [want], get(target=twin))


CASES = [
    # chunk sizes
    Case("chunk size 0_2e hides a request",
         chunked(b"0_2e\r\n" + SMUGGLED + b"\r\n0\r\n\r\n"), [400],
         chunked(b"2e\r\n" + b"G" * 0x2e + b"\r\n0\r\n\r\n")),
    size_case("chunk size with 0x", b"0x5"),
    size_case("chunk size with letters after it", b"5xyz"),
    size_case("chunk size with a sign", b"+5"),
    size_case("chunk size with a minus", b"-5"),
    size_case("blank before chunk size", b" 5"),
    size_case("blank after chunk size", b"5 "),
    size_case("tab before chunk size", b"\t5"),
    size_case("empty chunk size", b""),
    size_case("chunk size of 17 digits", b"00000000000000005"),
    size_case("chunk size of 17 digits, overflowing", b"10000000000000005"),
    size_case("chunk size beyond 64 bits less one", b"ffffffffffffffff", 413),
    size_case("chunk size that wraps with the total", b"fffffffffffffffb", 413),
    # chunk line ends
    Case("bare LF after chunk size", chunked(b"5\nhello\r\n0\r\n\r\n"), [400], chunked(HELLO)),
    Case("bare LF after chunk data", chunked(b"5\r\nhello\n0\r\n\r\n"), [400], chunked(HELLO)),
    Case("bare LF after last chunk", chunked(b"5\r\nhello\r\n0\n\r\n"), [400], chunked(HELLO)),
    Case("bare LF at the end of the body", chunked(b"5\r\nhello\r\n0\r\n\n"), [400],
         chunked(HELLO)),
    Case("all chunk lines end in LF", chunked(b"5\nhello\n0\n\n"), [400], chunked(HELLO)),
    Case("bare CR after chunk size", chunked(b"5\rhello\r\n0\r\n\r\n"), [400], chunked(HELLO)),
    Case("chunk data longer than its size", chunked(b"5\r\nhelloX\r\n0\r\n\r\n"), [400],
         chunked(HELLO)),
    Case("chunk data ended by two other octets", chunked(b"5\r\nhelloXX0\r\n\r\n"), [400],
         chunked(HELLO)),
    Case("chunk data ended by CR and another octet", chunked(b"5\r\nhello\rX0\r\n\r\n"), [400],
         chunked(HELLO)),
    Case("chunk data shorter than its size", chunked(b"6\r\nhello\r\n0\r\n\r\n"), [400],
         chunked(HELLO)),
    # chunk extensions
    Case("CR inside a chunk extension", chunked(b"5;a=\rb\r\nhello\r\n0\r\n\r\n"), [400],
         chunked(b"5;a=b\r\nhello\r\n0\r\n\r\n")),
    Case("LF inside a chunk extension", chunked(b"5;a=\nb\r\nhello\r\n0\r\n\r\n"), [400],
         chunked(b"5;a=b\r\nhello\r\n0\r\n\r\n")),
    Case("NUL inside a chunk extension", chunked(b"5;a=\0b\r\nhello\r\n0\r\n\r\n"), [400],
         chunked(b"5;a=b\r\nhello\r\n0\r\n\r\n")),
    Case("endless chunk extension", chunked(b"5;" + b"a" * 40000 + b"\r\nhello\r\n0\r\n\r\n"),
         [400], chunked(b"5;aaaa\r\nhello\r\n0\r\n\r\n")),
    Case("extensions that outweigh the data",
         chunked((b"1;" + b"a" * 1000 + b"\r\nx\r\n") * 40 + b"0\r\n\r\n"), [400],
         chunked((b"1;a\r\nx\r\n") * 40 + b"0\r\n\r\n")),
    # trailers
    Case("trailer without a colon", chunked(b"5\r\nhello\r\n0\r\nX-A\r\n\r\n"), [400],
         chunked(b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n")),
    Case("trailer with a blank before the colon",
         chunked(b"5\r\nhello\r\n0\r\nX-A : b\r\n\r\n"), [400],
         chunked(b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n")),
    Case("folded trailer", chunked(b"5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n"), [400],
         chunked(b"5\r\nhello\r\n0\r\nX-A: b c\r\n\r\n")),
    Case("NUL in a trailer", chunked(b"5\r\nhello\r\n0\r\nX-A: \0\r\n\r\n"), [400],
         chunked(b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n")),
    Case("too many trailers", chunked(b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 101 + b"\r\n"),
         [431], chunked(b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 10 + b"\r\n")),
    Case("endless trailer", chunked(b"5\r\nhello\r\n0\r\nA: " + b"b" * 40000 + b"\r\n\r\n"),
         [431], chunked(b"5\r\nhello\r\n0\r\nA: bbb\r\n\r\n")),
    # lengths
    Case("two content-lengths, equal", post(b"Content-Length: 5\r\nContent-Length: 5\r\n",
                                            b"hello"), [400],
         post(b"Content-Length: 5\r\nX-A: 5\r\n", b"hello")),
    Case("two content-lengths, different", post(b"Content-Length: 5\r\nContent-Length: 6\r\n",
                                                b"hello"), [400],
         post(b"Content-Length: 5\r\nX-A: 6\r\n", b"hello")),
    length_case("content-length as a list", b"5, 5"),
    length_case("content-length with a sign", b"+5"),
    length_case("content-length with letters", b"5x"),
    length_case("content-length in hexadecimal", b"0x5"),
    length_case("empty content-length", b""),
    length_case("negative content-length", b"-1"),
    length_case("content-length beyond 64 bits", b"18446744073709551621"),
    length_case("content-length of 2^63", b"9223372036854775808"),
    length_case("content-length with a blank inside", b"5 5"),
    length_case("content-length with NBSP before it", b"\xa05"),
    length_case("content-length with NEL after it", b"5\x85"),
    length_case("content-length beyond the limit", b"65537", 413),
    Case("content-length before transfer-encoding",
         post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", HELLO), [400],
         chunked(HELLO)),
    Case("transfer-encoding before content-length",
         post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", HELLO), [400],
         chunked(HELLO)),
    Case("transfer-encoding identity with content-length",
         post(b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", b"hello"), [400],
         post(b"Content-Length: 5\r\n", b"hello")),
    # codings
    coding_case("transfer-encoding ,chunked", b" ,chunked", 400),
    coding_case("transfer-encoding chunked,", b" chunked,", 400),
    coding_case("transfer-encoding xchunked", b" xchunked", 501),
    coding_case("transfer-encoding identity", b" identity", 501),
    coding_case("transfer-encoding chunked, identity", b" chunked, identity", 501),
    coding_case("transfer-encoding identity, chunked", b" identity, chunked", 501),
    coding_case("transfer-encoding gzip, chunked", b" gzip, chunked", 501),
    coding_case("transfer-encoding chunked, chunked", b" chunked, chunked", 400),
    coding_case("transfer-encoding with vertical tab", b" \x0bchunked", 400),
    coding_case("transfer-encoding with NBSP before it", b" \xa0chunked", 400),
    coding_case("transfer-encoding with NEL after it", b" chunked\x85", 400),
    coding_case("transfer-encoding with a parameter", b" chunked;a=b", 501),
    coding_case("transfer-encoding in quotes", b' "chunked"', 400),
    Case("transfer-encoding twice",
         post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", HELLO), [400],
         chunked(HELLO)),
    Case("transfer-encoding twice, different",
         post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", HELLO), [400],
         chunked(HELLO)),
    Case("chunked on HTTP/1.0",
         post(b"Transfer-Encoding: chunked\r\n", HELLO, b"HTTP/1.0"), [400], chunked(HELLO)),
    # header lines
    line_case("blank before the colon", b"X-A : b\r\n"),
    line_case("tab before the colon", b"X-A\t: b\r\n"),
    line_case("NBSP before the colon", b"X-A\xa0: b\r\n"),
    line_case("blank before content-length's colon", b"Content-Length : 5\r\n",
              b"X-Content-Length: 5\r\n"),
    line_case("NUL in a value", b"X-A: b\0c\r\n"),
    line_case("NUL in a name", b"X-\0A: b\r\n"),
    line_case("bare CR in a value", b"X-A: b\rc\r\n"),
    line_case("bare CR hiding a header", b"X-A: b\rContent-Length: 5\r\n"),
    line_case("CR CR LF", b"X-A: b\r\r\n"),
    line_case("DEL in a value", b"X-A: b\x7f\r\n"),
    line_case("escape in a value", b"X-A: \x1b[0m\r\n"),
    line_case("form feed in a value", b"X-A: \x0cb\r\n"),
    line_case("empty name", b": b\r\n"),
    line_case("line without colon", b"X-A b\r\n"),
    line_case("folded line", b"X-A: b\r\n c\r\n", b"X-A: b\r\nX-C: c\r\n"),
    line_case("folded line with a tab", b"X-A: b\r\n\tc\r\n", b"X-A: b\r\nX-C: c\r\n"),
    line_case("folded first line", b" X-A: b\r\n"),
    line_case("bare LF line end", b"X-A: b\n"),
    line_case("name in quotes", b'"X-A": b\r\n'),
    line_case("name with a slash", b"X/A: b\r\n"),
    line_case("name with an octet beyond ASCII", b"X-\xc3\xa9: b\r\n"),
    Case("folded first header line", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", [400], get()),
    Case("LF in the request line", b"GET /\nX HTTP/1.1\r\n" + H + END, [400], get()),
    Case("request line ended by bare LF", b"GET / HTTP/1.1\n" + H + END, [400], get()),
    Case("head ended by LF LF", b"GET / HTTP/1.1\nHost: a\n\n", [400], get()),
    Case("head ended by CR LF LF", b"GET / HTTP/1.1\r\nHost: a\r\n\n", [400], get()),
    Case("head ended by CR LF CR X", b"GET / HTTP/1.1\r\nHost: a\r\n\rX", [400], get()),
    Case("two empty lines before a request", b"\r\n\r\n" + get(), [400], b"\r\n" + get()),
    Case("blank before the request line", b" " + get(), [400], get()),
    # host
    Case("no host on HTTP/1.1", get(host=b""), [400], get()),
    Case("two hosts", get(host=b"Host: a\r\nHost: b\r\n"), [400], get()),
    Case("two hosts, equal", get(host=b"Host: a\r\nHost: a\r\n"), [400], get()),
    Case("empty host", get(host=b"Host: \r\n"), [400], get()),
    Case("host with a path", get(host=b"Host: a/b\r\n"), [400], get()),
    Case("host with a user", get(host=b"Host: u@a\r\n"), [400], get()),
    Case("host with a blank", get(host=b"Host: a b\r\n"), [400], get()),
    Case("host with NBSP after it", get(host=b"Host: a\xa0\r\n"), [400], get()),
    Case("host with a port beyond 16 bits", get(host=b"Host: a:65536\r\n"), [400],
         get(host=b"Host: a:65535\r\n")),
    # forms of the target
    Case("absolute target of another host", get(target=b"http://evil/a"), [400],
         get(target=b"http://a/a")),
    Case("absolute target of another port", get(target=b"http://a:81/a"), [400],
         get(target=b"http://a:80/a")),
    Case("absolute target with a user", get(target=b"http://u@a/a"), [400],
         get(target=b"http://A/a")),
    Case("absolute target of another scheme", get(target=b"ftp://a/a"), [400],
         get(target=b"http://a/a")),
    Case("absolute target without authority", get(target=b"http:///a"), [400],
         get(target=b"http://a/a")),
    Case("absolute target on HTTP/1.0 without host",
         get(target=b"http://a/a", version=b"HTTP/1.0", host=b""), [400],
         get(target=b"http://a/a", version=b"HTTP/1.0")),
    target_case("target without a slash", b"a"),
    target_case("asterisk with GET", b"*"),
    Case("asterisk with OPTIONS", get(target=b"*", method=b"OPTIONS"), [400],
         get(target=b"/", method=b"OPTIONS")),
    Case("CONNECT", get(target=b"a:80", method=b"CONNECT"), [405], get()),
    Case("CONNECT with a path", get(method=b"CONNECT"), [405], get()),
    target_case("authority target", b"a:80"),
    target_case("octet beyond ASCII in the target", b"/\xc3\xa9"),
    target_case("octet 0x80 in the target", b"/\x80"),
    target_case("less-than in the target", b"/a<b"),
    target_case("greater-than in the target", b"/a>b"),
    target_case("quote in the target", b'/a"b'),
    target_case("backslash in the target", b"/a\\b"),
    target_case("fragment in the target", b"/a#b"),
    target_case("NUL in the target", b"/a\0b"),
    target_case("tab in the target", b"/a\tb"),
    target_case("DEL in the target", b"/a\x7fb"),
    target_case("two blanks before the target", b" /a"),
    target_case("blank in the target", b"/a b"),
    target_case("escaped slash inside a segment", b"/a%2Fb", twin=b"/a%20b"),
    target_case("escaped slash, lower case", b"/a%2fb", twin=b"/a%20b"),
    target_case("escaped NUL inside a segment", b"/a%00b", twin=b"/a%20b"),
    target_case("escaped LF inside a segment", b"/a%0Ab", twin=b"/a%20b"),
    target_case("escape cut short", b"/a%2", twin=b"/a%20"),
    target_case("escape of no digits", b"/a%zz", twin=b"/a%20"),
    # versions and methods
    Case("HTTP/1.9", get(version=b"HTTP/1.9"), [505], get()),
    Case("HTTP/2.0", get(version=b"HTTP/2.0"), [505], get()),
    Case("HTTP/0.9 with a version", get(version=b"HTTP/0.9"), [505], get()),
    Case("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505], get()),
    Case("HTTP/0.9 without a version", b"GET /\r\n" + H + END, [400], get()),
    Case("version of two digits", get(version=b"HTTP/1.10"), [400], get()),
    Case("minor version beyond 8 bits", get(version=b"HTTP/1.257"), [400], get()),
    Case("major version beyond 8 bits", get(version=b"HTTP/257.1"), [400], get()),
    Case("version in lower case", get(version=b"http/1.1"), [400], get()),
    Case("version with a blank after it", get(version=b"HTTP/1.1 "), [400], get()),
    Case("version of another protocol", get(version=b"RTSP/1.0"), [400], get()),
    Case("method with a parenthesis", get(method=b"GE(T"), [400], get()),
    Case("method of an unknown name", get(method=b"FROB"), [405], get()),
    Case("method in lower case", get(method=b"get"), [405], get()),
    Case("method of endless length", get(method=b"G" * 5000), [400], get()),
    Case("empty method", get(method=b""), [400], get()),
    # limits
    Case("too many header lines", get(b"A: b\r\n" * 100), [431], get(b"A: b\r\n" * 99)),
    Case("too many octets of headers", get(b"A: " + b"b" * 17000 + END), [431],
         get(b"A: " + b"b" * 15000 + END)),
    Case("endless header line", get(b"A: ")[:-2] + b"b" * 70000, [431], get(b"A: b\r\n")),
    Case("endless target", b"GET /" + b"a" * 70000, [414], get(target=b"/" + b"a" * 15000)),
    Case("too many segments", get(target=b"/a" * 40), [414], get(target=b"/a" * 5)),
    # expectations
    Case("unknown expectation", post(b"Expect: magic\r\nContent-Length: 5\r\n", b"hello"), [417],
         post(b"Content-Length: 5\r\n", b"hello")),
    Case("two expectations",
         post(b"Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", b"hello"),
         [417], post(b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello")),
    # good, then bad
    Case("a good request, then garbage", get() + b"\x16\x03\x01\0garbage\r\n\r\n", [200, 400],
         get() + get()),
    Case("a good request, then a line without colon", get() + get(b"X-A b\r\n"), [200, 400],
         get() + get(b"X-A: b\r\n")),
    Case("a good body, then garbage", chunked(HELLO) + b"GARBAGE\r\n\r\n", [200, 400],
         chunked(HELLO) + get()),
    Case("body longer than its length", post(b"Content-Length: 4\r\n", b"hello\r\n\r\n"),
         [200, 400], post(b"Content-Length: 5\r\n", b"hello")),
    Case("a TLS hello on a plain port", b"\x16\x03\x01\x02\x00\x01\x00", [400], get()),
]

# What must be served, though it looks odd.
SOUND = [
    ("an octet beyond ASCII in a value", get(b"X-A: \xa0b\xe9\r\n")),
    ("tab inside a value", get(b"X-A: a\tb\r\n")),
    ("no blank after the colon", get(b"X-A:b\r\n")),
    ("empty value", get(b"X-A:\r\n")),
    ("blanks around a length", post(b"Content-Length: \t5 \r\n", b"hello")),
    ("zeros before a length", post(b"Content-Length: 005\r\n", b"hello")),
    ("chunk size in capitals", chunked(b"A\r\n0123456789\r\n0\r\n\r\n")),
    ("zeros before a chunk size", chunked(b"0005\r\nhello\r\n000\r\n\r\n")),
    ("transfer-encoding in capitals", post(b"Transfer-Encoding: CHUNKED\r\n", HELLO)),
    ("quoted chunk extension", chunked(b'5;a="b c"\r\nhello\r\n0\r\n\r\n')),
    ("body on GET", get(b"Content-Length: 5\r\n") + b"hello"),
    ("empty body in chunks", chunked(b"0\r\n\r\n")),
    ("length of zero", post(b"Content-Length: 0\r\n")),
    ("upgrade that is not granted", get(b"Connection: Upgrade\r\nUpgrade: h2c\r\n")),
    ("absolute target without a path", get(target=b"http://a")),
    ("absolute target with a query only", get(target=b"http://a?b=c")),
    ("host with a port", get(host=b"Host: a:1\r\n")),
    ("host as an IPv6 literal", get(host=b"Host: [::1]:80\r\n")),
    ("no host on HTTP/1.0", get(version=b"HTTP/1.0", host=b"")),
    ("expectation on HTTP/1.0", get(b"Expect: 100-continue\r\n", version=b"HTTP/1.0")),
]
