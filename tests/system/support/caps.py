"""No order is over a cap, at any prefix of the market log: the counting of docs/orders.md, written down a second time.

A decision takes a place in the order's hour, day and total; a lead that was refused or never arrived gives it back to the
windows it was taken in. Time is the highest append time that the log has shown. Looked at: caps of hour, day and total."""
from collections import Counter, defaultdict

HOUR_MS, DAY_MS, MINUTE_MS = 3600_000, 86400_000, 60_000
FREED = {2, 3}  # REFUSED, UNDELIVERABLE
KEPT = {1, 4}   # DELIVERED, UNRESOLVED


def offset_ms(terms, now_ms):
    """Of the order's civil clock against UTC."""
    if not terms.clock.shifts:
        return terms.utc_offset_minutes * MINUTE_MS
    minutes = terms.clock.shifts[0].offset_minutes
    for shift in terms.clock.shifts:
        if shift.from_ms <= now_ms:
            minutes = shift.offset_minutes
    return minutes * MINUTE_MS


class CapWalk:
    """One market partition, record by record: `event` for each of its records, then `decided` for each decision about it."""

    def __init__(self, find):
        self.find = find
        self.now_ms = 0
        self.terms, self.revisions = {}, {}
        self.taken = defaultdict(Counter)  # order -> {window: places taken}
        self.open = {}                     # (lead, round, order) -> the windows its place was taken in
        self.decisions = 0

    def event(self, message, timestamp_ms, fresh):
        """fresh: this record is not a repeat."""
        self.now_ms = max(self.now_ms, timestamp_ms)
        kind = message.WhichOneof("event")
        if kind == "order":
            self._order(message.order)
        elif kind == "settled" and fresh:
            self._settled(message.lead_id, message.settled)

    def _order(self, change):
        name = change.terms.order_id
        if change.revision > self.revisions.get(name, -1):
            self.revisions[name], self.terms[name] = change.revision, change.terms

    def _settled(self, lead, settled):
        key = (lead, settled.round, settled.order_id)
        if settled.settlement in FREED:
            for window in self.open.pop(key, ()):
                self.taken[settled.order_id][window] -= 1
        elif settled.settlement in KEPT:
            self.open.pop(key, None)  # sold, or perhaps: nothing is given back any more

    def decided(self, lead, number, order):
        terms = self.terms.get(order)
        if terms is None:
            self.find(f"{order}: a lead was sold to it and its terms are not in the market")
            return
        self.decisions += 1
        local = self.now_ms + offset_ms(terms, self.now_ms)
        windows = (("total", 0), ("day", local // DAY_MS), ("hour", self.now_ms - local % HOUR_MS))
        taken = self.taken[order]
        for window in windows:
            taken[window] += 1
            cap = getattr(terms.caps, window[0])
            if cap and taken[window] > cap:
                self.find(f"over cap: {order} took {taken[window]} in a {window[0]}, its cap is {cap}")
        self.open[(lead, number, order)] = windows
