"""Looks on while the campaign runs: how far it is, and what the product's own auditor says meanwhile."""
import re
import time
import urllib.request
from collections import Counter

from .beside import Beside

AUDITOR = "auditor@1"
LOOK_S, TELL_S = 1.0, 15.0
BROKEN = re.compile(r'punnet_auditor_invariant_broken\{invariant="(\w+)"\} (\d+)')
ROUNDS = re.compile(r"^punnet_auditor_rounds_total (\d+)", re.MULTILINE)
READ_TIMEOUT_S = 2
LAST_ROUNDS = 2  # what a reading says that began before the last record came says nothing of it


class AuditorWatch(Beside):
    """What the auditor ever called broken while it was looked at: {invariant: when, in seconds of the campaign}."""

    def __init__(self, url):
        self.url = url
        self.began = time.monotonic()
        self.alarms, self.now_broken, self.looks, self.rounds = {}, set(), Counter(), None
        self.begin()

    def _run(self):
        while not self.over.wait(LOOK_S):
            self.look()

    def look(self):
        try:
            with urllib.request.urlopen(f"{self.url}/metrics", timeout=READ_TIMEOUT_S) as answer:
                text = answer.read().decode()
        except OSError:
            self.looks["away"] += 1
            self.rounds = None
            return
        found = ROUNDS.search(text)
        self.rounds = int(found[1]) if found else None
        self.looks["answered"] += 1
        self.now_broken = {name for name, count in BROKEN.findall(text) if int(count)}
        for name in self.now_broken:
            self.alarms.setdefault(name, time.monotonic() - self.began)

    def settled(self):
        """Has it read everything once more since this was first asked? It may have been restarted meanwhile, and counts anew."""
        if self.rounds is None:
            return False
        if getattr(self, "_goal", None) is None or self.rounds < self._goal - LAST_ROUNDS:
            self._goal = self.rounds + LAST_ROUNDS
        return self.rounds >= self._goal


class Progress(Beside):
    """A line every TELL_S while the lanes are at it."""

    def __init__(self, net, lanes, say):
        self.net, self.lanes, self.say = net, lanes, say
        self.begin()

    def _run(self):
        before, at = 0, time.monotonic()
        while not self.over.wait(TELL_S):
            leads, now = self.net.traffic.acknowledged.value, time.monotonic()
            ends = self.net.ends
            under_way = ", ".join(f"{what} {now - since:.0f} s" for what, since in list(self.lanes.running.values())) or "nothing"
            self.say(f"... {leads} of {self.net.traffic.count} leads in ({(leads - before) / (now - at):.0f}/s), {ends['leads.judged']} judged, "
                     f"{ends['leads.outcomes']} outcomes; {len(self.lanes.done)} of {self.lanes.total} faults over; now {under_way}")
            before, at = leads, now
