"""Leads that flow through two filter workers, and what has to be true of them whatever happens meanwhile."""
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path

from conftest import apply_orders, end_stack, make_stack

from .advertiser import Advertiser
from .checker import Checker
from .filter_state import FilterState
from .stack import ROOT, wait_until
from .webmaster import Webmaster, lead
from .workers import wait_judged

CHECK_TIMEOUT_S = 90
NAMED_LISTS = "named.lists"


class Flow:
    """A stack with two workers, and leads of persons with devices and addresses that they share with a few others."""

    def __init__(self, bin_folder="release", environment=None):
        self.folder = Path(tempfile.mkdtemp(prefix="punnet-flow-"))
        self.once, self.lists = self.folder / "once", self.folder / "lists"
        self.once.mkdir()
        self.lists.mkdir()
        self._copy_lists(whole=bin_folder == "release")
        self.stack = make_stack(bin_folder, {"PUNNET_FAULT_ONCE": str(self.once), "PUNNET_FILTER_WORKER_LISTS": str(self.lists),
                                             **(environment or {})}, ("--scale", "filter-worker=2"))
        self.advertiser = Advertiser()
        apply_orders(self.stack, self.advertiser)
        self.webmaster = Webmaster(self.stack, connections=32)
        self.next = 0

    def close(self, failed):
        self.advertiser.close()
        end_stack(self.stack, failed)
        if not failed:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _copy_lists(self, whole):
        """Those of the build, in a folder of our own. A debug build takes long to read what is known of addresses and agents."""
        for path in (ROOT / ".cache/lists").iterdir():
            if path.is_file() and (whole or path.name == NAMED_LISTS):
                shutil.copy(path, self.lists / path.name)

    def leads(self, count, repeats=True):
        """One in ten repeats the phone of an earlier one, and is rejected."""
        first, self.next = self.next, self.next + count
        for number in range(first, first + count):
            dice = random.Random(number)
            item = lead(number, seed=41, device_id=f"device-{number // 3}", ip=f"95.26.{number // 4 % 250}.{number // 1000 + 1}")
            if repeats and number > 100 and dice.random() < 0.1:
                item["phone"] = lead(number - 4 * dice.randrange(1, 25), seed=41)["phone"]
            yield item

    def send(self, leads, rate=None):
        self.webmaster.send_all(leads, rate)
        assert not self.webmaster.refused, dict(list(self.webmaster.refused.items())[:3])

    def run(self, seconds, rate, disturb):
        """Steady leads, while `disturb` does its worst in this thread."""
        sender = threading.Thread(target=self.send, args=(self.leads(int(seconds * rate)), rate))
        began_ms = time.time() * 1000
        sender.start()
        try:
            disturb()
        finally:
            sender.join()
        ended_ms = time.time() * 1000
        self.all_judged()
        return began_ms, ended_ms

    def all_judged(self):
        wait_judged(self.stack, len(self.webmaster.acknowledged))

    def counts_are_exact(self, in_order=True):
        """The last acknowledgements may still be on their way to Redis's own settling."""
        states = []

        def exact():
            states[:] = [FilterState(self.stack)]
            return not states[0].check(in_order)
        try:
            wait_until(exact, 10, "watermarks, visits and sums are what the log says")
        except AssertionError:
            raise AssertionError(states[0].report()) from None
        return states[0]

    def checker_is_green(self):
        last = []

        def green():
            last[:] = [Checker(self.stack.kafka, self.stack.db)]
            return not last[0].check(self.webmaster.acknowledged.values(), self.advertiser)
        try:
            wait_until(green, CHECK_TIMEOUT_S, "the checker is green")
        except AssertionError:
            raise AssertionError(last[0].report()) from None
        print(last[0].report())
        return last[0]
