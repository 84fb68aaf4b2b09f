"""Nothing acknowledged is lost and nothing is sold or paid twice: services killed, engines restarted, zombies, and the
negative controls that show that the checker can go red."""
import random
import re
import threading
import time

import pytest
from conftest import apply_orders, end_stack, make_stack
from support import log
from support.advertiser import Advertiser, mixed
from support.checker import Checker
from support.stack import wait_until
from support.webmaster import Webmaster, lead

LEADS = 20000
RATE_PER_S = 250
KILLS_EACH = 5
SERVICES = ("collector", "filter-worker", "router", "delivery", "payout")
SETTLE_TIMEOUT_S = 180
BROKEN_TIMEOUT_S = 45  # a broken build may never come to rest
STILL_S = 3       # nothing has moved for so long: worth a check
GIVEN_UP_S = 20   # nothing has moved for so long, and the checker is red: it stays red
RETRIES = {"PUNNET_DELIVERY_RETRY_SCHEDULE": "0s,300ms,1s,2s"}


def traffic(count, seed):
    """Mostly good leads; one in ten repeats the phone of an earlier one, and must be rejected."""
    dice = random.Random(seed)
    for number in range(count):
        item = lead(number, seed=seed)
        if number > 100 and dice.random() < 0.1:
            item["phone"] = lead(number - 4 * dice.randrange(1, 25), seed=seed)["phone"]
        yield item


def quiet(stack):
    """The ends of all topics, for noticing that nothing moves any more."""
    consumer = log._consumer(stack.kafka)
    try:
        topics = ("leads.raw", "leads.judged", "market", "leads.routed", "leads.unsold", "leads.attempts", "leads.outcomes")
        return tuple(log.ends(consumer, t, p)[1]
                     for t in topics for p in sorted(consumer.list_topics(t, timeout=30).topics[t].partitions))
    finally:
        consumer.close()


def settle(stack, webmaster, advertiser, timeout_s=SETTLE_TIMEOUT_S):
    """Waits until the checker is green, or until nothing has moved for a while and it is red: then says why."""
    end, last, still_since = time.monotonic() + timeout_s, None, time.monotonic()
    while True:
        now = quiet(stack)
        if now != last:
            last, still_since = now, time.monotonic()
        if time.monotonic() - still_since > STILL_S or time.monotonic() > end:
            checker = Checker(stack.kafka, stack.db)
            if not checker.check(webmaster.acknowledged.values(), advertiser):
                return checker
            if time.monotonic() - still_since > GIVEN_UP_S or time.monotonic() > end:
                return checker
        time.sleep(1)


def run(stack, count, rate, disturb, seed=1, decide=mixed, timeout_s=SETTLE_TIMEOUT_S):
    """Plays traffic while `disturb(stack, done)` does its worst; returns the checker when all is settled, or at timeout_s."""
    advertiser = Advertiser(decide)
    try:
        apply_orders(stack, advertiser)
        webmaster = Webmaster(stack, connections=32)
        done, errors = threading.Event(), []

        def disturbance():
            try:
                disturb(stack, done)
            except BaseException as error:  # noqa: B036  (shown by the test, below)
                errors.append(error)
        thread = threading.Thread(target=disturbance)
        thread.start()
        webmaster.send_all(traffic(count, seed), rate)
        done.set()
        thread.join()
        assert not errors, errors
        assert len(webmaster.acknowledged) + len(webmaster.refused) == count
        assert not webmaster.refused, dict(list(webmaster.refused.items())[:3])
        return settle(stack, webmaster, advertiser, timeout_s)
    finally:
        advertiser.close()


def kill_everything(seed):
    """Every service at least KILLS_EACH times by SIGKILL, Kafka and Redis restarted once each, at random moments."""
    def disturb(stack, done):
        dice = random.Random(seed)
        plan = [(service, "kill") for service in SERVICES for _ in range(KILLS_EACH)] + [("kafka", "restart"), ("redis", "restart")]
        dice.shuffle(plan)
        pause = LEADS / RATE_PER_S / (len(plan) + 2)
        for service, verb in plan:
            time.sleep(pause * dice.uniform(0.5, 1.4))
            name = service if service in ("kafka", "redis") else f"{service}@1"
            before = stack.pid(name)
            stack.run(verb, service)
            wait_until(lambda n=name, b=before: stack.pid(n) not in (None, b), 20, f"{service} runs again")
    return disturb


