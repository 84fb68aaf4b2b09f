"""What is said of an allocation: revenue, the smallest fill, and how far deliveries ran from their plan."""
from dataclasses import dataclass

import numpy as np

from .market import NO_BID

FEASIBLE = 0.99       # an order is feasible when the optimum fills this much of it
CURVE_LEADS_MIN = 200  # of smaller orders a single lead is a large part
CURVE_FILL_MIN = 0.95  # what is not filled says so in its fill


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


def plan_of(market, j):
    """The part of its quantity that the order should have after each lead: that of the leads which it could have had."""
    could = market.open_bids()[:, j] != NO_BID
    return np.cumsum(could) / could.sum()


def widest_gaps(market, given_to):
    """Against the plan, of each order that is large enough and was filled. given_to(j): how much of each lead the order got."""
    widest = []
    for j in np.flatnonzero(market.quantity >= CURVE_LEADS_MIN):
        got = np.cumsum(given_to(j))
        if got[-1] >= CURVE_FILL_MIN * market.quantity[j]:
            widest.append(float(np.abs(got / market.quantity[j] - plan_of(market, j)).max()))
    return widest


def figures(market, given, best, best_fill):
    fill = fills(market, given) / market.quantity
    feasible = best_fill >= FEASIBLE * market.quantity
    gaps = widest_gaps(market, lambda j: given == j)
    return Figures(revenue(market, given) / best, float(fill[feasible].min()) if feasible.any() else 1.0,
                   int((fill[feasible] < 0.5).sum()), float(np.median(gaps)) if gaps else 0.0)
