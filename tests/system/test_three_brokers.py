"""Three brokers: one is killed and another restarted under load, after it has caught up or at the same time; nothing that was
acknowledged is lost, and what a producer's retry stored twice is sold once. A third that is gone, or frozen, holds nobody up."""
import concurrent.futures
import subprocess
import threading

import pytest
from conftest import apply_orders, end_stack, make_stack
from support.advertiser import Advertiser
from support.checker import Checker
from support.stack import STACK, wait_until
from support.webmaster import Webmaster, lead
from support.workers import events

LEADS, RATE_PER_S = 3000, 100


def replicas(stack, topic):
    from confluent_kafka.admin import AdminClient
    metadata = AdminClient({"bootstrap.servers": stack.kafka}).list_topics(topic, timeout=30).topics[topic]
    return [(len(p.replicas), len(p.isrs)) for p in metadata.partitions.values()]


def leader(stack, topic):
    from confluent_kafka.admin import AdminClient
    return AdminClient({"bootstrap.servers": stack.kafka}).list_topics(topic, timeout=30).topics[topic].partitions[0].leader


@pytest.mark.parametrize("at_once", [False, True], ids=["one_at_a_time", "two_at_once"])
def test_a_broker_is_killed_and_another_restarted_and_nothing_acknowledged_is_lost(at_once):
    stack, advertiser, failed = make_stack(up=("--brokers", "3")), Advertiser(), True
    try:
        assert all(count == 3 for count, _ in replicas(stack, "leads.raw"))
        apply_orders(stack, advertiser)
        webmaster = Webmaster(stack)
        traffic = threading.Thread(target=webmaster.send_all, args=([lead(n, seed=61) for n in range(LEADS)], RATE_PER_S))
        traffic.start()
        wait_until(lambda: len(webmaster.acknowledged) >= LEADS // 5, 60, "leads flow")
        killed = stack.pid("kafka@2")
        stack.run("kill", "kafka@2")
        if not at_once:
            wait_until(lambda: stack.pid("kafka@2") not in (None, killed), 20, "the killed one runs again")
            wait_until(lambda: all(in_sync == 3 for _, in_sync in replicas(stack, "leads.raw")), 60, "it has caught up")
        stack.run("restart", "kafka@3")
        traffic.join()
        assert len(webmaster.acknowledged) == LEADS and not webmaster.refused
        wait_until(lambda: all(in_sync == 3 for _, in_sync in replicas(stack, "leads.raw")), 60, "all replicas are in sync again")
        last = []

        def green():
            checker = Checker(stack.kafka, stack.db)
            last[:] = checker.check(webmaster.acknowledged.values(), advertiser)
            return None if last else checker
        try:
            print(wait_until(green, 90, "the checker is green").report())
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(last[:20])) from None
        failed = False
    finally:
        advertiser.close()
        end_stack(stack, failed)


def test_who_leads_the_directory_is_gone_for_good_and_every_lead_is_handed_over():
    """A service asks the directory's leader how far it goes, again and again. One that is gone must not keep it waiting."""
    stack, advertiser, failed = make_stack(up=("--brokers", "3")), Advertiser(), True
    try:
        apply_orders(stack, advertiser)
        webmaster = Webmaster(stack)
        traffic = threading.Thread(target=webmaster.send_all, args=([lead(n, seed=63) for n in range(LEADS // 5)], RATE_PER_S))
        traffic.start()
        wait_until(lambda: len(advertiser.taken) >= LEADS // 15, 60, "leads are handed over")
        stack.run("lose", f"kafka@{leader(stack, 'directory')}")
        traffic.join()
        assert len(webmaster.acknowledged) == LEADS // 5 and not webmaster.refused
        wait_until(lambda: len(advertiser.taken) == LEADS // 5, 60, "every lead is handed over")
        failed = False
    finally:
        advertiser.close()
        end_stack(stack, failed)


def group_of(stack, name):
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient
    admin = AdminClient({"bootstrap.servers": stack.kafka})  # held: with it goes the answer
    try:
        return admin.describe_consumer_groups([name], request_timeout=5)[name].result(timeout=10)
    except (KafkaException, concurrent.futures.TimeoutError):
        return None


def in_state(stack, name, state, members=0):
    found = group_of(stack, name)
    return found if found and found.state.name == state and len(found.members) >= members else None


def test_a_group_whose_coordinator_freezes_while_it_is_joining_goes_on():
    """A join waits for five minutes, and a coordinator that is frozen closes no connection."""
    stack, failed, scale = make_stack(up=("--brokers", "3", "--scale", "delivery=2")), True, None
    frozen = []
    try:
        coordinator = wait_until(lambda: in_state(stack, "delivery", "STABLE", 2), 60, "the group is made up").coordinator.id

        def taken():
            return sum(event["event"] == "partition_taken" for n in (1, 3) for event in events(stack, f"delivery@{n}"))
        before = taken()
        frozen += ["delivery@2", f"kafka@{coordinator}"]
        stack.run("pause", frozen[0])  # whom the others wait for
        scale = subprocess.Popen([str(STACK), "scale", "delivery=3"], env=stack.environment, stdout=subprocess.DEVNULL)
        wait_until(lambda: in_state(stack, "delivery", "PREPARING_REBALANCING"), 30, "the group is joining")
        stack.run("pause", frozen[1])
        wait_until(lambda: taken() > before, 40, "the partitions are given out")
        failed = False
    finally:
        for name in frozen:
            stack.run("resume", name, check=False)
        if scale:
            scale.wait(timeout=60)
        end_stack(stack, failed)
