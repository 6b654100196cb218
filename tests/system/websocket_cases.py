"""Frames by hand, and the cases of RFC 6455 in the manner of the well-known test suite: what a client
sends, and the frames that it gets. The server of these cases echoes text."""

import struct

FIN, CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x80, 0, 1, 2, 8, 9, 10
KEY = b"\x37\xfa\x21\x3d"


def frame(first, payload=b"", mask=KEY, length=None):
    """`length`: how many octets (2 or 8) the length is written in; None: as few as can be."""
    payload = payload.encode() if isinstance(payload, str) else payload
    size, bit = len(payload), 0x80 if mask else 0
    if length == 8 or (length is None and size > 65535):
        head = struct.pack(">BBQ", first, bit | 127, size)
    elif length == 2 or (length is None and size > 125):
        head = struct.pack(">BBH", first, bit | 126, size)
    else:
        head = struct.pack(">BB", first, bit | size)
    if mask is None:
        return head + payload
    return head + mask + bytes(octet ^ mask[i % 4] for i, octet in enumerate(payload))


def text(message):
    return frame(FIN | TEXT, message)


def closing(code=None, reason=""):
    body = b"" if code is None else struct.pack(">H", code) + (
        reason.encode() if isinstance(reason, str) else reason)
    return frame(FIN | CLOSE, body)


def split_frames(data):
    """The whole frames of a server's stream: ([(first octet, payload)], the rest)."""
    frames = []
    while len(data) >= 2:
        size, at = data[1], 2
        assert size < 128, "a server's frame is masked"
        if size == 126:
            size, at = struct.unpack(">H", data[2:4])[0] if len(data) >= 4 else 0, 4
        elif size == 127:
            size, at = struct.unpack(">Q", data[2:10])[0] if len(data) >= 10 else 0, 10
        if len(data) < at + size:
            break
        frames.append((data[0], data[at:at + size]))
        data = data[at + size:]
    return frames, data


def said(message):
    return FIN | TEXT, message.encode() if isinstance(message, str) else message


def ponged(payload=b""):
    return FIN | PONG, payload


def closed(code=None):
    return FIN | CLOSE, b"" if code is None else struct.pack(">H", code)


END = closing(1000)
GREEK = "κόσμε"
WHOLE = GREEK.encode()


def fragments(parts, *between):
    """A text message in that many parts; `between` goes behind the first."""
    out = b""
    for i, part in enumerate(parts):
        last = FIN if i == len(parts) - 1 else 0
        out += frame(last | (CONT if i else TEXT), part)
        if i == 0:
            out += b"".join(between)
    return out


