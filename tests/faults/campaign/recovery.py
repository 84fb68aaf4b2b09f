"""tests/faults/recovery: how long nothing flows after a death, each time measured at every partition of the stage.

restart    one of each service; SIGKILL, started again by the supervisor: until each partition flows           (at most 2 s)
takeover   two of each service; one is gone with its host: until the other one has each of its partitions       (at most 10 s)
broker     three brokers; one is gone: until every partition of every stage flows                               (at most 10 s)

The time runs from the kill to the first record that was made after it, in the slowest partition; the partitions that count are
those in which something was made in the ten seconds before."""
import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from support.stack import wait_until

from . import demand
from .buyers import Buyers
from .main import ADVERTISER_PORT
from .network import COPIES, SERVICES, Network
from .tail import STAGES, Tail
from .traffic import Traffic

LIMITS_S = {"restart": 2.0, "takeover": 10.0, "broker": 10.0}
RATE_PER_S, WARM_S = 200, 10
TRY_TIMEOUT_S = 90
ENDLESS = 10_000_000


def options(arguments):
    parser = argparse.ArgumentParser(prog="tests/faults/recovery", formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("what", choices=sorted(LIMITS_S), nargs="+")
    parser.add_argument("--tries", type=int, default=10, help="of each")
    parser.add_argument("--rate", type=float, default=RATE_PER_S)
    parser.add_argument("--assert", dest="strict", action="store_true", help="end with 1 when a try is over the limit")
    parser.add_argument("--report", default="", help="a file for the figures, as JSON")
    return parser.parse_args(arguments)


class Bench:
    """A network with steady traffic, and somebody who watches every stage."""

    def __init__(self, what, rate):
        self.net = Network(brokers=3 if what == "broker" else 1, ledger="sqlite", copies=COPIES if what == "takeover" else 1)
        self.folder = tempfile.TemporaryDirectory(prefix="punnet-recovery-")
        self.rate = rate

    def __enter__(self):
        self.net.up()
        stack, rows = self.net.stack, Path(self.folder.name)
        self.buyers = self.net.buyers = Buyers(demand.ADVERTISERS, stack.port_base + ADVERTISER_PORT, self.net.front_doors,
                                               stack.keys("advertiser"), rows / "buyers", 1)
        self.buyers.start()
        path = self.net.home / "orders.yaml"
        path.write_text(demand.orders(400, self.buyers.url))  # the caps are reached at once, and the rest is steady
        stack.punnet("order", "apply", str(path))
        self.traffic = self.net.traffic = Traffic(self.net.front_doors, stack.keys("webmaster"), rows / "webmasters", 1, ENDLESS,
                                                  int(time.time()), self.rate)
        self.tail = Tail(stack.kafka)
        self.traffic.start()
        self.flowing(time.time() * 1000)
        return self

    def __exit__(self, *_):
        self.traffic.end()
        self.tail.close()
        self.buyers.end()
        self.net.down(keep=False)
        self.folder.cleanup()

    def flowing(self, since_ms):
        """Every stage has made something since then, and goes on for a while."""
        wait_until(lambda: all(self.tail.parts(stage, since_ms) for stage in STAGES), TRY_TIMEOUT_S, "all stages flow")
        goal = self.traffic.acknowledged.value + int(self.rate * WARM_S / 2)
        wait_until(lambda: self.traffic.acknowledged.value >= goal, TRY_TIMEOUT_S, "leads are taken in")

    def gap_s(self, stages, do):
        """Does it; then the time until the last partition of these stages flows again."""
        busy = {stage: self.tail.parts(stage, (time.time() - WARM_S) * 1000) for stage in stages}
        at_ms = time.time() * 1000
        do()
        worst = 0.0
        for stage, parts in busy.items():
            for part in parts:
                first = wait_until(lambda s=stage, p=part: self.tail.first_after(s, p, at_ms), TRY_TIMEOUT_S, f"{stage}/{part} flows again")
                worst = max(worst, (first - at_ms) / 1000)
        return worst


def restart(bench, number):
    service = SERVICES[number % len(SERVICES)]
    name = f"{service}@1"
    return service, bench.gap_s([service], lambda: os.kill(bench.net.running(name), signal.SIGKILL))


def takeover(bench, number):
    service = SERVICES[number % len(SERVICES)]
    name = f"{service}@{number // len(SERVICES) % COPIES + 1}"
    try:
        return service, bench.gap_s([service], lambda: _lose(bench.net, name))
    finally:
        bench.net.stack.run("start", name)
        bench.net.wait_ready(name)


def _lose(net, name):
    net.stack.run("lose", name)


def broker(bench, number):
    name = bench.net.broker_names[number % bench.net.brokers]
    bench.net.wait_whole()
    role = "controller" if bench.net.controller() == number % bench.net.brokers + 1 else "broker"
    try:
        return role, bench.gap_s(STAGES, lambda: _lose(bench.net, name))
    finally:
        bench.net.stack.run("start", name)
        bench.net.wait_whole()


TRIES = {"restart": restart, "takeover": takeover, "broker": broker}


def measure(what, tries, rate):
    found = []
    with Bench(what, rate) as bench:
        for number in range(tries):
            began_ms = time.time() * 1000
            whom, gap = TRIES[what](bench, number)
            found.append((whom, gap))
            print(f"{what:<9} {number + 1:>4}/{tries} {whom:<14} {gap:6.2f} s", flush=True)
            bench.flowing(began_ms + gap * 1000)
    return found


def table(what, found):
    print(f"\n{what}: limit {LIMITS_S[what]:.0f} s\n{'':<16}{'tries':>7}{'median s':>10}{'longest s':>11}{'over':>6}")
    late = 0
    for whom in (*sorted({w for w, _ in found}), "all"):
        gaps = sorted(gap for w, gap in found if whom in (w, "all"))
        over = sum(gap > LIMITS_S[what] for gap in gaps)
        print(f"{whom:<16}{len(gaps):>7}{gaps[len(gaps) // 2]:>10.2f}{gaps[-1]:>11.2f}{over:>6}")
        late = over
    return late


def main():
    chosen = options(sys.argv[1:])
    found = {what: measure(what, chosen.tries, chosen.rate) for what in chosen.what}
    late = sum(table(what, gaps) for what, gaps in found.items())
    if chosen.report:
        Path(chosen.report).write_text(json.dumps(found, indent=1) + "\n")
    return 1 if late and chosen.strict else 0


if __name__ == "__main__":
    sys.exit(main())
