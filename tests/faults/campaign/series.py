"""Campaigns one after the other, each with a seed and a network of its own, each judged whole.

clean   nothing is planted: neither the checker, nor `punnet audit`, nor the auditor beside it may find anything, in any run
soak    millions of leads, cut into legs, since three brokers keep 13 KB a lead; what is over is recorded, and is not run again

Each run is a line of the record, with the date, the seed and the figures. A run that was broken off leaves no line and is begun anew;
one that was red stays in the record, and the data of its network are kept."""
import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support.stack import ROOT

RUN = ROOT / "tests/faults/run"
RECORDS = ROOT / "tests/faults/records"
DISK_BYTES_A_LEAD = 14000
LINE = re.compile(r"^run (\d+): (\w+) .*?; (\d+) leads, (\d+) faults of (\d+) kinds, (\d+) s; (.*)$")


def options(arguments):
    parser = argparse.ArgumentParser(prog="tests/faults/clean|soak", formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("what", choices=("clean", "soak"), help=argparse.SUPPRESS)
    what = arguments[0] if arguments else "clean"
    runs, leads, faults, rate = (20, 5000, 15, 300) if what == "clean" else (20, 250_000, 75, 400)
    parser.add_argument("--runs", type=int, default=runs, help=f"how many (default {runs})")
    parser.add_argument("--leads", type=int, default=leads, help=f"of each (default {leads})")
    parser.add_argument("--faults", type=int, default=faults, help=f"of each (default {faults})")
    parser.add_argument("--rate", type=float, default=rate, help=f"leads a second, at most (default {rate})")
    parser.add_argument("--seed", type=int, default=1, help="of the first; the others have the next ones")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting for all services, as in tests/faults/run")
    parser.add_argument("--record", default="", help="the file of the record; without it tests/faults/records/WHAT-…-seed-N.txt")
    parser.add_argument("--quiet", action="store_true", help="one line a run, not one a fault")
    return parser.parse_args(arguments)


class Series:
    def __init__(self, chosen):
        self.chosen = chosen
        name = f"{chosen.what}-{chosen.runs}x{chosen.leads}-seed-{chosen.seed}.txt"
        self.path = Path(chosen.record) if chosen.record else RECORDS / name
        self.settings = [word for pair in chosen.set for word in ("--set", pair)]
        self.title = " ".join([f"tests/faults/{chosen.what} --runs {chosen.runs} --leads {chosen.leads} --faults {chosen.faults} "
                               f"--rate {chosen.rate:g} --seed {chosen.seed}", *self.settings])

    def begin(self):
        """Opens the record, or goes on with it when it is one of the same series."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            self.path.write_text(f"{self.title}\n{machine()}\n")
        if self.path.read_text().splitlines()[:1] != [self.title]:
            raise SystemExit(f"{self.path} is the record of another series; name another file with --record, or take that one away")

    def lines(self):
        found = [LINE.match(line) for line in self.path.read_text().splitlines()]
        return {int(match[1]): match for match in found if match}

    def run(self):
        self.begin()
        room = os.statvfs(tempfile.gettempdir())
        need = self.chosen.leads * DISK_BYTES_A_LEAD
        if room.f_bavail * room.f_frsize < 2 * need:
            print(f"careful: a run takes {need >> 30} GiB in {tempfile.gettempdir()}, and {room.f_bavail * room.f_frsize >> 30} are free", flush=True)
        for number in range(1, self.chosen.runs + 1):
            if number not in self.lines():
                self.one(number)
        return self.sum()

    def one(self, number):
        chosen, began = self.chosen, f'{time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}, commit {commit()}'
        seed = chosen.seed + number - 1
        print(f"== run {number} of {chosen.runs}, seed {seed}", flush=True)
        with tempfile.NamedTemporaryFile(prefix="punnet-report-", suffix=".json") as report:
            command = [str(RUN), "--seed", str(seed), "--leads", str(chosen.leads), "--faults", str(chosen.faults),
                       "--minutes", str(chosen.leads / chosen.rate / 60), "--report", report.name, *self.settings]
            done = subprocess.run(command, stdout=subprocess.PIPE if chosen.quiet else None, text=True, check=False)
            text = Path(report.name).read_text()
        if done.returncode != 0:
            print(done.stdout or "", end="", flush=True)
        if not text:
            raise SystemExit(f"run {number} ended with {done.returncode} before its verdict; the same command goes on with it")
        line = told(number, seed, began, json.loads(text), done.returncode)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        print(line, flush=True)

    def sum(self):
        found = self.lines().values()
        red = sum(match[2] != "green" for match in found)
        text = (f"{len(found)} runs: {sum(int(m[3]) for m in found)} leads, {sum(int(m[4]) for m in found)} faults of up to "
                f"{max(int(m[5]) for m in found)} kinds in {sum(int(m[6]) for m in found)} s; {'RED: ' + str(red) if red else 'all green'}")
        kept = [line for line in self.path.read_text().splitlines() if not line.startswith("sum: ")]
        self.path.write_text("\n".join([*kept, f"sum: {text}"]) + "\n")
        print(f"{text}; the record is {self.path}")
        return 1 if red else 0


def told(number, seed, when, account, status):
    """The line of a run. All that was looked for stands in it, found or not. `when`: the date, and with which commit, for a series may
    be gone on with after a change."""
    faults, counts = account["faults"], account["counts"]
    figures = {**account["verdict"], "delivered": counts.get("delivered", 0), "credits": counts.get("credits", 0)}
    return (f"run {number}: {'green' if status == 0 else 'RED'} seed {seed}, {when}; {counts.get('acknowledged', 0)} leads, {len(faults)} faults of "
            f"{len({f['kind'] for f in faults})} kinds, {account['took_s']} s; " + ", ".join(f"{name} {count}" for name, count in figures.items()))


def commit():
    said = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return said or "unknown"


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return f"commit {commit()}; {platform.system()} {platform.release()}, {os.cpu_count()} processors, {memory} GiB"


def main():
    return Series(options(sys.argv[1:])).run()


if __name__ == "__main__":
    sys.exit(main())
