"""tests/faults/recovery: how long nothing flows after a death, each time measured at every partition of the stage.

restart    one of each service; SIGKILL, started again by the supervisor: until each partition flows           (at most 2 s)
takeover   two of each service; one is gone with its host: until the other one has each of its partitions       (at most 10 s)
broker     three brokers; one is gone: until every partition of every stage flows                               (at most 10 s)

The time runs from the order to kill to the first record that was made after the death, in the slowest partition; the partitions that count are
those in which something was made in the three seconds before. What does not flow again within 90 s counts as 90 s.

On a quiet machine a try takes about 5 s (restart), 12 s (takeover), 18 s (broker); every kind has a network of its own."""
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
RATE_PER_S = 60  # with 200, three brokers and ten services take two processors whole, and how quick the machine is decides
BUSY_S, WARM_S, BETWEEN_S = 3, 5, 1.5  # looked back upon; of leads before the first try, and between two
TRY_TIMEOUT_S = 90
ENDLESS = 10_000_000


def options(arguments):
    parser = argparse.ArgumentParser(prog="tests/faults/recovery", formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("what", choices=sorted(LIMITS_S), nargs="+")
    parser.add_argument("--times", "--tries", type=int, default=10, help="of each")
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
        path.write_text(demand.orders(ENDLESS, self.buyers.url, capped=False))
        stack.punnet("order", "apply", str(path))
        self.traffic = self.net.traffic = Traffic(self.net.front_doors, stack.keys("webmaster"), rows / "webmasters", 1, ENDLESS,
                                                  int(time.time()), self.rate)
        self.tail = Tail(stack.kafka)
        self.traffic.start()
        self.flowing(time.time() * 1000, WARM_S)
        return self

    def __exit__(self, *_):
        self.traffic.end()
        self.tail.close()
        self.buyers.end()
        self.net.down(keep=False)
        self.folder.cleanup()

    def flowing(self, since_ms, for_s=BETWEEN_S):
        """Every stage has made something since then, and goes on for a while."""
        wait_until(lambda: all(self.tail.parts(stage, since_ms) for stage in STAGES), TRY_TIMEOUT_S, "all stages flow")
        goal = self.traffic.acknowledged.value + int(self.rate * for_s)
        wait_until(lambda: self.traffic.acknowledged.value >= goal, TRY_TIMEOUT_S, "leads are taken in")

    def gaps_s(self, stages, do):
        """Does it; then for each of these stages the time until its last partition flows again."""
        busy = {stage: self.tail.parts(stage, (time.time() - BUSY_S) * 1000) for stage in stages}
        if not all(busy.values()):
            raise RuntimeError(f"nothing flowed before the try: {busy}")
        ordered_ms = time.time() * 1000
        do()
        dead_ms = time.time() * 1000  # what it made before was no recovery
        give_up = time.monotonic() + TRY_TIMEOUT_S
        return {stage: (max(self._first_after(stage, part, dead_ms, give_up) for part in parts) - ordered_ms) / 1000
                for stage, parts in busy.items()}

    def _first_after(self, stage, part, dead_ms, give_up):
        while not (first := self.tail.first_after(stage, part, dead_ms)) and time.monotonic() < give_up:
            time.sleep(0.05)
        if first:
            return first
        print(f"  {stage}/{part} does not flow", flush=True)
        return time.time() * 1000


def restart(bench, number):
    service = SERVICES[number % len(SERVICES)]
    name = f"{service}@1"
    return service, bench.gaps_s([service], lambda: _kill(bench.net.running(name)))


def _kill(pid):
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), TRY_TIMEOUT_S, f"{pid} is dead")


def takeover(bench, number):
    service = SERVICES[number % len(SERVICES)]
    name = f"{service}@{number // len(SERVICES) % COPIES + 1}"
    try:
        return service, bench.gaps_s([service], lambda: _lose(bench.net, name))
    finally:
        bench.net.stack.run("start", name)
        bench.net.wait_ready(name)


def _lose(net, name):
    """It is dead when this returns."""
    pid = net.running(name)
    net.stack.run("lose", name)
    net.wait(lambda: not is_alive(pid), f"{name} is dead")


def is_alive(pid):
    """A zombie of the kernel's kind, which nobody has asked for yet, is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def broker(bench, number):
    name = bench.net.broker_names[number % bench.net.brokers]
    bench.net.wait_whole()
    role = "controller" if bench.net.controller() == number % bench.net.brokers + 1 else "broker"
    try:
        return role, bench.gaps_s(STAGES, lambda: _lose(bench.net, name))
    finally:
        bench.net.stack.run("start", name)
        bench.net.wait_whole()


TRIES = {"restart": restart, "takeover": takeover, "broker": broker}


def measure(what, tries, rate):
    found = []
    began = time.monotonic()
    with Bench(what, rate) as bench:
        for number in range(tries):
            began_ms = time.time() * 1000
            whom, gaps = TRIES[what](bench, number)
            gap = max(gaps.values())
            stages = ", ".join(f"{stage} {gap_s:.2f}" for stage, gap_s in gaps.items())
            found.append((whom, gap))
            print(f"{what:<9} {number + 1:>4}/{tries} {whom:<14} {gap:6.2f} s  ({stages})", flush=True)
            bench.flowing(max(began_ms + gap * 1000, time.time() * 1000))
    print(f"{what}: {tries} times in {time.monotonic() - began:.0f} s", flush=True)
    return found


def percentile(gaps, share):
    """Of sorted values: the smallest one that so many are not above."""
    return gaps[max(0, -(-len(gaps) * share // 100) - 1)]


def table(what, found):
    print(f"\n{what}: limit {LIMITS_S[what]:.0f} s\n{'':<16}{'times':>7}{'min s':>8}{'median s':>10}{'p99 s':>8}{'max s':>8}{'over':>6}")
    late = 0
    for whom in (*sorted({w for w, _ in found}), "all"):
        gaps = sorted(gap for w, gap in found if whom in (w, "all"))
        over = sum(gap > LIMITS_S[what] for gap in gaps)
        print(f"{whom:<16}{len(gaps):>7}{gaps[0]:>8.2f}{percentile(gaps, 50):>10.2f}{percentile(gaps, 99):>8.2f}{gaps[-1]:>8.2f}{over:>6}")
        late = over
    return late


def main():
    chosen = options(sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda which, _: sys.exit(128 + which))  # servers are not left behind
    found = {what: measure(what, chosen.times, chosen.rate) for what in chosen.what}
    late = sum(table(what, gaps) for what, gaps in found.items())
    if chosen.report:
        Path(chosen.report).write_text(json.dumps(found, indent=1) + "\n")
    return 1 if late and chosen.strict else 0


if __name__ == "__main__":
    sys.exit(main())
