"""tests/faults/power_loss: the ledger (SQLite) and the keys of the days on a disk that loses what was not synced (lossyfs).

While leads flow the disk is asked again and again what a power cut would leave. Each time: the database is whole, its books
balance, no offset goes back, all that the market had been told is in it, and of every day by whose key a stored contact is
sealed the key is there. Some cuts are real: payout is killed, what the cut left takes the place of its disk, and it goes on.
In the end the independent checker judges. PostgreSQL syncs by rules of its own and is not looked at here."""
import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from support import messages
from support.stack import ROOT, wait_until
from support.stream_checker import StreamChecker

from . import demand
from .beside import Beside
from .buyers import Buyers
from .main import ADVERTISER_PORT
from .network import Network
from .traffic import Traffic

LOSSYFS = ROOT / "build/release/tests/lossyfs"
RATE_PER_S = 150
LEADS_A_CUT = 40
MOUNT_TIMEOUT_S = 10
FINDINGS_SHOWN = 20


def options(arguments):
    parser = argparse.ArgumentParser(prog="tests/faults/power_loss", formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cuts", type=int, default=30, help="how often it is asked what a cut would leave")
    parser.add_argument("--real", type=int, default=3, help="how many of them are real")
    parser.add_argument("--deaf", action="store_true", help="the disk lies about syncing: it has to end red")
    return parser.parse_args(arguments)


def can_cut():
    return LOSSYFS.exists() and os.access("/dev/fuse", os.R_OK | os.W_OK)


class LossyDisk:
    def __init__(self, mount, folder, seed, deaf):
        self.mount, self.folder = Path(mount), Path(folder)
        self.seed, self.deaf = seed, deaf
        self.lives, self.cuts = 0, 0
        self.mount.mkdir(parents=True, exist_ok=True)
        self._mount(None)

    def _mount(self, survivor):
        self.lives, self.cuts = self.lives + 1, 0
        source, self.results = self.folder / f"{self.lives}/disk", self.folder / f"{self.lives}/results"
        self.results.mkdir(parents=True)
        if survivor:
            shutil.copytree(survivor, source)
        else:
            source.mkdir()
        environment = {**os.environ, "LOSSYFS_SEED": str(self.seed + self.lives), **({"LOSSYFS_DEAF": "1"} if self.deaf else {})}
        self.process = subprocess.Popen([str(LOSSYFS), str(source), str(self.mount), str(self.results)], env=environment)
        wait_until(lambda: os.path.ismount(self.mount), MOUNT_TIMEOUT_S, f"{self.mount} is mounted")

    def cut(self):
        """The folder of what would be left now."""
        self.cuts += 1
        (self.mount / ".cut").exists()
        return self.results / str(self.cuts)

    def lose_power(self):
        """Nobody may have anything open on it. It goes on with what is left."""
        survivor = self.cut()
        self.unmount()
        self._mount(survivor)

    def unmount(self):
        subprocess.run(["umount", "-l", str(self.mount)], check=False, capture_output=True)
        self.process.wait(MOUNT_TIMEOUT_S)


class Told(Beside):
    """What the market has been told of settlements, and by the keys of which days stored contacts are sealed."""

    def __init__(self, servers):
        self.servers = servers
        self.settled, self.days = set(), set()
        self.begin()

    def _run(self):
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "told", "enable.auto.commit": False, "log_level": 0,
                             "auto.offset.reset": "earliest", "fetch.wait.max.ms": 20})
        consumer.assign([TopicPartition(t, p, 0) for t in ("market", "leads.raw")
                         for p in consumer.list_topics(t, timeout=30).topics[t].partitions])
        while not self.over.is_set():
            record = consumer.poll(0.2)
            if record is None or record.error():
                continue
            message = messages.BY_TOPIC[record.topic()]()
            message.ParseFromString(record.value())
            if record.topic() == "leads.raw":
                self.days.add(message.contact.key_day)
            elif message.WhichOneof("event") == "settled":
                self.settled.add((bytes(message.lead_id), message.settled.round))
        consumer.close()


