"""tests/faults/overload: three times as many leads as can be taken. Kafka is made the narrow place: the broker gets a share of a core.

First the peak (a closed loop), then half of it at a steady rate (what is normal), then three times the peak at a steady rate, whatever
the answers do. It must still take 90 % of the peak, the 99th percentile of what it takes may be five times the normal one, and
everything else is told 429 or 503. A latency counts from when its request was due."""
import argparse
import json
import subprocess
import sys
from pathlib import Path

from support.stack import ROOT

from .cgroup import CpuGroup
from .network import Network

LOAD = ROOT / "build/release/bin/bench-load"
GOODPUT_MIN, LATENCY_MAX = 0.9, 5.0
OVERLOAD = 3
CONNECTIONS, FLOOD_CONNECTIONS = 1000, 4000
WARM_LEADS = 20000


def options(arguments):
    parser = argparse.ArgumentParser(prog="tests/faults/overload", formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="of each of the three")
    parser.add_argument("--share", type=float, default=0.1, help="of a core for the broker")
    parser.add_argument("--assert", dest="strict", action="store_true", help="end with 1 when it is not as it must be")
    return parser.parse_args(arguments)


class Flood:
    def __init__(self, net):
        self.port, self.first = net.front_doors[0][1], 0
        self.key = net.stack.keys("webmaster")["w01"]

    def send(self, leads, connections, rate=0):
        command = [str(LOAD), "--port", str(self.port), "--key", self.key, "--leads", str(leads), "--first", str(self.first),
                   "--connections", str(connections), "--told", "1", *(["--rate", str(int(rate))] if rate else [])]
        self.first += leads
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)


def directory(net):
    """One webmaster who may send as much as he likes."""
    path = net.home / "webmasters.yaml"
    path.write_text("webmasters:\n  - {id: w01, name: Flood, default_country: RU, rate_per_s: 1000000, burst: 1000000}\n")
    net.stack.punnet("directory", "apply", str(path))


def measure(chosen):
    net = Network(brokers=1, ledger="sqlite", copies=1)
    net.up()
    try:
        directory(net)
        flood = Flood(net)
        for service in ("filter-worker", "router", "delivery", "payout"):
            net.stack.run("stop", service)  # what comes after the log is not what is looked at
        flood.send(WARM_LEADS, CONNECTIONS)
        group = CpuGroup("broker", chosen.share)
        try:
            group.put(net.running("kafka"))
            flood.send(WARM_LEADS // 4, CONNECTIONS)
            peak = flood.send(int(2000 * chosen.seconds), CONNECTIONS)
            peak = flood.send(int(peak["per_s"] * chosen.seconds), CONNECTIONS)
            normal = flood.send(int(peak["per_s"] / 2 * chosen.seconds), FLOOD_CONNECTIONS, peak["per_s"] / 2)
            over = flood.send(int(peak["per_s"] * OVERLOAD * chosen.seconds), FLOOD_CONNECTIONS, peak["per_s"] * OVERLOAD)
        finally:
            group.close()
        return peak, normal, over
    finally:
        net.down(keep=False)


def main():
    chosen = options(sys.argv[1:])
    if not LOAD.exists():
        print(f"overload: {Path(LOAD).name} is not built; run `make bench` or build it")
        return 2
    peak, normal, over = measure(chosen)
    for name, one in (("peak", peak), ("normal", normal), ("three times", over)):
        print(f"{name:<12} taken {one['per_s']:9.0f}/s  p50 {one['p50_ms']:8.1f} ms  p99 {one['p99_ms']:8.1f} ms  told {one['told']:>7}"
              f" (p99 {one['told_p99_ms']:.1f} ms)")
    goodput, latency = over["per_s"] / peak["per_s"], over["p99_ms"] / normal["p99_ms"]
    fine = goodput >= GOODPUT_MIN and latency <= LATENCY_MAX
    print(f"goodput {goodput:.2f} of the peak (at least {GOODPUT_MIN}), p99 {latency:.1f} times normal (at most {LATENCY_MAX:.0f}): "
          f"{'fine' if fine else 'NOT FINE'}")
    return 1 if chosen.strict and not fine else 0


if __name__ == "__main__":
    sys.exit(main())
