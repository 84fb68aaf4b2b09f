"""Chooses the benchmarks, repeats them, writes the table and the results file."""
import argparse
import os
import sys
import time

from . import core, path, stages
from .figures import Figures
from .lab import Lab

BENCHES = {
    "micro": (core.micro, "small steps of a lead's way, in one process"),
    "router-core": (core.router, "one decision among 40 to 100,000 orders, read and written, in one process"),
    "replay": (core.replay, "verdicts and decisions computed once more from topics in files, and lives settled anew, on one core"),
    "judge": (core.judge, "leads in a file judged by `punnet judge`, with no servers"),
    "ledger": (core.ledger, "credits a second into SQLite"),
    "sim": (core.sim, "seeds of the simulator that a second of CPU plays"),
    "collector": (stages.collector, "the front door on a real broker: CPU a lead, latency, memory"),
    "filter-worker": (stages.filter_worker, "leads.raw to leads.judged, Redis included"),
    "filter-scaling": (stages.filter_scaling, "what 1, 2, 4 and 8 filter workers together cost a lead"),
    "filter-memory": (stages.filter_memory, "a lead's claims, trails and sums in Redis, with nothing else running"),
    "claims": (stages.claims, "dedupe claims in Redis: memory and CPU of one"),
    "router": (stages.router, "leads.judged to leads.routed: admit and decide"),
    "webhooks": (core.webhooks, "delivery in one process, to a local server: webhooks a second on one core; beside hostile advertisers"),
    "delivery": (stages.delivery, "webhooks to a local server"),
    "payout": (stages.payout, "leads.outcomes to the ledger"),
    "path": (path.whole, "from the first 202 to the last credit; latency from 202 to the advertiser"),
    "trace": (stages.trace, "a lead found by its id among very many; last, for what it fills the topics with is nobody's input"),
}


def main(arguments):
    text = "\n".join(f"  {name:<15}{what}" for name, (_, what) in BENCHES.items())
    parser = argparse.ArgumentParser(prog="bench/run", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description=f"Benchmarks, all unless named:\n{text}",
                                     epilog="BENCH_RUNS=5 repeats, BENCH_SCALE=100 percent of the leads; PUNNET_BIN, PUNNET_PORT_BASE.")
    parser.add_argument("name", nargs="*", help="one of the above")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.name if name not in BENCHES]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    runs = int(os.environ.get("BENCH_RUNS", 5))
    figures = Figures(runs)
    with Lab() as lab:
        for name in options.name or BENCHES:
            for number in range(runs):
                began = time.monotonic()
                BENCHES[name][0](lab, figures)
                print(f"  ({name}, run {number + 1} of {runs}: {time.monotonic() - began:.0f} s)", file=sys.stderr)
            figures.show()
        lab.end_stack()
    return 1 if figures.missed else 0