def test_every_service_is_killed_and_kafka_and_redis_restarted(request):
    stack = make_stack(environment=RETRIES)
    failed = True
    try:
        checker = run(stack, LEADS, RATE_PER_S, kill_everything(7))
        assert not checker.findings, checker.report()
        restarts = {name: row["restarts"] for name, row in stack.status().items()}
        assert all(restarts[f"{s}@1"] >= KILLS_EACH for s in SERVICES) and restarts["kafka"] and restarts["redis"], restarts
        print(checker.report())
        failed = False
    finally:
        end_stack(stack, failed)


def test_second_instances_join_and_frozen_first_ones_come_back_as_zombies():
    def disturb(stack, _done):
        time.sleep(2)
        for service in ("filter-worker", "router", "delivery", "payout"):
            stack.run("scale", f"{service}=2")
        time.sleep(3)
        for service in ("filter-worker", "router", "delivery", "payout"):
            stack.run("pause", f"{service}@1")
        time.sleep(9)  # longer than the session time-out: the frozen ones are out of their groups
        for service in ("filter-worker", "router", "delivery", "payout"):
            stack.run("resume", f"{service}@1")
        time.sleep(2)
    stack = make_stack(environment=RETRIES)
    failed = True
    try:
        checker = run(stack, 5000, 250, disturb, seed=3)
        assert not checker.findings, checker.report()
        print(checker.report())
        failed = False
    finally:
        end_stack(stack, failed)


def kill_often(services, times, pause_s):
    def disturb(stack, done):
        for _ in range(times):
            for service in services:
                if done.is_set():
                    return
                time.sleep(pause_s)
                stack.run("kill", service, check=False)
    return disturb


def kill_while_kafka_stands_still(service, times):
    """What the service has taken and not yet stored is in its memory only; then it dies."""
    def disturb(stack, _done):
        for _ in range(times):
            time.sleep(1)
            stack.run("pause", "kafka")
            time.sleep(0.3)
            stack.run("kill", service)
            stack.run("resume", "kafka")
    return disturb


# What a service has made and not sent yet is lost with it; on a fast machine that is too little to be hit by a kill.
SLOW_TO_SEND = {"PUNNET_COMMON_LINGER": "100ms"}

# fault, how to make it hurt, the word that the checker must find, and settings that make it hurt for sure
CONTROLS = (
    ("ack_before_store", kill_while_kafka_stands_still("collector", 4), "lost: .* acknowledged", {}),
    ("commit_before_ack", kill_often(("delivery",), 10, 0.8), "lost: .* no final attempt", SLOW_TO_SEND),
    ("watermark_off", kill_often(("router", "payout"), 8, 0.5), "double|sold twice|paid twice|two decisions|rounds", {}),
)


CONTROL_TRIES = 3  # on a busy machine a kill may strike when nothing is under way, again and again


def run_broken(fault, disturb, settings):
    stack = make_stack("dev", {"PUNNET_FAULT": fault, **RETRIES, **settings})
    try:
        return run(stack, 4000, 400, disturb, seed=5, timeout_s=BROKEN_TIMEOUT_S)
    finally:
        end_stack(stack, False)


@pytest.mark.parametrize("fault, disturb, expected, settings", CONTROLS, ids=[c[0] for c in CONTROLS])
def test_a_broken_build_is_found(fault, disturb, expected, settings):
    """The negative controls: the same run with a fault switched on must be red, and for the right reason."""
    for _ in range(CONTROL_TRIES):
        checker = run_broken(fault, disturb, settings)
        if checker.findings:
            break
    assert checker.findings, f"{fault}: the checker saw nothing: {checker.report()}"
    assert any(re.search(expected, finding) for finding in checker.findings), checker.report()


@pytest.mark.parametrize("disturb", [c[1] for c in CONTROLS], ids=[c[0] for c in CONTROLS])
def test_the_same_without_the_fault_is_fine(disturb):
    stack = make_stack("dev", RETRIES)
    failed = True
    try:
        checker = run(stack, 4000, 400, disturb, seed=5)
        assert not checker.findings, checker.report()
        failed = False
    finally:
        end_stack(stack, failed)
