"""Redis comes back empty, in mid-flow: it is noticed before the next verdict, what it knew is put back from the log, and a
person who was accepted before is a duplicate after."""
import subprocess
import threading

from conftest import apply_orders, end_stack, make_stack
from support import log
from support.advertiser import Advertiser
from support.checker import Checker
from support.stack import wait_until
from support.webmaster import Webmaster, lead

LEADS, RATE_PER_S = 1500, 500


def judged(stack):
    return [r.message for records in log.read_topic(stack.kafka, "leads.judged").values() for r in records]


def flush(stack):
    port = stack.exports["PUNNET_REDIS"].rsplit(":", 1)[1].split("/")[0]
    subprocess.run(["redis-cli", "-p", port, "FLUSHALL"], check=True, capture_output=True)


def restart_without_data(stack):
    stack.run("stop", "redis")
    for path in (stack.home / "data" / "redis").rglob("*"):
        if path.is_file():
            path.unlink()
    stack.run("start", "redis")


def run(bin_folder, environment, lose):
    """The persons of the first leads again after the loss, from another browser; returns the verdicts about the second ones."""
    stack, advertiser, failed = make_stack(bin_folder, environment, ("--scale", "filter-worker=2")), Advertiser(), True
    try:
        apply_orders(stack, advertiser)
        webmaster = Webmaster(stack)
        first = [lead(n, seed=61) for n in range(LEADS)]
        flow = threading.Thread(target=webmaster.send_all, args=(first, RATE_PER_S))
        flow.start()
        wait_until(lambda: len(judged(stack)) > LEADS // 2, 30, "leads are judged")
        lose(stack)
        flow.join()
        wait_until(lambda: len(judged(stack)) == LEADS, 60, "the first ones are judged")
        accepted = {m.lead_id for m in judged(stack) if m.verdict == 1}
        again = [{**item, "click_id": f"again{n}", "filled_ms": item["filled_ms"] + 7} for n, item in enumerate(first)]
        webmaster.send_all(again)
        wait_until(lambda: len(judged(stack)) == 2 * LEADS, 60, "the second ones are judged")
        seconds = judged(stack)
        if not environment:
            wait_until(lambda: not Checker(stack.kafka, stack.db).check(webmaster.acknowledged.values(), advertiser), 60,
                       "the checker is green")
        restored = stack.metrics("filter-worker")["punnet_filter_worker_restored_total"]
        failed = False
        return accepted, [m for m in seconds if m.lead_id not in accepted and m.verdict == 1], restored
    finally:
        advertiser.close()
        end_stack(stack, failed)


def test_an_emptied_redis_is_filled_again_from_the_log():
    accepted, twice, _ = run("release", None, flush)
    assert len(accepted) == LEADS and not twice


def test_a_redis_that_lost_its_files_is_filled_again_from_the_log():
    accepted, twice, _ = run("release", None, restart_without_data)
    assert len(accepted) == LEADS and not twice


def test_a_build_that_does_not_restore_is_found():
    accepted, twice, restored = run("dev", {"PUNNET_FAULT": "restore_off"}, flush)
    assert len(accepted) == LEADS and twice and restored == 0
