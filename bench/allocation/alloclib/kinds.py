"""The kinds of markets. Each is drawn from a seed: the same seed gives the same market, byte for byte.

A lead comes from a source and a region. An order wants some regions; what it pays is its price, times what the source is worth
to it, times luck. A kind says how many leads are wanted, and what changes while they come."""
import numpy as np

from .market import DAY_MS, HOUR_MS, NO_BID, START_MS, WEEK_MS, Market

ORDERS, SOURCES, REGIONS = 40, 10, 8
COUNTRIES = ["RU", "KZ", "BY", "UZ", "AM", "GE", "KG", "AZ"]


class World:
    """What holds for a market's past and present alike."""

    def __init__(self, rng):
        self.rng = rng
        self.price = np.round(rng.lognormal(0, 0.4, ORDERS) * 40_000).astype(np.int64)
        self.quality = rng.lognormal(0, 0.35, (ORDERS, SOURCES))
        self.regions = np.zeros((ORDERS, REGIONS), dtype=bool)
        for j in range(ORDERS):
            self.regions[j, rng.choice(REGIONS, size=rng.integers(1, REGIONS + 1), replace=False)] = True
        self.source_share = rng.dirichlet(np.full(SOURCES, 2.0))
        self.region_share = rng.dirichlet(np.full(REGIONS, 2.0))
        self.luck = 0.25

    def draw(self, at_ms, source_share=None, level=None):
        """Leads at these times. source_share: one row a lead, or one for all; level: what bids are multiplied by."""
        rng, count = self.rng, len(at_ms)
        share = np.broadcast_to(self.source_share if source_share is None else source_share, (count, SOURCES))
        source = (rng.random(count)[:, None] > np.cumsum(share, axis=1)).sum(axis=1).clip(0, SOURCES - 1)
        region = rng.choice(REGIONS, size=count, p=self.region_share)
        bids = self.price * self.quality[:, source].T * rng.lognormal(0, self.luck, (count, ORDERS))
        if level is not None:
            bids = bids * level
        bids = np.where(self.regions[:, region].T, np.maximum(np.round(bids), 1), NO_BID).astype(np.int64)
        return bids, region


def even_times(rng, count, begin_ms, end_ms):
    return np.sort(rng.integers(begin_ms, end_ms, count))


