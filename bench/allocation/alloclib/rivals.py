"""What the same market earns under simpler rules. Each gives the order of every lead; -1: nobody."""
import numpy as np

from .market import NO_BID


def greedy(market):
    """The highest bid among those who still want leads."""
    left = market.quantity.copy()
    bids = market.open_bids()
    given = np.full(len(bids), -1)
    for t, row in enumerate(bids):
        row = np.where(left > 0, row, NO_BID)
        j = int(row.argmax())
        if row[j] != NO_BID:
            given[t] = j
            left[j] -= 1
    return given


def _descend(bids, left, scarcity, rate, step, given):
    """Dual mirror descent with the Euclidean mirror: an order's scarcity price rises when it gets a lead, and falls by its even
    share of one when it doesn't."""
    for t, row in enumerate(bids):
        score = np.where((row != NO_BID) & (left > 0), row - scarcity, -1.0)
        j = int(score.argmax())
        scarcity -= step * rate[t]
        if score[j] >= 0:
            given[t] = j
            left[j] -= 1
            scarcity[j] += step[j]
        np.maximum(scarcity, 0, out=scarcity)


def mirror_descent(market, passes=3):
    """Plain dual mirror descent, warm: its prices come from that many passes over the past."""
    orders, leads = market.orders, len(market.at_ms)
    span = (market.end_ms - market.begin_ms).astype(float)
    worth = np.array([column[column != NO_BID].mean() if (column != NO_BID).any() else market.price[j]
                      for j, column in enumerate(market.bids.T)])
    step = worth * 2 / np.sqrt(leads)
    whole = market.at_ms[-1] - market.at_ms[0]
    even = market.quantity / np.maximum(leads * span / whole, 1)
    scarcity = np.zeros(orders)
    for _ in range(passes):
        past = market.past_bids
        _descend(past, np.full(orders, len(past) + 1), scarcity, np.broadcast_to(even, past.shape), step, np.empty(len(past)))
    at = market.at_ms[:, None]
    inside = (at >= market.begin_ms) & (at < market.end_ms)
    given = np.full(leads, -1)
    _descend(market.open_bids(), market.quantity.copy(), scarcity, np.where(inside, even, 0), step, given)
    return given
