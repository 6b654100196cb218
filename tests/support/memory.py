"""What a running process holds in memory: every resident page that it may write."""

import base64

PAGE = 4096
RESIDENT = 0xC0  # in the last octet of an entry of pagemap: present, or swapped out
# A larger mapping is the shadow of a sanitizer, which holds no text.
MAPPING_MAX = 1 << 33


def _mappings(pid: int):
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            area, rights = line.split()[:2]
            begin, end = (int(number, 16) for number in area.split("-"))
            if rights.startswith("rw") and end - begin <= MAPPING_MAX:
                yield begin, end


def _resident(pagemap, begin: int, end: int):
    """Runs of pages that are there: the rest was never written."""
    pagemap.seek(begin // PAGE * 8)
    there = [bool(octet & RESIDENT) for octet in pagemap.read((end - begin) // PAGE * 8)[7::8]]
    start = None
    for number, is_there in enumerate([*there, False]):
        if is_there and start is None:
            start = number
        elif not is_there and start is not None:
            yield begin + start * PAGE, (number - start) * PAGE
            start = None


def count(pid: int, text: str | bytes) -> int:
    """How often it lies there."""
    wanted = text.encode() if isinstance(text, str) else text
    found = 0
    with open(f"/proc/{pid}/mem", "rb", 0) as memory, open(f"/proc/{pid}/pagemap", "rb", 0) as pagemap:
        for begin, end in _mappings(pid):
            for at, size in _resident(pagemap, begin, end):
                try:
                    memory.seek(at)
                    found += memory.read(size).count(wanted)
                except OSError:  # given back meanwhile
                    continue
    return found


def signature(token: str) -> str:
    """The part of a token without which the rest is worth nothing."""
    return token.rsplit(".", 1)[1]


def octets(key: str) -> bytes:
    return base64.b64decode(key)
