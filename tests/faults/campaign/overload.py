"""tests/faults/overload: three times as many leads as can be taken. What is narrow is the way to Kafka (--narrow way: so many bytes a
second pass), or the broker itself (--narrow broker: it gets a share of a core, has to compress, and leads carry 3 KB more).

First the peak (the best of three closed loops), then half of it at a steady rate (what is normal), then three times the peak at a steady
rate, whatever the answers do. It must still take 90 % of the peak, the 99th percentile of what it takes may be five times the normal
one, and everything else is told 429 or 503. A latency counts from when its request was due.

A broker that is short of a processor does more a second the larger its batches are, that is, the longer everybody waits; so with
--narrow broker the peak of a closed loop is not reached by those who wait a shorter time. Collector, broker and clients go before
everybody else on the machine (as root)."""
import argparse
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from support.stack import ROOT

from .cgroup import CpuGroup
from .network import Network
from .process import PREFERRED, prefer

LOAD = ROOT / "build/release/bin/bench-load"
GOODPUT_MIN, LATENCY_MAX = 0.9, 5.0
OVERLOAD = 3
CONNECTIONS, FLOOD_CONNECTIONS = 1000, 4000
PEAK_CONNECTIONS = (64, 128, 1000)  # of closed loops: the best of them is the peak
WARM_LEADS = 20000
MORE_BYTES = 3000


def options(arguments):
    parser = argparse.ArgumentParser(prog="tests/faults/overload", formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="of each of the three")
    parser.add_argument("--share", type=float, default=0.3, help="of a core for the broker")
    parser.add_argument("--narrow", choices=("way", "broker"), default="way")
    parser.add_argument("--bytes", type=int, default=2_000_000, help="that pass on the way in a second")
    parser.add_argument("--assert", dest="strict", action="store_true", help="end with 1 when it is not as it must be")
    return parser.parse_args(arguments)


class Flood:
    def __init__(self, net, more):
        self.port, self.first, self.more = net.front_doors[0][1], 0, more
        self.key = net.stack.keys("webmaster")["w01"]

    def send(self, leads, connections, rate=0):
        command = [str(LOAD), "--port", str(self.port), "--key", self.key, "--leads", str(leads), "--first", str(self.first),
                   "--connections", str(connections), "--told", "1", "--more", str(self.more), *(["--rate", str(int(rate))] if rate else [])]
        self.first += leads
        first = (lambda: os.setpriority(os.PRIO_PROCESS, 0, PREFERRED)) if os.geteuid() == 0 else None
        done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=first)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)


def directory(net):
    """One webmaster who may send as much as he likes."""
    path = net.home / "webmasters.yaml"
    path.write_text("webmasters:\n  - {id: w01, name: Flood, default_country: RU, rate_per_s: 1000000, burst: 1000000}\n")
    net.stack.punnet("directory", "apply", str(path))


@contextlib.contextmanager
def narrow_way(net, bytes_per_s):
    net.kafka_link.bytes_per_s = bytes_per_s
    yield
    net.kafka_link.bytes_per_s = 0


@contextlib.contextmanager
def narrow_broker(net, share):
    """It compresses what is stored in leads.raw, with a share of a core."""
    entry = ConfigEntry("compression.type", "gzip", incremental_operation=AlterConfigOpType.SET)
    topic = ConfigResource(ConfigResource.Type.TOPIC, "leads.raw", incremental_configs=[entry])
    for done in net.admin.incremental_alter_configs([topic]).values():
        done.result(30)
    group = CpuGroup("broker", share)
    try:
        group.put(net.running("kafka"))
        yield
    finally:
        group.close()


def peak_of(flood, connections, seconds):
    first = flood.send(2000, connections)
    return flood.send(int(2000 / first["seconds"] * seconds / 2), connections)


def measure(chosen):
    net = Network(brokers=1, ledger="sqlite", copies=1, narrow=chosen.narrow == "way")
    net.up()
    try:
        net.end_pulse()
        directory(net)
        flood = Flood(net, 0 if chosen.narrow == "way" else MORE_BYTES)
        for service in ("filter-worker", "router", "delivery", "payout"):
            net.stack.run("stop", service)  # what comes after the log is not what is looked at
        flood.send(WARM_LEADS, CONNECTIONS)
        for name in ("collector@1", "kafka"):
            prefer(net.running(name))
        prefer(os.getpid())  # the way to Kafka is one of our threads
        with narrow_way(net, chosen.bytes) if chosen.narrow == "way" else narrow_broker(net, chosen.share):
            flood.send(WARM_LEADS // 8, CONNECTIONS)
            peak = max((peak_of(flood, n, chosen.seconds) for n in PEAK_CONNECTIONS), key=lambda one: one["per_s"])
            normal = flood.send(int(peak["per_s"] / 2 * chosen.seconds), FLOOD_CONNECTIONS, peak["per_s"] / 2)
            over = flood.send(int(peak["per_s"] * OVERLOAD * chosen.seconds), FLOOD_CONNECTIONS, peak["per_s"] * OVERLOAD)
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
