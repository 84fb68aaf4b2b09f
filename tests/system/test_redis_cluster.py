"""Redis is a cluster of three: its slots move under the flow, a node dies and comes back, a node is emptied, a replica takes over
without its master's last writes. Nothing is lost, and a person who was accepted before is a duplicate after."""
import time

from conftest import apply_orders, end_stack, make_stack
import pytest
from support.advertiser import Advertiser
from support.redis_cluster import RedisCluster
from support.twice import Twice

pytestmark = pytest.mark.alone

LEADS, FEW, RATE_PER_S = 3600, 1500, 240
DEAD_FOR_S = 2.5
LACKING_BYTES = 100_000  # what some hundred leads write to a node


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


def fullest(cluster):
    """The one that holds most of the long claims."""
    return max(cluster.ports, key=lambda port: cluster.ask(port, "--scan", "--pattern", "fw:{*}c*").count("fw:{"))


def empty_one(cluster):
    assert cluster.ask(fullest(cluster), "FLUSHALL") == "OK"


def fail_one_over(cluster):
    master = fullest(cluster)
    replica = cluster.add_replica(master)
    assert cluster.fail_over(master, replica, LACKING_BYTES) >= LACKING_BYTES


def run(bin_folder, environment, events, leads=LEADS):
    cluster, advertiser = RedisCluster(), Advertiser()
    stack, failed = None, True

    def lose():
        for event in events:
            event(cluster)
    try:
        stack = make_stack(bin_folder, {**environment, "PUNNET_REDIS": cluster.url}, ("--scale", "filter-worker=2"))
        apply_orders(stack, advertiser)
        seen = Twice(stack, advertiser, leads, 71, RATE_PER_S, leads // 12, lose, check=not environment)
        failed = False
        return seen
    finally:
        advertiser.close()
        if stack:
            end_stack(stack, failed)
        cluster.close()


def test_slots_move_a_node_dies_and_one_is_emptied():
    seen = run("release", {}, (move_slots, kill_and_start, empty_one))
    assert seen.in_flow, "the events were over before the leads were"
    assert len(seen.accepted) == seen.count and not seen.twice and seen.restored > 0


def test_a_replica_takes_over_without_its_masters_last_writes():
    seen = run("release", {}, (fail_one_over,), FEW)
    assert seen.in_flow, "the events were over before the leads were"
    assert len(seen.accepted) == seen.count and not seen.twice and seen.restored > 0


@pytest.mark.parametrize("event", (empty_one, fail_one_over))
def test_a_build_that_does_not_restore_is_found(event):
    seen = run("dev", {"PUNNET_FAULT": "restore_off"}, (event,), FEW)
    assert seen.twice and seen.restored == 0
