"""Redis is a cluster of three: its slots move under the flow, a node dies and comes back, a node is emptied. Nothing is lost,
and a person who was accepted before is a duplicate after."""
import threading
import time

from conftest import apply_orders, end_stack, make_stack
from support import log
from support.advertiser import Advertiser
from support.checker import Checker
from support.redis_cluster import RedisCluster
from support.stack import wait_until
from support.webmaster import Webmaster, lead

LEADS, RATE_PER_S = 3600, 240
DEAD_FOR_S = 2.5


def judged(stack):
    return [r.message for records in log.read_topic(stack.kafka, "leads.judged").values() for r in records]


def keys(cluster, port):
    return int(cluster.ask(port, "DBSIZE"))


def move_slots(cluster):
    """Half of the first node's slots to the second, and as many of the third's to the first; five shards or so each."""
    one, two, three = cluster.ports
    for giver, taker in ((one, two), (three, one)):
        before = keys(cluster, taker)
        cluster.reshard(giver, taker, 2700)
        assert keys(cluster, taker) > before
    cluster.wait_ok()


def kill_and_start(cluster):
    port = cluster.ports[1]
    cluster.kill(port)
    time.sleep(DEAD_FOR_S)
    cluster.start(port)
    cluster.wait_ok()


def empty_one(cluster):
    """The one that holds most of the long claims."""
    fullest = max(cluster.ports, key=lambda port: cluster.ask(port, "--scan", "--pattern", "fw:{*}c*").count("fw:{"))
    assert cluster.ask(fullest, "FLUSHALL") == "OK"


def run(bin_folder, environment, events):
    """The persons of the first leads again after the events, from another browser; returns the verdicts about the second ones."""
    cluster, advertiser = RedisCluster(), Advertiser()
    stack, failed = None, True
    try:
        stack = make_stack(bin_folder, {**environment, "PUNNET_REDIS": cluster.url}, ("--scale", "filter-worker=2"))
        apply_orders(stack, advertiser)
        webmaster = Webmaster(stack)
        first = [lead(n, seed=71) for n in range(LEADS)]
        flow = threading.Thread(target=webmaster.send_all, args=(first, RATE_PER_S))
        flow.start()
        wait_until(lambda: len(webmaster.acknowledged) > LEADS // 12, 30, "leads flow")
        for event in events:
            event(cluster)
        in_flow = flow.is_alive()
        flow.join()
        wait_until(lambda: len(judged(stack)) == LEADS, 60, "the first ones are judged")
        accepted = {m.lead_id for m in judged(stack) if m.verdict == 1}
        again = [{**item, "click_id": f"again{n}", "filled_ms": item["filled_ms"] + 7} for n, item in enumerate(first)]
        webmaster.send_all(again)
        wait_until(lambda: len(judged(stack)) == 2 * LEADS, 60, "the second ones are judged")
        if not environment:
            wait_until(lambda: not Checker(stack.kafka, stack.db).check(webmaster.acknowledged.values(), advertiser), 60,
                       "the checker is green")
        restored = stack.metrics("filter-worker")["punnet_filter_worker_restored_total"]
        failed = False
        return accepted, [m for m in judged(stack) if m.lead_id not in accepted and m.verdict == 1], restored, in_flow
    finally:
        advertiser.close()
        if stack:
            end_stack(stack, failed)
        cluster.close()


def test_slots_move_a_node_dies_and_one_is_emptied():
    accepted, twice, restored, in_flow = run("release", {}, (move_slots, kill_and_start, empty_one))
    assert in_flow, "the events were over before the leads were"
    assert len(accepted) == LEADS and not twice and restored > 0


def test_a_build_that_does_not_restore_is_found():
    accepted, twice, restored, _ = run("dev", {"PUNNET_FAULT": "restore_off"}, (empty_one,))
    assert len(accepted) == LEADS and twice and restored == 0
