"""tests/faults/run: one command, one seed. Prints every fault as it is over, then the table of kinds and the checker's verdict;
ends with 0 when nothing is lost, doubled or over a cap, and everybody recovered."""
import argparse
import faulthandler
import json
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from support.stream_checker import CLASSES, OTHER, StreamChecker, buckets_for

from . import demand, plan
from .buyers import Buyers
from .kinds import KINDS
from .lanes import Lanes
from .network import Network, NotRecovered
from .traffic import Traffic
from .watch import AUDITOR, AuditorWatch, Progress

ADVERTISER_PORT = 80
REST_S, REST_TIMEOUT_S = 6, 300
PLANTED_REST_S = 30  # a broken build may never come to rest
CHECK_TRIES = 3
FINDINGS_SHOWN = 20
RATE_MIN, RATE_MAX = 20, 2000
LEADS_A_FAULT = 1000  # with fewer, each fault is over sooner
AUDITOR_TIMEOUT_S = 180


def options(arguments):
    parser = argparse.ArgumentParser(prog="tests/faults/run", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="which leads, which faults, in which order, upon whom")
    parser.add_argument("--leads", type=int, default=5000)
    parser.add_argument("--faults", type=int, default=15)
    parser.add_argument("--minutes", type=float, default=None, help="how long the leads are spread over (default: 300 a second)")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=3)
    parser.add_argument("--ledger", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--kinds", default="", help="only these, separated by commas; `list` names all of them")
    parser.add_argument("--targets", default="", help="where there is a choice, only those whose name begins so: collector, kafka@2")
    parser.add_argument("--build", default="release", help="dev has faults of its own: see --plant")
    parser.add_argument("--plant", default="", help="a bug to switch on in the dev build: the verdict has to be red")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting for all services")
    parser.add_argument("--no-auditor", action="store_true", help="without the auditor beside it: it takes a share of the machine")
    parser.add_argument("--report", default="", help="a file that the whole account is written to, as JSON")
    parser.add_argument("--keep", action="store_true", help="keep data and logs although all is well")
    return parser.parse_args(arguments)


class Campaign:
    def __init__(self, chosen):
        self.chosen = chosen
        settings = dict(pair.split("=", 1) for pair in chosen.set)
        if chosen.plant:
            settings["PUNNET_FAULT"] = chosen.plant
        self.net = Network(chosen.brokers, chosen.ledger, "dev" if chosen.plant else chosen.build, settings,
                           auditors=0 if chosen.no_auditor else 1)
        self.net.in_hand_share = min(1.0, chosen.leads / max(1, chosen.faults) / LEADS_A_FAULT)
        self.auditor = None
        self.buckets = buckets_for(chosen.leads)
        self.began = time.monotonic()

    def run(self):
        red = True
        self.say(f"seed {self.chosen.seed}: {self.chosen.leads} leads, {self.chosen.faults} faults; data in {self.net.home}")
        self.net.up()  # what does not come up has nothing to keep
        self.folder = Path(tempfile.mkdtemp(prefix="punnet-campaign-rows-"))
        try:
            self._open()
            kinds, missing = plan.available(self.net, [k for k in self.chosen.kinds.split(",") if k])
            if missing:
                self.say(f"not to be had here: {', '.join(missing)}")
            lanes = Lanes(self.net, plan.make(self.net, kinds, self.chosen.faults, self.chosen.seed, self.chosen.targets),
                          self._say_fault)
            self.traffic.start()
            progress = Progress(self.net, lanes, self.say)
            lanes.run()
            self.traffic.join()
            progress.close()
            self.say(f"all {self.traffic.acknowledged.value} leads are answered; {self.traffic.repeats.value} times one was sent again")
            checker = self._judge()
            self._table(lanes.done, checker)
            red = self._verdict(lanes.done, checker)
        finally:
            self.traffic_end()
            self.net.down(keep=red or self.chosen.keep)
            shutil.rmtree(self.folder, ignore_errors=True)
        return 1 if red else 0

    def say(self, text):
        print(f"{time.monotonic() - self.began:7.1f} s  {text}", flush=True)

    def _say_fault(self, fault):
        self.say(f"#{fault.number:<4} {fault.kind:<22} {fault.target:<16} at {fault.at_s:6.1f} s, over in {fault.took_s:5.1f} s: {fault.note}")

    def _open(self):
        stack, chosen = self.net.stack, self.chosen
        if not chosen.no_auditor:
            self.auditor = AuditorWatch(self.net.admin_url(AUDITOR))
        rate = chosen.leads / (chosen.minutes * 60) if chosen.minutes else 300
        self.buyers = self.net.buyers = Buyers(demand.ADVERTISERS, stack.port_base + ADVERTISER_PORT, self.net.front_doors,
                                               stack.keys("advertiser"), self.folder / "buyers", self.buckets)
        self.buyers.start()
        path = self.net.home / "orders.yaml"
        path.write_text(demand.orders(chosen.leads, self.buyers.url))
        stack.punnet("order", "apply", str(path))
        self.traffic = self.net.traffic = Traffic(self.net.front_doors, stack.keys("webmaster"), self.folder / "webmasters",
                                                  self.buckets, chosen.leads, chosen.seed, min(RATE_MAX, max(RATE_MIN, rate)))

    def traffic_end(self):
        for one in (getattr(self, "traffic", None), getattr(self, "buyers", None)):
            if one:
                one.end()
        if self.auditor:
            self.auditor.close()

    def _judge(self):
        """When nothing moves any more. What looks lost may be on its way still, so that it is looked at again."""
        for attempt in range(1 if self.chosen.plant else CHECK_TRIES):
            still = self.net.rest(REST_S * (attempt + 1), PLANTED_REST_S if self.chosen.plant else REST_TIMEOUT_S)
            self.say(f"{'nothing moves any more' if still else 'it does not come to rest'}; the checker reads")
            if attempt == 0:
                self.buyers.end()
            rows = self.folder / f"check-{attempt}"
            checker = StreamChecker(self.net.stack.kafka, self.net.db, rows, self.buckets,
                                    [self.folder / "webmasters", self.folder / "buyers"])
            began = time.monotonic()
            checker.check()
            checker.took_s = time.monotonic() - began
            shutil.rmtree(rows, ignore_errors=True)
            if not checker.findings:
                break
        return checker

    def _audit(self):
        """What the product's own auditor says of the same: names of the broken invariants, and how many there are."""
        began = time.monotonic()
        said = self.net.stack.punnet("audit", "--json", check=False).stdout.splitlines()
        lines = [json.loads(line) for line in said if line.startswith("{")]
        broken = sorted(line["invariant"] for line in lines if line["state"].lower() == "broken")
        print(f"punnet audit, in {time.monotonic() - began:.1f} s: {len(broken)} of {len(lines)} invariants broken: {', '.join(broken) or 'none'}")
        return broken if lines else ["punnet audit said nothing"]

    def _auditor(self):
        """What the auditor that ran beside it all called broken, at any time; and whether it has read everything to the end."""
        if not self.auditor:
            return []
        try:
            self.net.wait(self.auditor.settled, "the auditor has read everything", AUDITOR_TIMEOUT_S)
        except NotRecovered as error:
            return [str(error)]
        alarms, looks = self.auditor.alarms, self.auditor.looks
        said = ", ".join(f"{name} at {at_s:.0f} s" for name, at_s in sorted(alarms.items()))
        print(f"the auditor beside it, asked {looks['answered']} times (away {looks['away']} times): {said or 'nothing was ever broken'}")
        return sorted(alarms)

    def _table(self, done, checker):
        by_kind = defaultdict(list)
        for fault in done:
            by_kind[fault.kind].append(fault)
        print(f"\n{'kind':<26}{'faults':>8}{'recovered':>11}{'median s':>10}{'longest s':>11}")
        for kind in KINDS:
            faults = by_kind.get(kind.name)
            if faults:
                took = sorted(f.took_s for f in faults)
                print(f"{kind.name:<26}{len(faults):>8}{sum(f.fine for f in faults):>11}{took[len(took) // 2]:>10.1f}{took[-1]:>11.1f}")
        seconds = max((f.at_s + f.took_s for f in done), default=0)
        print(f"{'all':<26}{len(done):>8}{sum(f.fine for f in done):>11}   {len(by_kind)} kinds in {seconds:.0f} s")
        print(f"\nlooked at by the checker in {checker.took_s:.0f} s: " + ", ".join(f"{v} {k}" for k, v in checker.counts.items()))

    def _verdict(self, done, checker):
        verdict = {name: checker.classes.get(name, 0) for name in (*CLASSES, OTHER)}
        broken, alarms = self._audit(), self._auditor()
        wrong = any(verdict.values())
        verdict["undetected"] = sum(verdict.values()) if not broken else 0
        verdict["false alarms"] = len({*broken, *alarms}) if not wrong else 0
        verdict["refused"] = len(self.traffic.refused)
        verdict["not recovered"] = sum(not f.fine for f in done)
        red = any(verdict.values())
        for text in [*map(str, self.traffic.refused), *checker.findings][:FINDINGS_SHOWN]:
            print(f"  {text}")
        if self.chosen.report:
            account = {"seed": self.chosen.seed, "leads": self.chosen.leads, "verdict": verdict, "counts": dict(checker.counts),
                       "took_s": round(time.monotonic() - self.began), "findings": checker.findings[:1000], "alarms": alarms,
                       "audit": broken, "faults": [vars(f) for f in sorted(done, key=lambda f: f.number)]}
            Path(self.chosen.report).write_text(json.dumps(account, indent=1, ensure_ascii=False) + "\n")
        print("verdict: " + ", ".join(f"{name} {count}" for name, count in verdict.items()))
        self.say(f"RED; logs, keys and configuration are kept in {self.net.home}" if red else "green")
        return red


def main():
    chosen = options(sys.argv[1:])
    if chosen.kinds == "list":
        print("\n".join(f"{kind.name:<24}{(kind.run.__doc__ or '').strip()}" for kind in KINDS))
        return 0
    faulthandler.enable()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda which, _: sys.exit(128 + which))  # mounts and servers are not left behind
    return Campaign(chosen).run()


if __name__ == "__main__":
    sys.exit(main())
