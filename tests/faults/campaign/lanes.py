"""Runs a plan: a thread a lane, each fault in its turn, spread over the traffic; writes down what was done and how it ended."""
import random
import threading
import time
from dataclasses import dataclass

from .network import NotRecovered

TRIES = 3            # a process that ends by itself just when it is to be broken is waited for
AHEAD = 0.02         # the traffic may be so far ahead of the faults


@dataclass
class Done:
    number: int
    kind: str
    target: str
    at_s: float
    took_s: float
    note: str
    fine: bool


class Lanes:
    def __init__(self, net, plan, say):
        self.net, self.plan, self.say = net, plan, say
        self.total = sum(map(len, plan.values()))
        self.done, self.lock = [], threading.Lock()
        self.running = {}  # number of a fault -> (what, since)
        self.began = time.monotonic()
        self.stopped = threading.Event()

    def run(self):
        threads = [threading.Thread(target=self._lane, args=(faults,), name=lane, daemon=True) for lane, faults in self.plan.items()]
        for thread in threads:
            thread.start()
        pace = threading.Thread(target=self._pace, daemon=True)
        pace.start()
        for thread in threads:
            thread.join()
        self.stopped.set()
        pace.join()
        self.net.traffic.allowed.value = self.net.traffic.count

    def _pace(self):
        """Leads and faults go side by side: neither is over long before the other."""
        traffic = self.net.traffic
        while not self.stopped.wait(0.5):
            traffic.allowed.value = int(traffic.count * (len(self.done) / max(1, self.total) + AHEAD))

    def _lane(self, faults):
        traffic = self.net.traffic
        for place, fault in enumerate(faults):
            due = traffic.count * place // len(faults)
            while traffic.acknowledged.value < due and not traffic.done:
                time.sleep(0.1)
            self._one(fault)

    def _one(self, fault):
        kind, dice = fault.kind, random.Random(fault.seed)
        with self.net.holding(fault.target if kind.holds_target else f"lane {kind.lane}"):
            at, note, fine = time.monotonic(), "", False
            self.running[fault.number] = (f"{kind.name} {fault.target}", at)
            for attempt in range(TRIES):
                try:
                    note, fine = kind.run(self.net, fault.target, dice), True
                    break
                except (ProcessLookupError, FileNotFoundError) as error:
                    note = f"nobody was there to be broken: {error}"
                    time.sleep(0.2 * (attempt + 1))
                except NotRecovered as error:
                    note = f"NOT RECOVERED: {error}"
                    break
                except Exception as error:  # the campaign itself is at fault: it has to be seen, and the others go on
                    note = f"FAILED: {type(error).__name__}: {error}"
                    break
            took = time.monotonic() - at
        done = Done(fault.number, kind.name, fault.target, at - self.began, took, note, fine)
        with self.lock:
            del self.running[fault.number]
            self.done.append(done)
        self.say(done)
