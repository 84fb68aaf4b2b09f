"""A million leads through the real services, and then what has to be quick and equal over that many.

replay    verdicts and decisions on one thread and on two: every partition's digest of what was computed is that of what is recorded, and
          the same with either number of threads; lives against the ledger
auditor   a new one reads everything: how long until /readyz says so, in what memory, with nothing broken; SIGKILL, and again

Prints a line for each, ends with 1 when something differs, is broken, or is slower than --assert demands."""
import argparse
import json
import os
import resource
import subprocess
import time
import urllib.error
import urllib.request

from .lab import SERVICES, BenchError, Lab

PART_LEADS = 50000
SETTLED_TIMEOUT_S, READY_TIMEOUT_S = 900, 900
AUDITOR_OFFSET = 90
RATES_MIN = {"verdicts": 150000, "decisions": 250000}  # a second of one core's time


def fill(lab, leads):
    """Until so many are settled. Some were by the warming up of the broker."""
    began, first = time.monotonic(), lab.settled()
    with lab.sink():
        lab.only(*SERVICES)
        while (done := lab.settled()) < leads:
            lab.send(min(PART_LEADS, leads - done), batch=100, connections=8)
            wait_for(lambda: lab.settled() >= min(leads, done + PART_LEADS), SETTLED_TIMEOUT_S, "the leads are not settled")
        lab.only()
    took_s = time.monotonic() - began
    print(f"filled     {leads} leads settled, {(leads - first) / took_s if took_s else 0:.0f}/s", flush=True)


def wait_for(done, timeout_s, why):
    end = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > end:
            raise BenchError(f"bench: {why} after {timeout_s} s")
        time.sleep(0.05)


def replay(lab, what, threads):
    """The digests by partition or table, and what a record cost in processor time."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    options = ["--threads", str(threads)] if threads else []
    rows = [json.loads(line) for line in lab.punnet("replay", what, *options, "--json").splitlines()]
    took_s, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    total = next(row for row in rows if row["kind"] == "total")
    digests = {str(row.get("partition", row.get("table"))): (row["recorded"], row["recomputed"]) for row in rows if "recomputed" in row}
    different = sum(recorded != recomputed for recorded, recomputed in digests.values())
    if total["different"] or different or not digests:
        raise BenchError(f"bench: replay {what} --threads {threads}: {total}, {different} digests differ")
    records = total.get("records", total.get("outcomes"))
    print(f"replay     {what:<9} threads {threads or '-'}: {records} records, {len(digests)} digests equal, "
          f"{sum(int(one, 16) for one, _ in digests.values()) % 2**64:016x} in all; {took_s:.1f} s, {records / cpu_s:.0f} a second of processor time", flush=True)
    return digests, records, records / cpu_s


def same_with_any_threads(lab, what):
    alone, _, rate = replay(lab, what, 1)
    both, _, _ = replay(lab, what, 2)
    if alone != both:
        raise BenchError(f"bench: replay {what}: other digests on two threads than on one")
    return rate


# --- the auditor ---
class Auditor:
    def __init__(self, lab):
        self.url = f"http://127.0.0.1:{lab.port_base + AUDITOR_OFFSET}"
        self.child = subprocess.Popen(
            [str(lab.bin / "punnet-auditor"), "--config", str(lab.home / "conf/punnet.yaml"), "--admin", self.url.removeprefix("http://")],
            env=lab.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, ConnectionError):
            return None

    def metrics(self):
        return [(line.split()[0], float(line.split()[1])) for line in self.get("/metrics").splitlines() if not line.startswith("#")]

    def kill(self):
        self.child.kill()
        self.child.wait()


def audit_starts(lab, leads, name):
    began = time.monotonic()
    auditor = Auditor(lab)
    try:
        wait_for(lambda: auditor.child.poll() is not None or auditor.get("/readyz"), READY_TIMEOUT_S, "the auditor is not ready")
        took_s = time.monotonic() - began
        metrics = auditor.metrics()
        broken = [metric for metric, value in metrics if "invariant_broken{" in metric and value]
        kept = sum(value for metric, value in metrics if metric == "punnet_auditor_leads_kept")
        usage = os.sysconf("SC_CLK_TCK"), open(f"/proc/{auditor.child.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
        cpu_s = (int(usage[1][11]) + int(usage[1][12])) / usage[0]
        rss_mib = int(usage[1][21]) * os.sysconf("SC_PAGE_SIZE") >> 20
    finally:
        auditor.kill()
    print(f"auditor    {name}: {kept:.0f} leads read in {took_s:.1f} s ({cpu_s:.1f} s of processor time, {cpu_s / leads * 1e6:.1f} µs a lead), "
          f"{rss_mib} MiB; broken: {', '.join(broken) or 'nothing'}", flush=True)
    if broken or kept < leads:
        raise BenchError("bench: the auditor found something broken, or did not read all")


def options(arguments):
    parser = argparse.ArgumentParser(prog="bench/million", formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--leads", type=int, default=1000000)
    parser.add_argument("--assert", dest="strict", action="store_true", help="150,000 verdicts and 250,000 decisions a second of processor time, at least")
    return parser.parse_args(arguments)


def main(arguments):
    chosen = options(arguments)
    with Lab() as lab:
        lab.up()
        fill(lab, chosen.leads)
        rates = {what: same_with_any_threads(lab, what) for what in RATES_MIN}
        replay(lab, "lives", 0)
        audit_starts(lab, chosen.leads, "started")
        audit_starts(lab, chosen.leads, "killed and started again")
        lab.end_stack()
    slow = [what for what, rate in rates.items() if rate < RATES_MIN[what]]
    if slow:
        print(f"slower than promised: {', '.join(slow)}")
    return 1 if slow and chosen.strict else 0
