"""The same persons before and after a loss: who was accepted before is a duplicate after it, or the loss was not made good."""
import threading

from . import log
from .checker import Checker, Watermark
from .stack import wait_until
from .webmaster import Webmaster, lead


def judged(stack):
    """The first verdict about each record, as every reader takes it: a partition that changed hands may have the last one twice."""
    mark = Watermark()
    return [r.message for records in log.read_topic(stack.kafka, "leads.judged").values() for r in records if mark.fresh(r.message.source)]


MOST_TIMES = 6


class Twice:
    """Leads flow, `count` of them and more until `lose` is through; it does its worst when `after` of them are judged. Then each
    person comes again, from another browser."""

    def __init__(self, stack, advertiser, count, seed, rate_per_s, after, lose, check=True):
        webmaster = Webmaster(stack)
        first, over = [], threading.Event()

        def keep_flowing():
            while len(first) < count or not over.is_set() and len(first) < MOST_TIMES * count:
                more = [lead(n, seed=seed) for n in range(len(first), len(first) + (count // 6 if first else count))]
                first.extend(more)
                webmaster.send_all(more, rate_per_s)
        flow = threading.Thread(target=keep_flowing)
        flow.start()
        wait_until(lambda: len(judged(stack)) > after, 30, "leads are judged")
        lose()
        self.in_flow = flow.is_alive()
        over.set()
        flow.join()
        self.count = count = len(first)
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
