"""The independent checker: compares what the client was promised with every topic, the advertisers' own account and the
ledger. It shares the message definitions with the product and nothing else. Every finding is a sentence; none is good.
"""
import uuid
from collections import Counter, defaultdict

from . import log
from .ledger import read_ledger

FINDINGS_SHOWN = 20
FINAL_KINDS = {1: "delivered", 2: "refused", 3: "undeliverable", 4: "unresolved"}
OFFERED_ON = {2, 3}  # kinds after which a lead is offered to the next order


def lead_text(lead_id):
    return str(uuid.UUID(bytes=bytes(lead_id))) if len(lead_id) == 16 else f"<{len(lead_id)} bytes>"


class Watermark:
    """What DESIGN calls the watermark, written down a second time: repeats fall away per source partition."""

    def __init__(self):
        self.seen = {}

    def fresh(self, source, scope=None):
        where, what = (scope, source.topic, source.partition), (source.offset, source.step)
        if what <= self.seen.get(where, (-1, -1)):
            return False
        self.seen[where] = what
        return True


class Checker:
    def __init__(self, servers, db):
        self.servers, self.db = servers, db
        self.findings = []
        self.counts = Counter()

    def find(self, text):
        self.findings.append(text)

    def check(self, acknowledged, advertiser=None):
        """acknowledged: lead ids as text. Returns the findings; `counts` tells what was looked at."""
        self.dead = [r for records in log.read_topic(self.servers, "dead.letters").values() for r in records]
        self.dead_sources = {(r.message.source.topic, r.message.source.partition, r.message.source.offset) for r in self.dead}
        self.raw = self._read("leads.raw")
        self.judged = self._read("leads.judged")
        self.market = self._read("market")
        self.routed = self._read("leads.routed")
        self.unsold = self._read("leads.unsold")
        self.attempts = self._read("leads.attempts")
        self.outcomes = self._read("leads.outcomes")
        self.ledger = read_ledger(self.db)
        self._check_raw(set(acknowledged))
        self._check_judged()
        self._check_market()
        self._check_decisions()
        self._check_attempts()
        self._check_outcomes(advertiser)
        self._check_ledger()
        return self.findings

    def _read(self, topic):
        """A topic without the records that a dead letter names: nothing may come of those."""
        return {partition: [r for r in records if (topic, partition, r.offset) not in self.dead_sources]
                for partition, records in log.read_topic(self.servers, topic).items()}

    # --- collector ---
    def _check_raw(self, acknowledged):
        stored = Counter()
        for partition, records in self.raw.items():
            for record in records:
                stored[lead_text(record.message.lead_id)] += 1
        for lead in acknowledged - set(stored):
            self.find(f"lost: {lead} was acknowledged and is not in leads.raw")
        self.counts["acknowledged"], self.counts["raw"] = len(acknowledged), len(stored)
        self.counts["stored twice"] = sum(stored.values()) - len(stored)

    # --- filter-worker ---
    def _check_judged(self):
        """In order, dense, exactly one verdict per readable raw record; the first verdict in the log counts."""
        self.verdicts = {}  # (partition, judged offset) -> message, first verdicts only
        for partition, records in self.judged.items():
            watermark, expected = Watermark(), 0
            raw_by_offset = {r.offset: r for r in self.raw.get(partition, [])}
            for record in records:
                message = record.message
                if message.source.topic != "leads.raw" or message.source.partition != partition:
                    self.find(f"leads.judged/{partition}@{record.offset}: its source is {message.source.topic}/{message.source.partition}")
                    continue
                if not watermark.fresh(message.source):
                    self.counts["judged again"] += 1
                    continue
                while expected < message.source.offset:
                    if ("leads.raw", partition, expected) not in self.dead_sources:
                        self.find(f"lost: leads.raw/{partition}@{expected} has no verdict before @{message.source.offset}'s")
                    expected += 1
                expected = message.source.offset + 1
                origin = raw_by_offset.get(message.source.offset)
                if origin is None or origin.message.lead_id != message.lead_id:
                    self.find(f"leads.judged/{partition}@{record.offset}: is not about its source's lead")
                if message.verdict == 2 and not message.reasons:
                    self.find(f"{lead_text(message.lead_id)} was rejected without a reason")
                self.verdicts[(partition, record.offset)] = message
            for offset in range(expected, max(raw_by_offset, default=-1) + 1):
                if offset in raw_by_offset and ("leads.raw", partition, offset) not in self.dead_sources:
                    self.find(f"lost: leads.raw/{partition}@{offset} has no verdict")
        accepted = Counter(lead_text(m.lead_id) for m in self.verdicts.values() if m.verdict == 1)
        for lead, times in accepted.items():
            if times > 1:
                self.find(f"double: {lead} was accepted {times} times")
        self.accepted = set(accepted)
        self.quarantined = {lead_text(m.lead_id) for m in self.verdicts.values() if m.verdict == 3}
        self.counts["judged"] = len(self.verdicts)
        self.counts["accepted"] = len(self.accepted)
        self._check_double_acceptance()

    def _check_double_acceptance(self):
        """No phone is accepted twice in a vertical (the traffic of a test is younger than every window)."""
        owners = {}
        for message in self.verdicts.values():
            phone = (message.lead.vertical, message.fingerprints.phone)
            if message.verdict != 1 or not phone[1]:
                continue
            if phone in owners:
                self.find(f"double: {lead_text(message.lead_id)} and {lead_text(owners[phone])} have the phone and vertical, both accepted")
            owners[phone] = message.lead_id

    # --- router/admit ---
    def _check_market(self):
        self.admitted = Counter()
        self.market_records = {}
        for partition, records in self.market.items():
            watermark = Watermark()
            for record in records:
                message = record.message
                self.market_records[(partition, record.offset)] = message
                if message.WhichOneof("event") != "admitted":
                    continue
                if not watermark.fresh(message.source):
                    self.counts["admitted again"] += 1
                    continue
                verdict = self.verdicts.get((message.source.partition, message.source.offset))
                allowed = 3 if message.admitted.quarantined_until_ms else 1
                if verdict is None or verdict.verdict != allowed or verdict.lead_id != message.lead_id:
                    self.find(f"market/{partition}@{record.offset}: its source is not the first verdict that accepted it")
                self.admitted[lead_text(message.lead_id)] += 1
        for lead in (self.accepted | self.quarantined) - set(self.admitted):
            self.find(f"lost: {lead} was accepted and is not in the market")
        for lead, times in self.admitted.items():
            if times > 1:
                self.find(f"double: {lead} was admitted {times} times")
        self.counts["admitted"] = len(self.admitted)

    # --- router/decide ---
    def _check_decisions(self):
        """Repeats of a decision are identical; each lead's rounds are 0, 1, …; a decision is about its event's lead."""
        decisions = {}  # (market partition, offset, step) -> (kind, lead, round, order, price, payout)
        for kind, topic in (("routed", self.routed), ("unsold", self.unsold)):
            for records in topic.values():
                for record in records:
                    message = record.message
                    source = (message.source.partition, message.source.offset, message.source.step)
                    if kind == "routed":
                        a = message.assignment
                        what = (kind, lead_text(message.lead_id), a.round, a.order_id, a.price.amount_minor, a.payout.amount_minor)
                    else:
                        what = (kind, lead_text(message.lead_id), message.decision.round, "", 0, 0)
                    if decisions.setdefault(source, what) != what:
                        self.find(f"two decisions about market/{source[0]}@{source[1]}: {decisions[source]} and {what}")
                    event = self.market_records.get(source[:2])
                    if event is None or event.lead_id != message.lead_id:
                        self.find(f"{what[1]}: decided upon market/{source[0]}@{source[1]}, which is not about it")
        self.assignments, rounds = {}, defaultdict(list)
        for kind, lead, number, order, price, payout in decisions.values():
            rounds[lead].append((number, kind))
            if kind == "routed":
                if (lead, number) in self.assignments:
                    self.find(f"double: {lead} was assigned twice in round {number}")
                self.assignments[(lead, number)] = (order, price, payout)
        ended = {lead_text(m.lead_id) for m in self.market_records.values() if m.WhichOneof("event") == "quarantine"}
        for lead in set(self.admitted) - set(rounds) - (self.quarantined - ended):
            self.find(f"lost: {lead} was admitted and never decided")
        for lead, seen in rounds.items():
            numbers = sorted(n for n, _ in seen)
            if numbers != list(range(len(numbers))):
                self.find(f"{lead}: its rounds are {sorted(seen)}")
            if sum(kind == "unsold" for _, kind in seen) > 1:
                self.find(f"{lead}: unsold more than once")
        self.unsold_leads = {lead for lead, seen in rounds.items() if any(kind == "unsold" for _, kind in seen)}
        self.counts["routed"], self.counts["unsold"] = len(self.assignments), len(self.unsold_leads)

    # --- delivery ---
    def _check_attempts(self):
        final = set()
        for records in self.attempts.values():
            for record in records:
                if record.is_of_no_lead:
                    continue
                message = record.message
                task = (lead_text(message.lead_id), message.assignment.round)
                if task not in self.assignments:
                    self.find(f"{task[0]} round {task[1]}: attempted without an assignment")
                if message.final:
                    final.add(task)
        for task in set(self.assignments) - final:
            self.find(f"lost: {task[0]} round {task[1]} was assigned and has no final attempt")
        self.counts["final attempts"] = len(final)

    def _check_outcomes(self, advertiser):
        kinds = defaultdict(set)
        for records in self.outcomes.values():
            for record in records:
                message = record.message
                if message.kind in FINAL_KINDS:
                    kinds[(lead_text(message.lead_id), message.assignment.round)].add(message.kind)
        for task in set(self.assignments) - set(kinds):
            self.find(f"lost: {task[0]} round {task[1]} has no outcome")
        delivered = Counter()
        for (lead, number), seen in kinds.items():
            if len(seen) > 1:
                self.find(f"{lead} round {number}: contradicting outcomes {sorted(FINAL_KINDS[k] for k in seen)}")
            if 1 in seen:
                delivered[lead] += 1
            if seen & OFFERED_ON and (lead, number + 1) not in self.assignments and lead not in self.unsold_leads:
                self.find(f"lost: {lead} was {FINAL_KINDS[min(seen & OFFERED_ON)]} in round {number} and went nowhere")
        for lead, times in delivered.items():
            if times > 1:
                self.find(f"sold twice: {lead} was delivered in {times} rounds")
            if lead in self.unsold_leads:
                self.find(f"{lead} is both delivered and unsold")
        self.delivered = set(delivered)
        self.counts["delivered"] = len(self.delivered)
        if advertiser:
            self._check_advertiser(advertiser)

    def _check_advertiser(self, advertiser):
        for lead, takers in advertiser.taken.items():
            if len({who for who, _, _ in takers}) > 1 or len(takers) > 1:
                self.find(f"sold twice: {lead} was taken by {sorted(takers)}")
            if lead not in self.delivered:
                self.find(f"lost: {lead} was taken by the advertiser and is not delivered here")
        for lead in self.delivered - set(advertiser.taken):
            self.find(f"{lead} is delivered here and the advertiser never took it")

    # --- payout ---
    def _check_ledger(self):
        credits = Counter()
        for transfer in self.ledger.transfers.values():
            if sum(amount for _, amount, _ in transfer.entries) != 0:
                self.find(f"transfer {transfer.id}: its entries sum to {sum(a for _, a, _ in transfer.entries)}")
            if transfer.event == "delivered":
                credits[transfer.lead_id] += 1
                self._check_credit(transfer)
        for lead in self.delivered - set(credits):
            self.find(f"lost: {lead} was delivered and not credited")
        for lead, times in credits.items():
            if times > 1:
                self.find(f"paid twice: {lead} was credited {times} times")
            if lead not in self.delivered:
                self.find(f"{lead} was credited and not delivered")
        sums = defaultdict(int)
        for transfer in self.ledger.transfers.values():
            for account, amount, currency in transfer.entries:
                sums[(account, currency)] += amount
        for place, amount in self.ledger.balances.items():
            if sums.get(place, 0) != amount:
                self.find(f"balance of {place} is {amount}, its entries sum to {sums.get(place, 0)}")
        for place, amount in sums.items():
            if amount and place not in self.ledger.balances:
                self.find(f"{place} has entries and no balance")
        if self.ledger.outbox:
            self.find(f"{self.ledger.outbox} rows are still in the outbox")
        self.counts["credits"] = sum(credits.values())
        self.counts["transfers"] = len(self.ledger.transfers)

    def _check_credit(self, transfer):
        prices = [(p, q) for (lead, _), (_, p, q) in self.assignments.items() if lead == transfer.lead_id] \
            if len(self.assignments) < 2000 else [v[1:] for v in self._by_lead().get(transfer.lead_id, [])]
        amounts = {account.split(":")[0]: amount for account, amount, _ in transfer.entries}
        if (amounts.get("advertisers"), -amounts.get("webmasters", 0)) not in prices:
            self.find(f"{transfer.lead_id}: credited {amounts}, its assignments say {prices}")

    def _by_lead(self):
        if not hasattr(self, "_lead_index"):
            self._lead_index = defaultdict(list)
            for (lead, _), value in self.assignments.items():
                self._lead_index[lead].append(value)
        return self._lead_index

    def report(self):
        shown = "\n".join(self.findings[:FINDINGS_SHOWN])
        more = len(self.findings) - FINDINGS_SHOWN
        return f"{dict(self.counts)}\n{shown}" + (f"\n… and {more} more" if more > 0 else "")