class PowerLoss:
    def __init__(self, chosen):
        self.chosen, self.findings, self.counts = chosen, [], Counter()
        self.folder = Path(tempfile.mkdtemp(prefix="punnet-power-"))
        self.net = Network(brokers=1, ledger="sqlite", copies=1)
        self.net.mounts = False
        self.offsets = Counter()

    def find(self, text):
        self.findings.append(text)

    def run(self):
        try:
            self._up()
            real = {(n + 1) * self.chosen.cuts // (self.chosen.real + 1) for n in range(self.chosen.real)}
            for number in range(self.chosen.cuts):
                self.net.meanwhile(LEADS_A_CUT)
                self._settled_more()
                if number in real:
                    self._real_cut()
                else:
                    self._look()
            self.traffic.join()
            self.net.rest(5, 120)
            self._judge()
        finally:
            self._down()
        if not self.counts["settlements looked for"]:
            self.find("nothing had been settled before any of the cuts: the run shows nothing")
        for what, count in self.counts.items():
            print(f"{what}: {count}")
        print("\n".join(self.findings[:FINDINGS_SHOWN]))
        print(f"power loss: {self.chosen.cuts} cuts, {self.chosen.real} of them real, {len(self.findings)} findings")
        return 1 if self.findings else 0

    def _up(self):
        net, rows = self.net, self.folder / "rows"
        self.ledger = LossyDisk(net.home / "data/ledger", self.folder / "ledger", self.chosen.seed, self.chosen.deaf)
        self.keys = LossyDisk(net.home / "keys/seal", self.folder / "seal", self.chosen.seed, self.chosen.deaf)
        net.up()
        stack = net.stack
        self.buyers = net.buyers = Buyers(demand.ADVERTISERS, stack.port_base + ADVERTISER_PORT, net.front_doors, stack.keys("advertiser"),
                                          rows / "buyers", 1)
        self.buyers.start()
        (net.home / "orders.yaml").write_text(demand.orders(400, self.buyers.url))
        stack.punnet("order", "apply", str(net.home / "orders.yaml"))
        self.told = Told(stack.kafka)
        self.traffic = net.traffic = Traffic(net.front_doors, stack.keys("webmaster"), rows / "webmasters", 1,
                                             self.chosen.cuts * LEADS_A_CUT + 200, self.chosen.seed, RATE_PER_S)
        self.traffic.start()

    def _down(self):
        for name in ("traffic", "buyers"):
            if hasattr(self, name):
                getattr(self, name).end()
        if hasattr(self, "told"):
            self.told.close()
        self.net.stack.down()
        for name in ("ledger", "keys"):
            if hasattr(self, name):
                getattr(self, name).unmount()
        self.net.down(keep=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _settled_more(self):
        before = len(self.told.settled)
        self.net.wait(lambda: len(self.told.settled) > before or self.traffic.done, "something is settled")

    # --- what a cut leaves ---
    def _look(self):
        told, days = set(self.told.settled), set(self.told.days)
        self._check_ledger(self.ledger.cut(), told)
        self._check_keys(self.keys.cut(), days)
        self.counts["looked at"] += 1

    def _check_ledger(self, left, told):
        """In a copy: to open it is to recover it."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(left, copy)
        if not (copy / "ledger.db").exists():
            self.counts["settlements looked for"] += len(told)
            if told:
                self.find(f"lost: there is no ledger, and the market was told of {len(told)} settlements")
            return
        db = sqlite3.connect(copy / "ledger.db")
        try:
            self._check_database(db, told)
        except sqlite3.DatabaseError as error:
            self.find(f"the database can't be read: {error}; the market was told of {len(told)} settlements")
        finally:
            db.close()

    def _check_database(self, db, told):
        (state,), = db.execute("PRAGMA integrity_check")
        if state != "ok":
            self.find(f"the database is not whole: {state}")
        for lead, total in db.execute("SELECT lead_id, SUM(amount) FROM books GROUP BY lead_id, round, event, currency HAVING SUM(amount) <> 0"):
            self.find(f"unbalanced: a transfer of {lead.hex()} sums to {total}")
        sums = dict(((a, c), s) for a, c, s in db.execute("SELECT account, currency, SUM(amount) FROM books GROUP BY account, currency"))
        for account, currency, balance in db.execute("SELECT account, currency, balance FROM balances"):
            if sums.get((account, currency), 0) != balance:
                self.find(f"unbalanced: {account} has {balance}, its entries sum to {sums.get((account, currency), 0)}")
        for partition, offset in db.execute("SELECT partition, next FROM offsets WHERE topic = 'leads.outcomes'"):
            if offset < self.offsets[partition]:
                self.find(f"lost: leads.outcomes/{partition} goes back from {self.offsets[partition]} to {offset}")
            self.offsets[partition] = offset
        lives = {(bytes(lead), number) for lead, number in db.execute("SELECT lead_id, round FROM lives")}
        for lead, number in told - lives:
            self.find(f"lost: the market was told what became of {lead.hex()} round {number}, and the ledger does not know")
        self.counts["settlements looked for"] += len(told)

    def _check_keys(self, left, days):
        source = self.net.home / "keys/seal"
        have = {path.read_bytes() for path in left.iterdir() if path.suffix == ".key"} if left.exists() else set()
        want = {path.read_bytes() for path in source.iterdir() if path.suffix == ".key"}
        if days and not want:
            self.find("there are sealed contacts and no keys at all")
        for key in want - have:
            self.find(f"lost: one of {len(want)} keys of days would be gone or torn; {len(days)} days are in use")
        self.counts["keys looked for"] += len(want)

    def _real_cut(self):
        self._look()
        told = set(self.told.settled)
        net = self.net
        net.stack.run("lose", "payout@1")
        wait_until(lambda: not net.pid("payout@1"), 20, "payout is gone")
        self.ledger.lose_power()
        self._check_ledger(self.ledger.cut(), told)
        net.stack.run("start", "payout@1")
        net.wait_ready("payout@1")
        net.flows()
        self.counts["real cuts"] += 1

    def _judge(self):
        self.buyers.end()
        rows = self.folder / "rows"
        checker = StreamChecker(self.net.stack.kafka, self.net.db, rows / "check", 1, [rows / "webmasters", rows / "buyers"])
        self.findings += checker.check()
        self.counts.update(checker.counts)


def main():
    chosen = options(sys.argv[1:])
    if not can_cut():
        print("power loss: not to be had here: it needs libfuse3, /dev/fuse and `make build`")
        return 1 if chosen.deaf else 0
    began = time.monotonic()
    status = PowerLoss(chosen).run()
    print(f"in {time.monotonic() - began:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
