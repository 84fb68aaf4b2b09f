"""The same persons before and after a loss: who was accepted before is a duplicate after it, or the loss was not made good."""
import threading

from . import log
from .checker import Checker
from .stack import wait_until
from .webmaster import Webmaster, lead


def judged(stack):
    return [r.message for records in log.read_topic(stack.kafka, "leads.judged").values() for r in records]


class Twice:
    """Leads flow, `lose` does its worst when `after` of them are judged, and each person comes again, from another browser."""

    def __init__(self, stack, advertiser, count, seed, rate_per_s, after, lose, check=True):
        webmaster = Webmaster(stack)
        first = [lead(n, seed=seed) for n in range(count)]
        flow = threading.Thread(target=webmaster.send_all, args=(first, rate_per_s))
        flow.start()
        wait_until(lambda: len(judged(stack)) > after, 30, "leads are judged")
        lose()
        self.in_flow = flow.is_alive()
        flow.join()
        wait_until(lambda: len(judged(stack)) == count, 60, "the first ones are judged")
        self.accepted = {m.lead_id for m in judged(stack) if m.verdict == 1}
        again = [{**item, "click_id": f"again{n}", "filled_ms": item["filled_ms"] + 7} for n, item in enumerate(first)]
        webmaster.send_all(again)
        wait_until(lambda: len(judged(stack)) == 2 * count, 60, "the second ones are judged")
        if check:
            wait_until(lambda: not Checker(stack.kafka, stack.db).check(webmaster.acknowledged.values(), advertiser), 60,
                       "the checker is green")
        self.twice = [m for m in judged(stack) if m.lead_id not in self.accepted and m.verdict == 1]
        self.restored = stack.metrics("filter-worker")["punnet_filter_worker_restored_total"]
