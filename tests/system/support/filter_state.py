"""What the filters remember in Redis, held against the log: watermarks, visits and sums are worked out a second time from
leads.judged. How they stand in Redis is said in lib/runtime/kv_layout.h. Every finding is a sentence; none is good."""
import json
import struct
from collections import Counter, defaultdict

import redis

from . import log

PREFIX = b"fw:"
ID_LEN = 8
VISIT_BYTES = {b"t": 20, b"w": 28}  # by the kind of page: 48 bits of the record, 48 of the time, two marks or four
RECORD_BITS = 48
PAGE_FIELD_LEN = 12
VISITS_MAX = 24
REJECTED = 2
MS_PER_MINUTE, MS_PER_HOUR, MS_PER_DAY = 60_000, 3_600_000, 86_400_000
# purpose of a trail -> facts that count its visits, and within how long
WINDOWS = {
    b"dv": {"device_leads_5m": 5 * MS_PER_MINUTE, "device_leads_1h": MS_PER_HOUR, "device_leads_12h": 12 * MS_PER_HOUR},
    b"ia": {"ip_all_1h": MS_PER_HOUR, "ip_all_24h": MS_PER_DAY},
}


def connect(stack):
    return redis.Redis.from_url(stack.exports["PUNNET_REDIS"])


def fnv1a(data, digest=0xcbf29ce484222325):
    for byte in data:
        digest = (digest ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return digest


def mix(h):
    """The finalizer of MurmurHash3."""
    h = (h ^ h >> 33) * 0xff51afd7ed558ccd & 0xffffffffffffffff
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53 & 0xffffffffffffffff
    return h ^ h >> 33


def page_field(key):
    """What stands in a page for the key of a trail: hash_wide() of lib/base/hash.c, cut."""
    mask, a = 0xffffffffffffffff, 0xcbf29ce484222325
    b = ~a & mask
    for at in range(0, len(key), 8):
        word = int.from_bytes(key[at:at + 8], "little")
        a = (a ^ word) * 0x9e3779b97f4a7c15 & mask
        b = (b ^ word) * 0xc2b2ae3d27d4eb4f & mask
        a, b = a ^ a >> 32, b ^ b >> 29
    return struct.pack("<QQ", mix(a ^ len(key)), mix(b + len(key) & mask))[:PAGE_FIELD_LEN]


def record_digest(message):
    return fnv1a(struct.pack("<Q", message.source.offset), fnv1a(message.lead_id)) & (1 << RECORD_BITS) - 1


def read_visit(data):
    return int.from_bytes(data[:6], "big"), int.from_bytes(data[6:12], "big", signed=True)


def facts_of(message):
    return {fact.name: getattr(fact, fact.WhichOneof("value")) for fact in message.facts}


def trail_key(purpose, scope, subject):
    return purpose + (b":" + scope.encode() if scope else b"*") + subject


def trail_keys(message, facts):
    """The trails that a lead leaves a visit in, of the purposes that are worked out here."""
    prints, vertical = message.fingerprints, message.lead.vertical
    yield from ([trail_key(b"dv", "", prints.device)] if prints.device else [])
    yield from ([trail_key(b"ia", "", prints.ip)] if prints.ip else [])
    yield from ([trail_key(b"pe", "", prints.person)] if prints.person else [])
    yield from ([trail_key(b"sn", vertical, facts["name_block"])] if "name_block" in facts and "name_sketch" in facts else [])


class FilterState:
    def __init__(self, stack):
        self.findings, self.counts = [], Counter()
        self._read_log(stack)
        self._read_redis(connect(stack))
        self._read_judged_again(stack)

    def find(self, text):
        self.findings.append(text)

    def check(self, in_order=True):
        """in_order: nothing was restored, so visits stand in the order in which the leads were judged."""
        self._check_watermarks()
        self._check_trails(in_order)
        self._check_sums()
        return self.findings

    def report(self):
        return f"{dict(self.counts)}\n" + "\n".join(self.findings[:20])

    # --- reading ---
    def _read_log(self, stack):
        """The first verdict about each record of leads.raw: later ones fall away."""
        self.judged, self.ends = {}, {}
        for partition, records in log.read_topic(stack.kafka, "leads.judged").items():
            for message in (record.message for record in records):
                self.judged.setdefault((partition, message.source.offset), message)
                self.ends[partition] = max(self.ends.get(partition, 0), message.source.offset + 1)
        self.by_digest = {record_digest(m): m for m in self.judged.values()}
        self.counts["judged"] = len(self.judged)

    def _read_redis(self, client):
        state = client.hget(PREFIX + b"!g", "id") or b""
        self.marks = {k.decode(): int(v) for k, v in client.hgetall(PREFIX + b"!w").items()}
        self.trails, self.hours, self.days = {}, {}, {}
        start = PREFIX + state
        names = list(client.scan_iter(match=start + b"*", count=5000)) if len(state) == ID_LEN else []
        for key in names:
            kind, rest = key[len(start):len(start) + 1], key[len(start) + 1:]
            if kind in VISIT_BYTES:
                self._read_page(VISIT_BYTES[kind], int(rest.split(b".")[2]), client.hgetall(key))
            elif kind in b"hd" and (value := client.get(key)) is not None:  # the others are notes
                sums = self.hours if kind == b"h" else self.days
                sums[(rest[8:].decode(), struct.unpack("<q", rest[:8])[0])] = value

    def _read_page(self, size, generation, page):
        """A trail that stands in two generations counts in the later one."""
        for field, value in page.items():
            if generation >= self.trails.get(field, (-1,))[0]:
                visits = [read_visit(value[at:at + size]) for at in range(0, len(value), size)]
                self.trails[field] = (generation, visits)

    def _read_judged_again(self, stack):
        """Records that a worker judged and did not live to publish. The worker after it may say otherwise, for leads of other partitions
        came meanwhile; whether they count as rejected is what the first one said."""
        self.again = set()
        for path in stack.home.glob("logs/filter-worker@*.log"):
            for line in path.read_text().splitlines():
                if '"judged_again"' in line:
                    said = json.loads(line)
                    self.again |= {(said["partition"], offset) for offset in range(said["first"], said["last"] + 1)}
        self.counts["judged again"] = len(self.again)

    # --- watermarks: everything that was judged is counted, and nothing beyond ---
    def _check_watermarks(self):
        for partition, end in self.ends.items():
            for what, field in (("counted", f"c{partition}"), ("judged", f"j{partition}")):
                if self.marks.get(field) != end:
                    self.find(f"watermark: leads.raw/{partition} is {what} up to {self.marks.get(field)}, its verdicts end at {end}")

    # --- visits: each record once, in every trail that it belongs to ---
    def _check_trails(self, in_order):
        expected = defaultdict(set)
        for digest, message in self.by_digest.items():
            for key in trail_keys(message, facts_of(message)):
                expected[key].add(digest)
        names = {page_field(key): key for key in expected}
        for field, (_, visits) in self.trails.items():
            key = names.get(field, b"")  # of other purposes than those that are worked out here
            self._check_trail(key, visits, expected)
            if in_order and key and len(visits) <= VISITS_MAX and len(expected[key]) <= VISITS_MAX:
                self._check_counting_facts(key, visits)
        for field, key in names.items():
            if field not in self.trails:
                self.find(f"trail {key[:2].decode()}: that of {len(expected[key])} leads is not there")
        self.counts["trails"] = len(self.trails)

    def _check_trail(self, key, visits, expected):
        purpose, digests = key[:2].decode(), [v[0] for v in visits]
        self.counts["visits"] += len(visits)
        for digest, times in Counter(digests).items():
            if times > 1:
                self.find(f"trail {purpose}: a record stands in it {times} times")
        for digest, at_ms in visits:
            if digest not in self.by_digest:
                self.find(f"trail {purpose}: a visit of a record that was never judged")
            elif self.by_digest[digest].lead.received_at_ms != at_ms:
                self.find(f"trail {purpose}: a visit at {at_ms}, which is not when its lead came")
        if key in expected and len(visits) < VISITS_MAX and set(digests) != expected[key]:
            self.find(f"trail {purpose}: {len(set(digests))} records, and {len(expected[key])} leads belong to it")

    def _check_counting_facts(self, key, visits):
        """What a lead's facts counted is what stood before it."""
        for place, (digest, at_ms) in enumerate(visits):
            facts = facts_of(self.by_digest[digest]) if digest in self.by_digest else {}
            for name, window_ms in WINDOWS.get(key[:2], {}).items():
                count = sum(at_ms - before[1] < window_ms for before in visits[:place])
                self.counts["facts recomputed"] += 1
                if facts.get(name) != count:
                    self.find(f"{name} is {facts.get(name)}, and {count} visits stood before the lead")

    # --- sums: what each webmaster sent, and what of it was rejected, by minute and by hour ---
    def _check_sums(self):
        hours, days, room = defaultdict(lambda: [0] * 120), defaultdict(lambda: [0] * 48), Counter()
        for record, message in self.judged.items():
            at_ms, name = message.lead.received_at_ms, message.lead.aff_id
            minute, hour = at_ms % MS_PER_HOUR // MS_PER_MINUTE, at_ms % MS_PER_DAY // MS_PER_HOUR
            for rejected in range(2 if message.verdict == REJECTED else 1):
                hours[(name, at_ms // MS_PER_HOUR)][60 * rejected + minute] += 1
                days[(name, at_ms // MS_PER_DAY)][24 * rejected + hour] += 1
            if record in self.again:
                room[("hour", name, at_ms // MS_PER_HOUR, 60 + minute)] += 1
                room[("day", name, at_ms // MS_PER_DAY, 24 + hour)] += 1
        for what, expected, found, form in (("hour", hours, self.hours, ">120H"), ("day", days, self.days, ">48I")):
            for name in set(expected) | set(found):
                size = struct.calcsize(form)
                sums = struct.unpack(form, found.get(name, b"")[:size].ljust(size, b"\0"))
                if any(abs(a - b) > room[(what, *name, place)] for place, (a, b) in enumerate(zip(sums, expected[name]))):
                    self.find(f"sums of {name[0]}'s {what}: {sum(sums)} leads and rejects, and the log has {sum(expected[name])}")
        self.counts["sums"] = len(hours) + len(days)
