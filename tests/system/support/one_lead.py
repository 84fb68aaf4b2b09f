"""What must be true of one lead, given all that the topics, the ledger, the front door's answers and the buyers' own accounts
say about it. Used by the streaming checker, bucket by bucket; shares nothing with the product."""
from collections import Counter, defaultdict

# What a row is about; the values that follow stand beside it.
ACKNOWLEDGED = "acknowledged"  # ()
RAW = "raw"                    # partition, offset
VERDICT = "verdict"            # partition, offset, raw offset, verdict: the first one in the log
ADMITTED = "admitted"          # market partition, offset, judged partition, offset, waits for an operator
EVENT = "event"                # market partition, offset, kind
DECISION = "decision"          # market partition, offset, step, kind, round, order, price, payout
ATTEMPT = "attempt"            # round, final
OUTCOME = "outcome"            # round, kind
SETTLED = "settled"            # round, settlement: what payout told the market, repeats left out
BUYER = "buyer"                # advertiser, order, key: taken, by the buyer's own account
SAID = "said"                  # verdict: acknowledged by the front door
ENTRY = "entry"                # round, event, account, amount, currency

ACCEPTED, REJECTED, QUARANTINED = 1, 2, 3
DELIVERED, REFUSED, UNDELIVERABLE, UNRESOLVED = 1, 2, 3, 4
FINAL = {DELIVERED: "delivered", REFUSED: "refused", UNDELIVERABLE: "undeliverable", UNRESOLVED: "unresolved"}
OFFERED_ON = {REFUSED, UNDELIVERABLE}
CREDIT, APPROVE, REVERSE, BEAR = 1, 2, 3, 4  # the ledger's events about a lead
SAID_AS = {"approved": APPROVE, "returned": REVERSE}