# name: (what is sent, frames that come back)
CASES = {
    # framing
    "an empty message": (text("") + END, [said(""), closed(1000)]),
    "125 octets": (text("*" * 125) + END, [said("*" * 125), closed(1000)]),
    "126 octets": (text("*" * 126) + END, [said("*" * 126), closed(1000)]),
    "127 octets": (text("*" * 127) + END, [said("*" * 127), closed(1000)]),
    "65535 octets": (text("*" * 65535) + END, [said("*" * 65535), closed(1000)]),
    "65536 octets": (text("*" * 65536) + END, [said("*" * 65536), closed(1000)]),
    "a length in too many octets, 2": (frame(FIN | TEXT, "abc", length=2), [closed(1002)]),
    "a length in too many octets, 8": (frame(FIN | TEXT, "*" * 200, length=8), [closed(1002)]),
    "a message beyond the limit": (frame(FIN | TEXT, "*" * 65537), [closed(1009)]),
    "a promise of 2^62 octets": (b"\x81\xff\x40" + b"\0" * 7 + KEY + b"a", [closed(1009)]),
    "a promise of 2^63 octets": (b"\x81\xff\x80" + b"\0" * 7 + KEY + b"a", [closed(1002)]),
    "no mask": (frame(FIN | TEXT, "abc", mask=None), [closed(1002)]),
    "a mask of zeros": (frame(FIN | TEXT, "abc", mask=b"\0\0\0\0") + END, [said("abc"), closed(1000)]),
    "binary": (frame(FIN | BINARY, b"abc"), [closed(1003)]),
    "binary in fragments": (frame(BINARY, b"abc"), [closed(1003)]),
    # pings and pongs
    "a ping without payload": (frame(FIN | PING) + END, [ponged(), closed(1000)]),
    "a ping": (frame(FIN | PING, "Hello") + END, [ponged(b"Hello"), closed(1000)]),
    "a ping of octets": (frame(FIN | PING, b"\x00\xff\xfe\xfd") + END, [ponged(b"\x00\xff\xfe\xfd"), closed(1000)]),
    "a ping of 125 octets": (frame(FIN | PING, b"\xfe" * 125) + END, [ponged(b"\xfe" * 125), closed(1000)]),
    "a ping of 126 octets": (frame(FIN | PING, b"\xfe" * 126), [closed(1002)]),
    "ten pings": (b"".join(frame(FIN | PING, f"p{i}") for i in range(10)) + END,
                  [ponged(f"p{i}".encode()) for i in range(10)] + [closed(1000)]),
    "pongs that nobody asked for": (frame(FIN | PONG) + frame(FIN | PONG, "x") + text("a") + END,
                                    [said("a"), closed(1000)]),
    # reserved bits and opcodes
    **{f"reserved bits {bits}": (frame(FIN | bits << 4 | TEXT, "a"), [closed(1002)]) for bits in range(1, 8)},
    "a reserved bit behind a message": (text("a") + frame(FIN | 0x40 | TEXT, "b"), [said("a"), closed(1002)]),
    "a reserved bit of a ping": (frame(FIN | 0x20 | PING), [closed(1002)]),
    "a reserved bit of a close": (frame(FIN | 0x10 | CLOSE), [closed(1002)]),
    **{f"opcode {op}": (text("a") + frame(FIN | op, "b"), [said("a"), closed(1002)])
       for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    # fragmentation
    "a ping in fragments": (frame(PING, "a") + frame(FIN | CONT, "b"), [closed(1002)]),
    "a pong in fragments": (frame(PONG, "a"), [closed(1002)]),
    "a close in fragments": (frame(CLOSE), [closed(1002)]),
    "two fragments": (fragments([b"frag1", b"frag2"]) + END, [said("frag1frag2"), closed(1000)]),
    "a ping between fragments": (fragments([b"frag1", b"frag2"], frame(FIN | PING, "p")) + END,
                                 [ponged(b"p"), said("frag1frag2"), closed(1000)]),
    "five fragments, two pings": (fragments([b"1", b"2", b"3", b"4", b"5"], frame(FIN | PING, "a"),
                                            frame(FIN | PING, "b")) + END,
                                  [ponged(b"a"), ponged(b"b"), said("12345"), closed(1000)]),
    "a message between fragments": (fragments([b"1", b"2"], text("x")), [closed(1002)]),
    "a continuation of nothing": (frame(FIN | CONT, "a"), [closed(1002)]),
    "a first continuation of nothing": (frame(CONT, "a"), [closed(1002)]),
    "a continuation behind the end": (fragments([b"1", b"2"]) + frame(FIN | CONT, "3"), [said("12"), closed(1002)]),
    "fragments of nothing": (fragments([b"", b"", b""]) + END, [said(""), closed(1000)]),
    "something among nothing": (fragments([b"", b"a", b""]) + END, [said("a"), closed(1000)]),
    "fragments beyond the limit": (frame(TEXT, "*" * 40000) + frame(CONT, "*" * 40000), [closed(1009)]),
    # UTF-8
    "text beyond ASCII": (text("Hello-µ@ßöäüàá-UTF-8!!") + END, [said("Hello-µ@ßöäüàá-UTF-8!!"), closed(1000)]),
    "one fragment an octet": (fragments([bytes([octet]) for octet in WHOLE]) + END, [said(GREEK), closed(1000)]),
    **{f"text cut behind octet {at}": (fragments([WHOLE[:at], WHOLE[at:]]) + END, [said(GREEK), closed(1000)])
       for at in range(len(WHOLE) + 1)},
    **{f"not UTF-8: {octets.hex()}": (text(octets), [closed(1007)]) for octets in (
        b"\xce\xba\xed\xa0\x80edited", b"\xce", b"\xf0\x9f\x98", b"\x80", b"\xff", b"\xfe\xfe\xff\xff", b"\xc0\xaf",
        b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
        b"\xed\xad\xbf\xed\xb0\x80", b"\xfc\x84\x80\x80\x80\x80", b"a\xbfb")},
    "not UTF-8, in fragments": (fragments([b"\xce\xba", b"\xed\xa0\x80", b"edited"]), [closed(1007)]),
    "the bounds of Unicode": (text("\x00\x7f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff") + END,
                              [said("\x00\x7f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"), closed(1000)]),
    # closing
    "a close without code": (closing(), [closed()]),
    "a close of one octet": (frame(FIN | CLOSE, b"\x03"), [closed(1002)]),
    "a reason": (closing(1000, "Hello"), [closed(1000)]),
    "a reason of 123 octets": (closing(1000, "*" * 123), [closed(1000)]),
    "a reason of 124 octets": (closing(1000, "*" * 124), [closed(1002)]),
    "a reason that is not UTF-8": (closing(1000, b"\xce\xba\xed\xa0\x80"), [closed(1007)]),
    "a message behind the close": (END + text("late"), [closed(1000)]),
    "a ping behind the close": (END + frame(FIN | PING), [closed(1000)]),
    "a close among fragments": (frame(TEXT, "a") + END, [closed(1000)]),
    **{f"code {code}": (closing(code), [closed(code)])
       for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)},
    **{f"code {code}": (closing(code), [closed(1002)])
       for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)},
}
