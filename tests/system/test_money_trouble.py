"""Payout in trouble, on a real disk, a real SQLite file and a real PostgreSQL: the disk is full, the database is locked or may only be read,
the clock jumps by a day forward and back. Each time payout says so and settles nothing; afterwards it goes on, and nothing is lost,
doubled or approved too early."""
import re
import shutil
import sqlite3
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import apply_orders, end_stack, make_stack
from support.advertiser import Advertiser
from support.checker import Checker
from support.ledger import read_ledger
from support.postgres import Postgres, needs_postgres
from support.stack import ROOT, wait_until
from support.webmaster import Webmaster, lead

sys.path.insert(0, str(ROOT / "tests/faults"))

from campaign.disks import Disk, can_mount  # noqa: E402

LEADS = 40
FAKE_CLOCK = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
AWAY = "punnet_payout_ledger_away"
DELIVERED, APPROVED = 1, 2
needs_mount = pytest.mark.skipif(not can_mount(), reason="only root can mount a disk that is small enough to be filled")


class Day:
    """A stack, its webmaster, and what has to be true in the end."""

    def __init__(self, environment, bin_folder):
        self.advertiser, self.sent = Advertiser(), 0
        self.stack = make_stack(bin_folder, environment={"PUNNET_PAYOUT_DUE_EVERY": "200ms", "PUNNET_PAYOUT_DB_TIMEOUT": "300ms", **environment})
        self.short_windows()
        apply_orders(self.stack, self.advertiser)
        self.webmaster = Webmaster(self.stack)

    def short_windows(self):
        """Every sample advertiser may return its leads for a day."""
        advertisers = re.findall(r"- \{id: (\S+), name: ([^,]+), hold_days", (ROOT / "rules/directory.yaml").read_text())
        contracts = self.stack.home / "contracts.yaml"
        contracts.write_text("advertisers:\n" + "".join(f"  - {{id: {name}, name: {title}, hold_days: 1, return_window_days: 1}}\n"
                                                        for name, title in advertisers))
        self.stack.punnet("directory", "apply", str(contracts))

    def send(self):
        self.webmaster.send_all([lead(self.sent + n, seed=23) for n in range(LEADS)], 400)
        self.sent += LEADS

    def away(self):
        return self.stack.metrics("payout")[AWAY] == 1

    @contextmanager
    def trouble(self, what, over):
        """Leads come in meanwhile; payout must have said that its ledger is away, and must be the same process in the end."""
        pid = self.stack.pid("payout")
        self.send()
        wait_until(self.away, 20, what)
        before = self.stack.metrics("payout")["punnet_payout_transfers_total"]
        yield
        assert self.away() and self.stack.metrics("payout")["punnet_payout_transfers_total"] == before, what
        over()
        wait_until(lambda: not self.away(), 20, f"no more: {what}")
        assert self.stack.pid("payout") == pid

    def settled(self):
        def well():
            checker = Checker(self.stack.kafka, self.stack.db)
            return not checker.check(self.webmaster.acknowledged.values(), self.advertiser) and checker.counts["credits"] > 0
        wait_until(well, 40, "all is settled")
        assert not self.away()
        assert set(read_ledger(self.stack.db).lives.values()) <= {DELIVERED, 4, 5, 6}, "a lead was approved inside its window"

    def close(self, failed):
        end_stack(self.stack, failed)
        self.advertiser.close()


@contextmanager
def a_day(environment, bin_folder="release"):
    day, failed = Day(environment, bin_folder), True
    try:
        yield day
        failed = False
    finally:
        day.close(failed)


@contextmanager
def a_disk(size_mib, owner=None):
    folder = Path(tempfile.mkdtemp(prefix="punnet-disk-"))
    folder.chmod(0o755)  # another user's server passes through it
    disk = Disk(folder / "image", folder / "mounted", size_mib, owner)
    try:
        yield disk
    finally:
        disk.close()
        shutil.rmtree(folder, ignore_errors=True)


@needs_mount
def test_sqlite_on_a_full_disk_locked_and_under_a_clock_that_jumps_loses_and_doubles_nothing():
    clocks = Path(tempfile.mkdtemp(prefix="punnet-clocks-"))
    (clocks / "payout@1").write_text("+0\n")
    with a_disk(48) as disk, a_day({"PUNNET_DB": f"sqlite:{disk.folder}/ledger.db", "PUNNET_CLOCKS": str(clocks)}) as day:
        day.send()
        day.settled()

        disk.fill()
        with day.trouble("the disk is full", disk.free):
            assert disk.is_full

        holder = sqlite3.connect(f"{disk.folder}/ledger.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with day.trouble("another one has the lock", holder.close):
            pass

        if not FAKE_CLOCK:
            return
        # A day and a half: by payout's own clock every window is over; by the log's none is.
        told = day.stack.metrics("payout")["punnet_payout_due_told_total"]
        (clocks / "payout@1").write_text("+36h\n")
        wait_until(lambda: day.stack.metrics("payout")["punnet_payout_due_told_total"] > told, 20, "payout believes that windows are over")
        day.send()
        (clocks / "payout@1").write_text("-36h\n")
        day.send()
        day.settled()
        assert "BROKEN" not in day.stack.punnet("audit", check=False).stdout


def test_trouble_that_is_taken_for_done_and_a_clock_that_is_believed_are_found_out():
    """The control: payout goes on when the ledger could not be written, and takes its own clock for the log's. What the tests here look at
    turns red."""
    clocks = Path(tempfile.mkdtemp(prefix="punnet-clocks-"))
    (clocks / "payout@1").write_text("+0\n")
    faults = {"PUNNET_FAULT": "away_is_done,due_by_own_clock", "PUNNET_CLOCKS": str(clocks)}
    with a_day(faults, "dev") as day:
        def credited():
            checker = Checker(day.stack.kafka, day.stack.db)
            day.findings = checker.check(day.webmaster.acknowledged.values(), day.advertiser)
            return checker.counts["credits"]

        def batches():
            return day.stack.metrics("payout")["punnet_payout_settle_seconds_count"]
        holder = sqlite3.connect(day.stack.db.removeprefix("sqlite:"), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        before = batches()
        day.send()
        wait_until(lambda: batches() > before + 3, 20, "batches are taken for done")
        holder.close()
        day.send()
        wait_until(lambda: credited() > LEADS / 4, 30, "what came later is credited")
        assert not day.away()
        assert any("was delivered and not credited" in finding for finding in day.findings), day.findings
        if FAKE_CLOCK:
            (clocks / "payout@1").write_text("+36h\n")
            wait_until(lambda: APPROVED in read_ledger(day.stack.db).lives.values(), 20, "leads are approved inside their window")


def read_only(postgres, on):
    """As an operator's brake, or a standby that is no primary any more; sessions that are open are ended."""
    import psycopg
    with psycopg.connect(postgres.url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        connection.execute(f"ALTER DATABASE punnet SET default_transaction_read_only = {'on' if on else 'off'}")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'punnet' AND pid <> pg_backend_pid()")


@needs_mount
@needs_postgres
def test_postgresql_on_a_full_disk_and_read_only_loses_and_doubles_nothing():
    with a_disk(220, "postgres") as disk:
        postgres = Postgres(folder=disk.folder)
        try:
            with a_day({"PUNNET_DB": postgres.url}) as day:
                day.send()
                day.settled()

                read_only(postgres, True)
                with day.trouble("the server may only be read", lambda: read_only(postgres, False)):
                    pass

                disk.fill()
                with day.trouble("the server's disk is full", disk.free):
                    assert disk.is_full
                day.settled()
        finally:
            postgres.close()