class OneLead:
    def __init__(self, name, rows, find, counts):
        self.name, self.find, self.counts = name, find, counts
        self.of = defaultdict(list)
        for kind, *values in rows:
            self.of[kind].append(tuple(values))

    def check(self):
        self._raw()
        self._verdict()
        self._admitted()
        self._decided()
        self._handed_over()
        self._settled()
        self._buyers()
        self._books()

    def _count(self, what, number=1):
        if number:
            self.counts[what] += number

    def _raw(self):
        if self.of[ACKNOWLEDGED]:
            self._count("acknowledged")
            if not self.of[RAW]:
                self.find(f"lost: {self.name} was acknowledged and is not in leads.raw")
        self._count("raw", bool(self.of[RAW]))
        self._count("stored twice", max(0, len(self.of[RAW]) - 1))

    def _verdict(self):
        places = set(self.of[RAW])
        for partition, offset, raw_offset, _ in self.of[VERDICT]:
            if (partition, raw_offset) not in places:
                self.find(f"leads.judged/{partition}@{offset}: is not about its source's lead")
        accepted = sum(v[3] == ACCEPTED for v in self.of[VERDICT])
        if accepted > 1:
            self.find(f"double: {self.name} was accepted {accepted} times")
        self._count("judged", len(self.of[VERDICT]))
        self._count("accepted", accepted)

    def _admitted(self):
        verdicts = {v[:2]: v[3] for v in self.of[VERDICT]}
        for market, offset, partition, judged, waits in self.of[ADMITTED]:
            if verdicts.get((partition, judged)) != (QUARANTINED if waits else ACCEPTED):
                self.find(f"market/{market}@{offset}: its source is not the first verdict that accepted it")
        wanted = sum(v in (ACCEPTED, QUARANTINED) for v in verdicts.values())
        if wanted and not self.of[ADMITTED]:
            self.find(f"lost: {self.name} was accepted and is not in the market")
        if len(self.of[ADMITTED]) > 1:
            self.find(f"double: {self.name} was admitted {len(self.of[ADMITTED])} times")
        self._count("admitted", len(self.of[ADMITTED]))

    def _decided(self):
        """Repeats of a decision are identical; the rounds are 0, 1, …; a decision is upon a record about this lead."""
        by_source, events = {}, {e[:2]: e[2] for e in self.of[EVENT]}
        for partition, offset, step, *what in self.of[DECISION]:
            if by_source.setdefault((partition, offset, step), what) != what:
                self.find(f"two decisions about market/{partition}@{offset}: {by_source[(partition, offset, step)]} and {what}")
            if (partition, offset) not in events:
                self.find(f"{self.name}: decided upon market/{partition}@{offset}, which is not about it")
        self.assignments, rounds = {}, []
        for kind, number, order, price, payout in by_source.values():
            rounds.append((number, kind))
            if kind != "routed":
                continue
            if number in self.assignments:
                self.find(f"double: {self.name} was assigned twice in round {number}")
            self.assignments[number] = (order, price, payout)
        still_waits = any(a[4] for a in self.of[ADMITTED]) and "quarantine" not in events.values()
        if self.of[ADMITTED] and not rounds and not still_waits:
            self.find(f"lost: {self.name} was admitted and never decided")
        if sorted(n for n, _ in rounds) != list(range(len(rounds))):
            self.find(f"{self.name}: its rounds are {sorted(rounds)}")
        self.unsold = sum(kind == "unsold" for _, kind in rounds)
        if self.unsold > 1:
            self.find(f"{self.name}: unsold more than once")
        self._count("routed", len(self.assignments))
        self._count("unsold", self.unsold)

    def _handed_over(self):
        for number, _ in set(self.of[ATTEMPT]):
            if number not in self.assignments:
                self.find(f"{self.name} round {number}: attempted without an assignment")
        final = {number for number, is_final in self.of[ATTEMPT] if is_final}
        self.kinds = defaultdict(set)
        for number, kind in self.of[OUTCOME]:
            self.kinds[number].add(kind)
        for number in self.assignments:
            if number not in final:
                self.find(f"lost: {self.name} round {number} was assigned and has no final attempt")
            if not self.kinds[number]:
                self.find(f"lost: {self.name} round {number} has no outcome")
        for number, seen in list(self.kinds.items()):
            if len(seen) > 1:
                self.find(f"{self.name} round {number}: contradicting outcomes {sorted(FINAL[k] for k in seen)}")
            if seen & OFFERED_ON and number + 1 not in self.assignments and not self.unsold:
                self.find(f"lost: {self.name} was {FINAL[min(seen & OFFERED_ON)]} in round {number} and went nowhere")
            if UNRESOLVED in seen and number + 1 in self.assignments:
                self.find(f"sold twice: {self.name} may be at a buyer since round {number}, and was offered on")
        self.sold = [number for number, seen in self.kinds.items() if DELIVERED in seen]
        if len(self.sold) > 1:
            self.find(f"sold twice: {self.name} was delivered in rounds {sorted(self.sold)}")
        if self.sold and self.unsold:
            self.find(f"{self.name} is both delivered and unsold")
        self._count("final attempts", len(final))
        self._count("delivered", len(self.sold))
        self._count("unresolved", sum(UNRESOLVED in seen for seen in self.kinds.values()))

    def _settled(self):
        """What an assignment came to is told to the market, once."""
        told = defaultdict(list)
        for number, settlement in self.of[SETTLED]:
            if settlement in FINAL:
                told[number].append(settlement)
        for number, seen in self.kinds.items():
            if seen and number in self.assignments and not told[number]:
                self.find(f"lost: {self.name} round {number} was settled and the market was never told")
            if len(told[number]) != len(set(told[number])):
                self.find(f"double: {self.name} round {number} was told to the market as {[FINAL[s] for s in told[number]]}")
            if DELIVERED in seen and len(seen) == 1 and told[number] and DELIVERED not in told[number]:
                self.find(f"{self.name} round {number} was delivered, and the market was told {FINAL[told[number][0]]}")

    def _buyers(self):
        takers = set(self.of[BUYER])
        if len(takers) > 1:
            self.find(f"sold twice: {self.name} was taken by {sorted(takers)}")
        for who, _, key in takers:
            number = int(key.rpartition(".")[2])
            if DELIVERED in self.kinds[number]:
                continue
            if UNRESOLVED in self.kinds[number]:
                self._count("taken, and no answer arrived")
            else:
                self.find(f"lost: {self.name} was taken by {who} and is not delivered here")
        if self.sold and not takers:
            self.find(f"{self.name} is delivered here and no buyer took it")

    def _books(self):
        transfers = defaultdict(list)
        for number, event, account, amount, currency in self.of[ENTRY]:
            transfers[(number, event)].append((account, amount, currency))
        credited = [number for number, event in transfers if event == CREDIT]
        for place, entries in transfers.items():
            sums = Counter()
            for _, amount, currency in entries:
                sums[currency] += amount
            if any(sums.values()):
                self.find(f"unbalanced: transfer {place} of {self.name}: its entries sum to {dict(sums)}")
            if len({account for account, _, _ in entries}) != len(entries):
                self.find(f"paid twice: transfer {place} of {self.name} has an account twice: {entries}")
        if len(credited) > 1:
            self.find(f"paid twice: {self.name} was credited in rounds {sorted(credited)}")
        for number in credited:
            self._credit(number, transfers[(number, CREDIT)])
        for number in self.sold:
            if number not in credited:
                self.find(f"lost: {self.name} was delivered and not credited")
        self._verdicts(transfers, credited)
        self._count("credits", len(credited))
        self._count("transfers", len(transfers))

    def _credit(self, number, entries):
        if number not in self.sold:
            self.find(f"{self.name} was credited for round {number} and not delivered in it")
        amounts = {account.split(":")[0]: amount for account, amount, _ in entries}
        _, price, payout = self.assignments.get(number, ("", None, None))
        if (amounts.get("advertisers"), -amounts.get("webmasters", 0)) != (price, payout):
            self.find(f"{self.name}: credited {amounts}, its assignment says {price} and {payout}")

    def _verdicts(self, transfers, credited):
        judged = [(number, event) for number, event in transfers if event in (APPROVE, REVERSE)]
        for number, _ in judged:
            if number not in credited:
                self.find(f"{self.name}: approved or returned in round {number}, which was never credited")
        if len(judged) > 1:
            self.find(f"paid twice: {self.name} was closed {len(judged)} times: {sorted(judged)}")
        for said, in set(self.of[SAID]):
            if credited and SAID_AS[said] not in {event for _, event in judged}:
                self.find(f"lost: {self.name} was called {said}, and the ledger does not know")
        self._count("approved or returned", len(judged))
