"""Looks for contacts where none may be: in every topic, every key and value of Redis, every log, the ledger, the metrics.

A contact is looked for in the spellings that a careless line of code would give it: as it was typed and as it was normalised,
in other case, escaped for JSON and for URLs, in base64, in hex, in UTF-16, as a number."""
import base64
import re
import struct
import urllib.parse
import urllib.request

from . import log, messages
from .filter_state import connect

TOPICS = (*messages.BY_TOPIC, "market.snapshots", "orders.progress")
SERVICES = ("collector", "filter-worker", "router", "delivery", "payout")
_STEMS = ("Чертополо", "Крыжовни", "Одуванчи", "Подорожни", "Можжевело", "Колокольчи")
_ENDS = ("хова", "кова", "нская", "шина", "тина", "лова", "рина", "вская", "мятова")
PERSONS_MAX = len(_STEMS) * len(_ENDS)


def person(number):
    """A contact that nobody else has: nothing of it stands in a topic by chance."""
    subscriber = 7310000 + number * 7919
    return {"phone": f"+7926{subscriber}", "email": f"Neobychny.{number}x{subscriber}@zabor{subscriber}.ru",
            "first_name": f"Прасковея{_ENDS[number % len(_ENDS)]}", "last_name": _STEMS[number // len(_ENDS)] + _ENDS[number % len(_ENDS)],
            "ip": f"95.31.{17 + number}.{201 - number}"}


def _varint(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def _text_needles(text):
    yield from {text.encode(), text.lower().encode(), text.upper().encode(), text.encode("utf-16-le")}
    yield text.encode("ascii", "backslashreplace")  # \uXXXX, as JSON has it
    yield from {urllib.parse.quote(text).encode(), urllib.parse.quote(text).lower().encode()}
    yield text.encode().hex().encode()
    for shift in range(3):  # the three ways in which it can stand inside a longer text
        inside = base64.b64encode(b"x" * shift + text.encode()).rstrip(b"=")
        yield inside[4 if shift else 0:-1]


def _phone_needles(phone):
    digits = phone[-10:]
    area, a, b, c = digits[:3], digits[3:6], digits[6:8], digits[8:]
    for text in (digits, f"{area} {a}-{b}-{c}", f"{area}) {a}-{b}-{c}", f"{area}-{a}-{b}-{c}", f"{area} {a} {b} {c}", f"{area}) {a} {b}{c}"):
        yield text.encode()
    yield from _text_needles(digits)
    for number in (int(digits), int("7" + digits), int("8" + digits)):
        yield from (_varint(number), _varint(2 * number), struct.pack("<Q", number), struct.pack(">Q", number))


def _ip_needles(ip):
    packed = bytes(map(int, ip.split(".")))
    yield from (*_text_needles(ip), b"\x04" + packed, packed.hex().encode() + b'"')


def needles(contact):
    """(what it is, bytes)."""
    spelt = {"phone": _phone_needles, "ip": _ip_needles}
    for what, value in contact.items():
        for needle in spelt.get(what, _text_needles)(value):
            yield what, needle
    local, _, domain = contact["email"].partition("@")
    for part in (local, domain):
        for needle in _text_needles(part):
            yield "email", needle


def _redis_bytes(stack):
    client = connect(stack)
    for key in client.scan_iter(count=5000):
        yield key
        kind = client.type(key)
        if kind == b"string":
            yield client.get(key) or b""
        elif kind == b"hash":
            yield from (part for pair in client.hgetall(key).items() for part in pair)
        else:
            raise AssertionError(f"{key!r} is a {kind!r}: it is not looked into")


def places(stack):
    """(where, bytes) of everything that is written down."""
    for topic in TOPICS:
        records = [r for of_one in log.read_topic(stack.kafka, topic).values() for r in of_one]
        yield f"topic {topic}", b"\xff".join(part for r in records for part in (r.key, r.value))
    yield "redis", b"\xff".join(_redis_bytes(stack))
    for path in sorted((stack.home / "logs").iterdir()):
        yield f"log {path.name}", path.read_bytes()
    for path in sorted((stack.home / "data").glob("ledger.db*")):
        yield f"file {path.name}", path.read_bytes()
    for service in SERVICES:
        with urllib.request.urlopen(stack.exports[f"PUNNET_{service.upper().replace('-', '_')}_ADMIN_URL"] + "/metrics", timeout=5) as answer:
            yield f"metrics {service}", answer.read()


def leaks(stack, contacts):
    """{(where, what)}, and how many bytes were looked through."""
    found, size = set(), 0
    wanted = [pair for contact in contacts for pair in needles(contact)]
    assert min(len(needle) for _, needle in wanted) >= 5
    for where, data in places(stack):
        size += len(data)
        found |= {(where, what) for what, needle in wanted if needle in data}
    return found, size


# --- memory ---
# What every person() has in common, in the spellings of a text: one pass over a process finds all of them.
_MARKS = re.compile(b"|".join(re.escape(text.encode()) for text in
                              ("eobychny.", "EOBYCHNY.", "@zabor7", "@ZABOR7", "расковея", "РАСКОВЕЯ", *(stem[1:] for stem in _STEMS),
                               *(stem[1:].upper() for stem in _STEMS))))
_CHUNK_BYTES, _OVERLAP_BYTES = 16 << 20, 64


def in_memory(pid):
    """(marks of contacts, bytes looked through): what a core file of the process would hold."""
    marks, size = set(), 0
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        spans = [line.split()[0] for line in file if " rw" in line]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end in ((int(edge, 16) for edge in span.split("-")) for span in spans):
            for at in range(begin, end, _CHUNK_BYTES):
                try:
                    memory.seek(at)
                    data = memory.read(min(end - at, _CHUNK_BYTES + _OVERLAP_BYTES))
                except OSError:  # a page that is only reserved
                    continue
                marks |= set(_MARKS.findall(data))
                size += len(data)
    return marks, size