def weekly_times(rng, count, begin_ms, end_ms):
    """Busy by day, quiet at night, half as much on Saturdays and Sundays."""
    hours = np.arange(begin_ms, end_ms, HOUR_MS)
    of_day = (hours // HOUR_MS) % 24
    weekday = (hours // DAY_MS + 3) % 7   # 0 is Monday
    weight = (0.1 + np.exp(-((of_day - 13.0) / 5.0) ** 2)) * np.where(weekday >= 5, 0.5, 1.0)
    hour = rng.choice(len(hours), size=count, p=weight / weight.sum())
    return np.sort(hours[hour] + rng.integers(0, HOUR_MS, count))


def wanted(rng, bids, load):
    """Quantities: load times as many as there are leads, nobody more than nine tenths of what he could get."""
    could = (bids != NO_BID).sum(axis=0)
    size = rng.lognormal(0, 0.8, bids.shape[1])
    quantity = size / size.sum() * load * len(bids)
    for _ in range(20):
        quantity = np.minimum(quantity, 0.9 * could)
        lacks = load * len(bids) - quantity.sum()
        free = quantity < 0.9 * could
        if lacks < 1 or not free.any():
            break
        quantity[free] *= 1 + lacks / quantity[free].sum()
    return np.maximum(np.round(quantity), 20).astype(np.int64)


class Maker:
    def __init__(self, kind, seed, leads):
        self.kind, self.seed, self.leads = kind, seed, leads
        self.rng = np.random.default_rng([seed, sum(kind.encode())])
        self.world = World(self.rng)
        self.begin, self.end = START_MS, START_MS + WEEK_MS
        self.times = even_times

    def at(self):
        return self.times(self.rng, self.leads, self.begin, self.end)

    def past(self, weeks=1):
        at = self.times(self.rng, self.leads * weeks, self.begin - weeks * WEEK_MS, self.begin)
        bids, region = self.world.draw(at)
        return at, bids, region

    def market(self, at, bids, quantity, past, **more):
        whole = np.ones(ORDERS, dtype=np.int64)
        made = dict(begin_ms=whole * self.begin, end_ms=whole * self.end, price=self.world.price)
        made.update(more)
        return Market(self.kind, self.seed, at, bids, quantity, past_at_ms=past[0], past_bids=past[1], **made)


def _stationary(maker, load):
    past, at = maker.past(), maker.at()
    bids, _ = maker.world.draw(at)
    return maker.market(at, bids, wanted(maker.rng, bids, load), past)


def tight(maker):
    return _stationary(maker, 1.3)


def slack(maker):
    return _stationary(maker, 0.6)


def even(maker):
    return _stationary(maker, 0.95)


def prices(maker):
    """No bids: every order pays its price, and they differ by the countries that they want."""
    past, at = maker.past(), maker.at()
    world = maker.world

    def priced(region):
        return np.where(world.regions[:, region].T, world.price, NO_BID)

    _, region = world.draw(at)
    bids = priced(region)
    return maker.market(at, bids, wanted(maker.rng, bids, 0.9), (past[0], priced(past[2])), fixed_price=True,
                        country=[COUNTRIES[r] for r in region], past_country=[COUNTRIES[r] for r in past[2]],
                        wanted=[[COUNTRIES[r] for r in np.flatnonzero(row)] for row in world.regions])


def drifting(maker):
    """Sources come and go, there are more leads at the end, and what orders pay moves up or down by up to a third."""
    rng, world = maker.rng, maker.world
    past = maker.past()
    part = rng.random(maker.leads)
    part = np.sort((np.sqrt(1 + 1.05 * part) - 1) / (np.sqrt(2.05) - 1))   # leads grow by two fifths
    at = (maker.begin + part * (maker.end - maker.begin - 1)).astype(np.int64)
    later = rng.dirichlet(np.full(SOURCES, 2.0))
    share = world.source_share + (later - world.source_share) * part[:, None]
    slope = rng.uniform(-0.33, 0.33, ORDERS)
    bids, _ = world.draw(at, share, 1 + slope * part[:, None])
    return maker.market(at, bids, wanted(rng, bids, 1.0), past)


def outage(maker):
    """The largest source falls silent from two fifths to two thirds of the time."""
    rng, world = maker.rng, maker.world
    past, at = maker.past(), maker.at()
    largest = int(np.argmax(world.source_share))
    part = (at - maker.begin) / (maker.end - maker.begin)
    share = np.broadcast_to(world.source_share, (len(at), SOURCES)).copy()
    silent = (part > 0.4) & (part < 0.67)
    lost = silent & (rng.random(len(at)) < share[:, largest])
    share[silent, largest] = 0
    share /= share.sum(axis=1, keepdims=True)
    at, share = at[~lost], share[~lost]
    bids, _ = world.draw(at, share)
    return maker.market(at, bids, wanted(rng, bids, 0.95), past)


def weekly(maker):
    """Nights and weekends are quiet, and other sources work at night."""
    rng, world = maker.rng, maker.world
    maker.times = weekly_times
    night = rng.dirichlet(np.full(SOURCES, 1.0))

    def shares(at):
        dark = ((at // HOUR_MS) % 24 < 7)[:, None]
        return np.where(dark, night, world.source_share)

    past_at = weekly_times(rng, 2 * maker.leads, maker.begin - 2 * WEEK_MS, maker.begin)
    past_bids, _ = world.draw(past_at, shares(past_at))
    at = maker.at()
    bids, _ = world.draw(at, shares(at))
    return maker.market(at, bids, wanted(rng, bids, 1.0), (past_at, past_bids))


def staggered(maker):
    """Orders begin and end at times of their own."""
    rng = maker.rng
    past, at = maker.past(), maker.at()
    bids, _ = maker.world.draw(at)
    span = maker.end - maker.begin
    length = (rng.uniform(0.2, 1.0, ORDERS) * span).astype(np.int64)
    begin = maker.begin + (rng.random(ORDERS) * (span - length)).astype(np.int64)
    window = (at[:, None] >= begin) & (at[:, None] < begin + length)
    return maker.market(at, bids, wanted(rng, np.where(window, bids, NO_BID), 0.95), past, begin_ms=begin, end_ms=begin + length)


def adversarial(maker):
    """Three orders that the past has nothing of outbid everybody by a little, for every lead, and want half of all leads together; a
    fifth of the orders are small and want nothing but a rare kind of lead, and nearly all of those."""
    rng, world = maker.rng, maker.world
    small = np.arange(ORDERS - 8, ORDERS)
    rare = int(np.argmin(world.region_share))
    world.regions[small] = False
    world.regions[small, rare] = True
    past, at = maker.past(), maker.at()
    past[1][:, :3] = NO_BID
    bids, region = world.draw(at)
    top = np.maximum(bids[:, 3:].max(axis=1), world.price.min())
    for j in range(3):
        bids[:, j] = np.round(top * rng.uniform(1.02, 1.1, len(at)))
    quantity = wanted(rng, bids, 1.0)
    quantity[:3] = len(at) // 6
    quantity[small] = max(20, int(0.9 * (region == rare).sum() / len(small)))
    return maker.market(at, bids, quantity, past)


KINDS = {make.__name__: make for make in (even, tight, slack, prices, weekly, staggered, drifting, outage, adversarial)}
DRIFTING = ("staggered", "drifting", "outage", "adversarial")   # the market is another one at its end than at its beginning


def make(kind, seed, leads):
    return KINDS[kind](Maker(kind, seed, leads))
