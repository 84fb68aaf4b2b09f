"""The independent checker for runs that do not fit in memory. It finds what `checker` finds, and caps at every prefix.

Each topic is read once, in the order of its partitions: order, density and watermarks are looked at on the way, with a few
numbers a partition. What a record says about its lead becomes a row on disk; then the rows are looked at bucket by bucket, all
of a lead at once (`one_lead`). In memory: one bucket (leads / buckets x some 6 KB), 8 bytes a decision, and what is open.
"""
import resource
import uuid
from array import array
from collections import Counter, defaultdict
from pathlib import Path

from . import log, one_lead
from .caps import CapWalk
from .checker import Watermark, lead_text
from .ledger import stream_ledger
from .rows import Rows, read_bucket

LEADS_A_BUCKET = 20000
FINDINGS_KEPT = 1000  # of each class; all are counted
CLASSES = ("lost", "double", "sold twice", "paid twice", "over cap", "unbalanced")
OTHER = "else wrong"
ORDERS_MAX, STEPS_MAX, ROUNDS_MAX = 1 << 12, 1 << 4, 1 << 8  # how a decision is packed into 8 bytes


def buckets_for(leads):
    return max(1, -(-leads // LEADS_A_BUCKET))


def class_of(finding):
    head = finding.split(":")[0]
    return head if head in CLASSES else OTHER


class StreamChecker:
    def __init__(self, servers, db, folder, buckets, accounts=()):
        """folder: an empty one for the rows. accounts: folders of rows that clients and buyers wrote, with as many buckets."""
        self.servers, self.db, self.buckets = servers, db, buckets
        self.folder, self.accounts = Path(folder), list(accounts)
        self.rows = Rows(self.folder / "leads", buckets)
        self.phones = Rows(self.folder / "phones", buckets)
        self.findings, self.classes, self.counts = [], Counter(), Counter()
        self.orders, self.order_names = {}, []
        self.decisions = defaultdict(lambda: array("Q"))  # market partition -> packed decisions

    def find(self, text):
        kind = class_of(text)
        self.classes[kind] += 1
        if self.classes[kind] <= FINDINGS_KEPT:
            self.findings.append(text)

    def check(self):
        self._read_dead()
        self._read_raw()
        self._read_judged()
        self._read_decisions()
        self._read_market()
        self._read_deliveries()
        self._read_ledger()
        self.rows.flush()
        self.phones.flush()
        self._check_leads()
        self._check_phones()
        self.counts["rows"] = self.rows.count
        self.counts["peak memory, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        return self.findings

    def _records(self, topic):
        """Without those that a dead letter names: nothing may come of them."""
        for record in log.stream_topic(self.servers, topic):
            if (topic, record.partition, record.offset) not in self.dead:
                yield record, record.message

    def _read_dead(self):
        self.dead = set()
        for record in log.stream_topic(self.servers, "dead.letters"):
            source = record.message.source
            self.dead.add((source.topic, source.partition, source.offset))
        self.counts["dead letters"] = len(self.dead)

    # --- in the order of the log ---
    def _read_raw(self):
        self.raw_ends = {}
        for record, message in self._records("leads.raw"):
            self.rows.put(message.lead_id, one_lead.RAW, record.partition, record.offset)
            self.raw_ends[record.partition] = record.offset + 1

    def _read_judged(self):
        """In order, dense, exactly one verdict per readable raw record; the first verdict in the log counts."""
        watermarks, expected = defaultdict(Watermark), defaultdict(int)
        for record, message in self._records("leads.judged"):
            partition, source = record.partition, message.source
            if source.topic != "leads.raw" or source.partition != partition:
                self.find(f"leads.judged/{partition}@{record.offset}: its source is {source.topic}/{source.partition}")
                continue
            if not watermarks[partition].fresh(source):
                self.counts["judged again"] += 1
                continue
            self._explain_gap(partition, expected[partition], source.offset)
            expected[partition] = source.offset + 1
            if message.verdict == one_lead.REJECTED and not message.reasons:
                self.find(f"{lead_text(message.lead_id)} was rejected without a reason")
            self.rows.put(message.lead_id, one_lead.VERDICT, partition, record.offset, source.offset, message.verdict)
            if message.verdict == one_lead.ACCEPTED and message.fingerprints.phone:
                self.phones.put(message.fingerprints.phone, message.lead.vertical, message.lead_id)
        for partition, end in self.raw_ends.items():
            self._explain_gap(partition, expected[partition], end)

    def _explain_gap(self, partition, first, end):
        for offset in range(first, end):
            if ("leads.raw", partition, offset) not in self.dead:
                self.find(f"lost: leads.raw/{partition}@{offset} has no verdict where it should stand")

    def _read_decisions(self):
        for record, message in self._records("leads.routed"):
            if message.source.topic != "market":
                continue  # an operator's retry of a delivery
            a, source = message.assignment, message.source
            self._decision(message.lead_id, source, "routed", a.round, a.order_id, a.price.amount_minor, a.payout.amount_minor)
            if not a.is_test:
                self._pack(source, a.round, a.order_id)
        for record, message in self._records("leads.unsold"):
            self._decision(message.lead_id, message.source, "unsold", message.decision.round, "", 0, 0)

    def _decision(self, lead, source, *what):
        self.rows.put(lead, one_lead.DECISION, source.partition, source.offset, source.step, *what)

    def _pack(self, source, number, order):
        index = self.orders.setdefault(order, len(self.orders))
        if index == len(self.order_names):
            self.order_names.append(order)
        assert index < ORDERS_MAX and source.step < STEPS_MAX and number < ROUNDS_MAX
        self.decisions[source.partition].append(((source.offset * STEPS_MAX + source.step) * ROUNDS_MAX + number) * ORDERS_MAX + index)

    def _read_market(self):
        """Admissions and settlements come once; caps hold at every prefix."""
        watermarks = defaultdict(Watermark)
        walks = defaultdict(lambda: CapWalk(self.find))
        waiting = {p: sorted(set(packed), reverse=True) for p, packed in self.decisions.items()}
        self.decisions.clear()
        for record, message in self._records("market"):
            partition, kind = record.partition, message.WhichOneof("event")
            fresh = kind not in ("admitted", "settled") or watermarks[(partition, kind)].fresh(message.source)
            if not fresh:
                self.counts[f"{kind} again"] += 1
            if message.lead_id:
                self._market_row(record, message, kind, fresh)
            walk = walks[partition]
            walk.event(message, record.timestamp_ms, fresh)
            mine = waiting.get(partition, [])
            while mine and mine[-1] // (STEPS_MAX * ROUNDS_MAX * ORDERS_MAX) <= record.offset:
                packed = mine.pop()
                walk.decided(message.lead_id, packed // ORDERS_MAX % ROUNDS_MAX, self.order_names[packed % ORDERS_MAX])
        self.counts["caps looked at"] = sum(walk.decisions for walk in walks.values())

    def _market_row(self, record, message, kind, fresh):
        place = (record.partition, record.offset)
        self.rows.put(message.lead_id, one_lead.EVENT, *place, kind)
        if kind == "admitted" and fresh:
            self.rows.put(message.lead_id, one_lead.ADMITTED, *place, message.source.partition, message.source.offset,
                          bool(message.admitted.quarantined_until_ms))
        elif kind == "settled" and fresh:
            self.rows.put(message.lead_id, one_lead.SETTLED, message.settled.round, message.settled.settlement)

    def _read_deliveries(self):
        for record, message in self._records("leads.attempts"):
            if record.is_of_no_lead:
                continue
            self.rows.put(message.lead_id, one_lead.ATTEMPT, message.assignment.round, message.final)
        for _, message in self._records("leads.outcomes"):
            if message.kind in one_lead.FINAL:
                self.rows.put(message.lead_id, one_lead.OUTCOME, message.assignment.round, message.kind)

    def _read_ledger(self):
        sums, balances = Counter(), {}
        for kind, *row in stream_ledger(self.db):
            if kind == "entry":
                lead, number, event, account, amount, currency = row
                sums[(account, currency)] += amount
                self.rows.put(bytes(lead), one_lead.ENTRY, number, event, account, amount, currency)
            elif kind == "balance":
                account, currency, amount = row
                balances[(account, currency)] = amount
            elif row[0]:
                self.find(f"lost: {row[0]} rows are still in the outbox")
        for place in set(sums) | set(balances):
            if sums.get(place, 0) != balances.get(place, 0):
                self.find(f"unbalanced: {place} has a balance of {balances.get(place, 0)}, its entries sum to {sums.get(place, 0)}")

    # --- lead by lead ---
    def _check_leads(self):
        for number in range(self.buckets):
            for lead, rows in read_bucket([self.folder / "leads", *self.accounts], number).items():
                name = str(uuid.UUID(bytes=lead)) if len(lead) == 16 else lead.hex()
                one_lead.OneLead(name, rows, self.find, self.counts).check()

    def _check_phones(self):
        """No phone is accepted twice in a vertical (the traffic of a run is younger than every window)."""
        for number in range(self.buckets):
            for owners in read_bucket([self.folder / "phones"], number).values():
                by_vertical = defaultdict(list)
                for vertical, lead in owners:
                    by_vertical[vertical].append(lead_text(lead))
                for vertical, leads in by_vertical.items():
                    if len(leads) > 1:
                        self.find(f"double: {' and '.join(leads[:2])} have the phone and vertical {vertical}, both accepted")

    def report(self):
        return f"{dict(self.counts)}\n" + "\n".join(self.findings[:20])
