"""A carrier for tests: an SMPP 3.4 server written from the standard, not from our C. It takes transceivers, and pairs
of transmitter and receiver, keeps what it is sent, and does as it is told: refuses binds and messages, is busy, says nothing, hangs up, gives receipts early,
late or in another order, spells ids as carriers do, sends messages in parts, and breaks the rules.

    with Smsc() as smsc:
        smsc.script += ["busy", "ok"]            # for the next submit_sm each; afterwards `answer`
        smsc.receipt = "UNDELIV"                 # None: none by itself; give them by smsc.give(message)
        smsc.say("+14255550123", "12345", "STOP")
"""

import collections
import contextlib
import itertools
import socket
import struct
import threading
import time

GSM = ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
       "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà")
GSM_EXTENSION = dict(zip("\f^{}\\[~]|€", b"\x0a\x14\x28\x29\x2f\x3c\x3d\x3e\x40\x65"))
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER, SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK, NACK = 1, 2, 9, 4, 5, 6, 0x15, 0x80000000
RESPONSE = 0x80000000
STATUS = {"ok": 0, "source": 0x0A, "destination": 0x0B, "full": 0x14, "refuse": 0x45, "busy": 0x58}
STATES = {"DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "ACCEPTD": 6, "UNKNOWN": 7, "REJECTD": 8}

Message = collections.namedtuple(
    "Message", "id source destination text octets coding esm registered validity tlvs part parts link sequence")


def gsm_decode(octets: bytes) -> str:
    back = {code: letter for letter, code in GSM_EXTENSION.items()}
    found, rest = [], iter(octets)
    for code in rest:
        found.append(back[next(rest)] if code == 0x1B else GSM[code])
    return "".join(found)


def gsm_encode(text: str) -> bytes:
    return b"".join(bytes([0x1B, GSM_EXTENSION[c]]) if c in GSM_EXTENSION else bytes([GSM.index(c)]) for c in text)


def pdu(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


def c_text(text) -> bytes:
    return (text.encode() if isinstance(text, str) else text) + b"\0"


def tlv(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


def read_body(body: bytes) -> dict:
    """A submit_sm, strictly: an octet too few or too many is an error."""
    at = 0

    def text(most):
        nonlocal at
        end = body.index(b"\0", at)
        taken, at = body[at:end], end + 1
        assert len(taken) < most, "a text is too long"
        return taken.decode("latin-1")

    def octet():
        nonlocal at
        at += 1
        return body[at - 1]

    found = {"service_type": text(6)}
    for name in ("source", "destination"):
        found[name] = (octet(), octet(), text(21))
    for name in ("esm", "protocol", "priority"):
        found[name] = octet()
    found["schedule"], found["validity"] = text(17), text(17)
    for name in ("registered", "replace", "coding", "default"):
        found[name] = octet()
    length = octet()
    found["octets"] = body[at:at + length]
    assert len(found["octets"]) == length <= 254
    at, found["tlvs"] = at + length, {}
    while at < len(body):
        tag, size = struct.unpack(">HH", body[at:at + 4])
        found["tlvs"][tag] = body[at + 4:at + 4 + size]
        at += 4 + size
    assert at == len(body)
    return found


class Link:
    """One connection."""

    def __init__(self, smsc: "Smsc", sock: socket.socket):
        self.smsc, self.sock = smsc, sock
        self.lock = threading.Lock()
        self.sequences = itertools.count(1)
        self.answers = {}  # of deliver_sm, by sequence
        self.bound = None  # the command that bound it

    def send(self, octets: bytes):
        with self.lock, contextlib.suppress(OSError):
            self.sock.sendall(octets)

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def read(self, size: int) -> bytes:
        octets = b""
        while len(octets) < size:
            more = self.sock.recv(size - len(octets))
            if not more:
                raise EOFError
            octets += more
        return octets

    def run(self):
        try:
            while True:
                length, command, status, sequence = struct.unpack(">IIII", self.read(16))
                assert 16 <= length <= 70000, length
                self.take(command, status, sequence, self.read(length - 16))
        except (EOFError, OSError):
            pass
        except Exception as problem:  # ours, or the client's: a test must see it
            self.smsc.problems.append(repr(problem))
        finally:
            self.close()
            self.smsc.forget(self)

    def take(self, command, status, sequence, body):
        if command in (BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER):
            self.bind(command, sequence, body)
        elif command == SUBMIT_SM:
            assert self.bound != BIND_RECEIVER, "a message came from a receiver"
            self.smsc.take(self, sequence, body)
        elif command == ENQUIRE_LINK:
            if self.smsc.alive:
                self.send(pdu(ENQUIRE_LINK | RESPONSE, 0, sequence))
        elif command == UNBIND:
            self.smsc.unbinds += 1
            self.send(pdu(UNBIND | RESPONSE, 0, sequence))
        elif command == DELIVER_SM | RESPONSE:
            self.smsc.note(lambda: self.answers.__setitem__(sequence, status))
        elif command == NACK:
            self.smsc.note(lambda: self.smsc.nacks.append((status, sequence)))
        elif command not in (ENQUIRE_LINK | RESPONSE, UNBIND | RESPONSE):
            raise AssertionError(f"command {command:#x}")

    def bind(self, command, sequence, body):
        parts = body.split(b"\0")
        status = self.smsc.bind_script.pop(0) if self.smsc.bind_script else 0
        self.send(pdu(command | RESPONSE, status, sequence, b"" if status else c_text("smsc")))
        self.bound = None if status else command
        self.smsc.note(lambda: self.smsc.binds.append((parts[0].decode(), parts[1].decode(), status)))


class Smsc:
    def __init__(self, tls=None):
        self.tls = tls  # an ssl.SSLContext
        self.answer, self.receipt = "ok", "DELIVRD"
        self.script, self.bind_script = [], []
        self.answer_after = self.receipt_after = 0.0
        self.receipt_first = False  # before the answer
        self.ids = "same"  # or "hex-decimal", "decimal-hex": of answers, of receipts
        self.receipt_form = "text"  # or "tlv"
        self.alive = True  # answers enquire_link
        self.messages, self.binds, self.problems, self.nacks, self.links = [], [], [], [], []
        self.unbinds = 0
        self.numbers = itertools.count(int(time.time() * 10) % 10**9 * 100)
        self.changed = threading.Condition()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)  # ends accept(), which could take another listener's number otherwise
        self.acceptor.join()
        self.socket.close()
        self.hang_up()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.socket.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self.tls:
                    try:
                        sock = self.tls.wrap_socket(sock, server_side=True)
                    except OSError as problem:
                        self.note(lambda: self.binds.append(("", str(problem), -1)))
                        continue
                link = Link(self, sock)
                self.note(lambda: self.links.append(link))
                threading.Thread(target=link.run, daemon=True).start()

    # ---- what a test waits for ----

    def note(self, change):
        with self.changed:
            change()
            self.changed.notify_all()

    def forget(self, link):
        self.note(lambda: link in self.links and self.links.remove(link))

    def until(self, look, seconds=30):
        with self.changed:
            assert self.changed.wait_for(look, seconds), "it did not happen in time"
            return look()

    def link(self) -> Link:
        """One to which messages and receipts may go."""
        return self.until(lambda: next((one for one in self.links if one.bound in (BIND_RECEIVER, BIND_TRANSCEIVER)),
                                       None))

    def transmitter(self) -> Link:
        return self.until(lambda: next((one for one in self.links if one.bound == BIND_TRANSMITTER), None))

    def texts(self):
        return [one.text for one in self.messages]

    def wait_texts(self, n, seconds=30):
        self.until(lambda: len(self.messages) >= n, seconds)
        return self.texts()

    # ---- what comes ----

    def take(self, link, sequence, body):
        number = next(self.numbers)
        found = read_body(body)
        octets, part, parts, tlvs = found["octets"], 1, 1, found["tlvs"]
        if found["esm"] & 0x40:
            assert octets[:3] == b"\x05\0\x03", octets[:6]
            parts, part = octets[4], octets[5]
            octets = octets[6:]
        if 0x020E in tlvs:
            parts, part = tlvs[0x020E][0], tlvs[0x020F][0]
        octets = tlvs.get(0x0424, octets)
        text = octets.decode("utf-16-be") if found["coding"] == 8 else gsm_decode(octets)
        message = Message(number, found["source"], found["destination"], text, octets, found["coding"], found["esm"],
                          found["registered"], found["validity"], tlvs, part, parts, link, sequence)
        what = self.script.pop(0) if self.script else self.answer
        self.note(lambda: self.messages.append(message))
        if what == "silent":
            return
        if what == "hang up":
            link.close()
            return
        if self.answer_after:
            threading.Timer(self.answer_after, self.reply, (message, what)).start()
        else:
            self.reply(message, what)

    def reply(self, message, what):
        status = STATUS.get(what, what)
        if status == 0 and self.receipt and self.receipt_first:
            self.give(message, wait=False)
            time.sleep(0.1)
        message.link.send(pdu(SUBMIT_SM | RESPONSE, status, message.sequence,
                              b"" if status else c_text(self.spell(message.id, 0))))
        if status == 0 and self.receipt and not self.receipt_first:
            if self.receipt_after:
                threading.Timer(self.receipt_after, self.give, (message,), {"wait": False}).start()
            else:
                self.give(message, wait=False)

    def spell(self, number, where):
        form = {"same": "decimal-decimal"}.get(self.ids, self.ids).split("-")[where]
        return f"{number:X}" if form == "hex" else f"{number:010d}"

    # ---- what goes ----

    def deliver(self, source, destination, octets, esm=0, coding=0, tlvs=b"", wait=True, link=None):
        """A deliver_sm; its answer's status, or its sequence when that is not waited for."""
        link = link or self.link()
        sequence = next(link.sequences)
        body = (c_text("") + bytes([1, 1]) + c_text(source.lstrip("+")) +
                bytes([1, 1] if destination.startswith("+") else [3, 0]) + c_text(destination.lstrip("+")) +
                bytes([esm, 0, 0]) + c_text("") + c_text("") + bytes([0, 0, coding, 0, len(octets)]) + octets + tlvs)
        link.send(pdu(DELIVER_SM, 0, sequence, body))
        return self.until(lambda: (link.answers.get(sequence),) if sequence in link.answers else None)[0] if wait \
            else sequence

    def give(self, message, state=None, wait=True):
        """The receipt of a message: of one part, when it has several."""
        state, id = state or self.receipt, self.spell(message.id, 1)
        text = (f"id:{id} sub:001 dlvrd:001 submit date:2611301200 done date:2611301201 stat:{state} err:000 "
                f"text:{message.text[:10]}")
        octets, tlvs = text.encode("ascii", "replace"), b""
        if self.receipt_form == "tlv":
            octets, tlvs = b"", tlv(0x001E, c_text(id)) + tlv(0x0427, bytes([STATES[state]]))
        link = message.link if message.link in self.links and message.link.bound == BIND_TRANSCEIVER else None
        return self.deliver(message.destination[2], message.source[2], octets, esm=4, tlvs=tlvs, wait=wait, link=link)

    def say(self, source, destination, text, ref=1, how="udh", order=None):
        """A message from a phone, in parts when it is long; the statuses of its parts."""
        try:
            coding, octets, most = 0, gsm_encode(text), 153
        except ValueError:
            coding, octets, most = 8, text.encode("utf-16-be"), 134
        if len(octets) <= (140 if coding else 160):
            return [self.deliver(source, destination, octets, coding=coding)]
        parts = [octets[i:i + most] for i in range(0, len(octets), most)]
        link, sequences = self.link(), []
        for i in order or range(len(parts)):
            if how == "udh":
                head, esm, tlvs = bytes([5, 0, 3, ref, len(parts), i + 1]), 0x40, b""
            else:
                head, esm = b"", 0
                tlvs = (tlv(0x020C, struct.pack(">H", ref)) + tlv(0x020E, bytes([len(parts)])) +
                        tlv(0x020F, bytes([i + 1])))
            sequences.append(self.deliver(source, destination, head + parts[i], esm, coding, tlvs, wait=False))
        self.until(lambda: all(one in link.answers for one in sequences))
        return [link.answers[one] for one in sequences]

    def raw(self, octets: bytes):
        self.link().send(octets)

    def hang_up(self):
        for link in list(self.links):
            link.close()
