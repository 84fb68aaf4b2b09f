"""A market: when leads come, what each order would pay for each of them, and how many leads each order wants."""
import json
from dataclasses import dataclass, field

import numpy as np

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
START_MS = 1_796_083_200_000   # a Tuesday, 00:00 UTC
NO_BID = -1


@dataclass
class Market:
    kind: str
    seed: int
    at_ms: np.ndarray            # of the leads, in order
    bids: np.ndarray             # leads x orders, minor units; NO_BID: the order does not want the lead
    quantity: np.ndarray         # of the orders
    price: np.ndarray            # of the orders: what their file says
    begin_ms: np.ndarray         # of the orders
    end_ms: np.ndarray
    past_at_ms: np.ndarray       # the history: leads of the weeks before
    past_bids: np.ndarray
    fixed_price: bool = False    # no bids: orders pay their prices in the countries that they want
    country: list = field(default_factory=list)
    past_country: list = field(default_factory=list)
    wanted: list = field(default_factory=list)   # countries of each order

    @property
    def orders(self):
        return len(self.quantity)

    def order_id(self, j):
        return f"order-{j:03d}"

    def open_bids(self):
        """The bids, without those of orders that are not open when the lead comes."""
        at = self.at_ms[:, None]
        return np.where((at >= self.begin_ms) & (at < self.end_ms), self.bids, NO_BID)

    def write(self, folder, even=False):
        folder.mkdir(parents=True, exist_ok=True)
        self._write_orders(folder / "orders.yaml", even)
        self._write_leads(folder / "leads.ndjson", self.at_ms, self.bids, self.country)
        self._write_leads(folder / "history.ndjson", self.past_at_ms, self.past_bids, self.past_country)

    def _write_orders(self, path, even):
        with path.open("w", encoding="utf-8") as out:
            out.write("orders:\n")
            for j in range(self.orders):
                out.write(f"  - id: {self.order_id(j)}\n    advertiser: bank-{j}\n    vertical: credit_card\n"
                          f"    price: {{amount_minor: {self.price[j]}, currency: RUB}}\n    quantity: {self.quantity[j]}\n"
                          f"    from: {self.begin_ms[j]}\n    until: {self.end_ms[j]}\n")
                if even:
                    out.write("    even: true\n")
                if self.fixed_price:
                    out.write(f"    where: {{country: [{', '.join(self.wanted[j])}]}}\n")

    def _write_leads(self, path, at_ms, bids, country):
        ids = [self.order_id(j) for j in range(self.orders)]
        with path.open("w", encoding="utf-8") as out:
            for t in range(len(at_ms)):
                line = {"at": int(at_ms[t]), "vertical": "credit_card", "aff_id": "w1", "fields": {}}
                if self.fixed_price:
                    line["country"] = country[t]
                else:
                    line["bids"] = {ids[j]: int(bids[t, j]) for j in np.flatnonzero(bids[t] != NO_BID)}
                out.write(json.dumps(line, separators=(",", ":")) + "\n")
