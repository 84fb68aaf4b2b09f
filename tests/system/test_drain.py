"""SIGTERM under load: each service finishes what it holds, ends with status 0 in time, and nothing is lost."""
import threading
import time

import pytest
from conftest import apply_orders
from support.checker import Checker
from support.stack import wait_until
from support.webmaster import Webmaster, lead

pytestmark = pytest.mark.alone

DRAIN_MAX_S = 10
RATE_PER_S = 200
SERVICES = ("collector", "filter-worker", "router", "delivery", "payout")


class Load:
    """Leads at a steady rate until it is told to stop; then every one that was begun is acknowledged."""

    def __init__(self, stack):
        self.webmaster, self.stop, self.number = Webmaster(stack), threading.Event(), 0
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def _run(self):
        while not self.stop.is_set():
            batch = [lead(self.number + n, seed=51) for n in range(RATE_PER_S)]
            self.number += len(batch)
            self.webmaster.send_all(batch, RATE_PER_S)

    def flows(self, more):
        goal = len(self.webmaster.acknowledged) + more
        wait_until(lambda: len(self.webmaster.acknowledged) >= goal, 30, "leads are acknowledged")


@pytest.fixture(scope="module")
def market(stack, advertiser):
    apply_orders(stack, advertiser)
    return stack


def test_each_service_drains_under_load_and_nothing_is_lost(market, advertiser):
    with Load(market) as load:
        for service in SERVICES:
            load.flows(100)
            began = time.monotonic()
            market.run("stop", service)
            took_s = time.monotonic() - began
            row = market.status()[f"{service}@1"]
            market.run("start", service)
            assert row["state"] == "stopped" and row["last_status"] == 0, (service, row)
            assert took_s < DRAIN_MAX_S, f"{service} took {took_s:.1f} s"
            print(f"{service}: drained in {took_s:.2f} s")
            wait_until(lambda s=service: market.status()[f"{s}@1"]["ready"], 30, f"{service} is ready again")
    assert not load.webmaster.refused and len(load.webmaster.acknowledged) == load.number
    last = []

    def green():
        checker = Checker(market.kafka, market.db)
        last[:] = checker.check(load.webmaster.acknowledged.values(), advertiser)
        return None if last else checker
    try:
        checker = wait_until(green, 90, "the checker is green")
    except AssertionError as error:
        raise AssertionError(f"{error}\n" + "\n".join(last[:20])) from None
    for name, row in market.status().items():
        assert row["restarts"] == (0 if name in ("kafka", "redis") else 1), (name, row)
    assert not any("again" in what for what in checker.counts), f"an orderly end repeats nothing: {dict(checker.counts)}"
