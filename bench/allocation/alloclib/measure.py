"""What is said of an allocation: revenue, the smallest fill, and how far deliveries ran from their plan."""
from dataclasses import dataclass

import numpy as np

from .market import NO_BID

FEASIBLE = 0.99       # an order is feasible when the optimum fills this much of it
CURVE_LEADS_MIN = 200  # of smaller orders a single lead is a large part


@dataclass
class Figures:
    share: float          # revenue over the optimum's
    least_fill: float     # of the feasible orders
    starved: int          # feasible orders that got less than half
    curve: float          # the widest gap between a delivery curve and its plan, as a part of the quantity


def fills(market, given):
    return np.bincount(given[given >= 0], minlength=market.orders)


def revenue(market, given):
    sold = np.flatnonzero(given >= 0)
    return int(market.open_bids()[sold, given[sold]].sum())


def curve_gap(market, given):
    """Against the plan: delivered in proportion to the leads that the order could have had. Only orders that were filled: the others'
    gap is in their fill."""
    could = market.open_bids() != NO_BID
    widest = []
    for j in np.flatnonzero(market.quantity >= CURVE_LEADS_MIN):
        got = np.cumsum(given == j)
        if got[-1] < 0.95 * market.quantity[j]:
            continue
        plan = np.cumsum(could[:, j]) / could[:, j].sum()
        widest.append(np.abs(got / market.quantity[j] - plan).max())
    return widest


def figures(market, given, best, best_fill):
    fill = fills(market, given) / market.quantity
    feasible = best_fill >= FEASIBLE * market.quantity
    gaps = curve_gap(market, given)
    return Figures(revenue(market, given) / best, float(fill[feasible].min()) if feasible.any() else 1.0,
                   int((fill[feasible] < 0.5).sum()), float(np.median(gaps)) if gaps else 0.0)
