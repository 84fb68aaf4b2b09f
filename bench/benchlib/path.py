"""The whole path with every service on: how many leads a second it sustains, and how long one lead takes at a low rate."""
import statistics
import time

from .lab import BenchError, scaled

PATH_LEADS = 200000
RATE_LEADS_PER_S, RATE_SECONDS = 500, 16
PATIENCE_S = 120
SERVICES = ("collector", "filter-worker", "router", "delivery", "payout")


def _wait_settled(lab, target):
    """Monotonic time at which the ledger held them all."""
    end = time.monotonic() + PATIENCE_S
    while (seen := lab.settled()) < target:
        if time.monotonic() > end:
            raise BenchError(f"bench: {seen} of {target} outcomes are settled after {PATIENCE_S} s")
        time.sleep(0.1)
    return time.monotonic()


def _read_times(path):
    times = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            lead, at_ns = line.split()
            times.setdefault(lead, int(at_ns))
    return times


def _latency(lab, figures):
    leads = scaled(RATE_LEADS_PER_S * RATE_SECONDS)
    answered, handed = lab.home / "answered.txt", lab.home / "handed.txt"
    with lab.sink(handed):
        before = lab.settled()
        lab.send(leads, rate=RATE_LEADS_PER_S, connections=64, log=answered)
        _wait_settled(lab, before + leads)
    first, last = _read_times(answered), _read_times(handed)
    if len(first) != leads or set(first) - set(last):
        raise BenchError(f"bench: {leads} sent, {len(first)} acknowledged, {len(set(first) & set(last))} handed over")
    took = sorted((last[lead] - at) / 1e6 for lead, at in first.items())
    figures.add("whole path at 500/s, 202 to advertiser, p50", statistics.median(took), "ms")
    figures.add("whole path at 500/s, 202 to advertiser, p99", took[len(took) * 99 // 100], "ms")


def _throughput(lab, figures):
    leads = scaled(PATH_LEADS)
    with lab.sink():
        before, unsold = lab.settled(), lab.count("leads.unsold")
        sent = lab.send(leads, batch=100, connections=8)
        if lab.count("leads.unsold") != unsold:
            raise BenchError("bench: a lead found no order")
        end = _wait_settled(lab, before + leads)
    figures.add("whole path, leads from 202 to credit", leads / (end - sent["first_answer_ns"] / 1e9), "leads/s")
    figures.add("whole path, leads taken in meanwhile", sent["per_s"], "leads/s")


def whole(lab, figures):
    lab.up()
    lab.only(*SERVICES)
    _latency(lab, figures)
    _throughput(lab, figures)
    lab.drain_rest()
