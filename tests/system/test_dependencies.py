"""The death of each thing that the services lean on: what waits, what is refused, and that nothing is lost."""
import json
import re
import socket
import sqlite3
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import apply_orders, end_stack, make_stack
from support import log
from support.advertiser import Advertiser
from support.checker import Checker
from support.ledger import read_ledger
from support.postgres import Postgres, needs_postgres
from support.stack import wait_until
from support.webmaster import Webmaster, lead
from support.wire import Wire, assert_problem, request

ACK_TIMEOUT_S = 2
MAX_UNACKED = 200
DB_TIMEOUT_S = 1
QUICK = {
    "PUNNET_COLLECTOR_ACK_TIMEOUT": f"{ACK_TIMEOUT_S}s",
    "PUNNET_COLLECTOR_MAX_UNACKED": str(MAX_UNACKED),
    "PUNNET_PAYOUT_DB_TIMEOUT": f"{DB_TIMEOUT_S}s",
    "PUNNET_DELIVERY_RETRY_SCHEDULE": "0s,300ms,1s",
}
numbers = iter(range(1, 1 << 30))


@pytest.fixture(scope="module")
def stack(request):
    stack = make_stack(environment=QUICK)
    yield stack
    end_stack(stack, request.module.__dict__.get("_failed"))


@pytest.fixture(scope="module")
def market(stack, advertiser):
    apply_orders(stack, advertiser)
    stack.webmaster = Webmaster(stack)
    return stack


def leads(count, vertical=None):
    return [lead(next(numbers), vertical, seed=41) for _ in range(count)]


def records(stack, topic):
    return [r for partition in log.read_topic(stack.kafka, topic).values() for r in partition]


def pids(stack):
    return {name: row["pid"] for name, row in stack.status().items()}


def all_is_well(stack, advertiser, webmaster, timeout_s=60):
    last = []

    def green():
        checker = Checker(stack.kafka, stack.db)
        last[:] = checker.check(webmaster.acknowledged.values(), advertiser)
        return None if last else checker
    try:
        return wait_until(green, timeout_s, "the checker is green")
    except AssertionError as error:
        raise AssertionError(f"{error}\n" + "\n".join(last[:20])) from None


def post(stack, body, timeout_s=15):
    key = stack.keys("webmaster")["w01"]
    with Wire(stack.collector, timeout_s) as wire:
        began = time.monotonic()
        wire.send(request(body=body, key=key))
        return wire.answer(), time.monotonic() - began


def test_redis_is_dead_leads_are_taken_workers_wait_and_nothing_is_lost(market, advertiser):
    market.webmaster.send_all(leads(40))
    all_is_well(market, advertiser, market.webmaster)
    before, judged = pids(market), len(records(market, "leads.judged"))
    market.run("stop", "redis")
    try:
        batch = leads(100)
        market.webmaster.send_all(batch)
        assert len(market.webmaster.acknowledged) == len(records(market, "leads.raw"))
        wait_until(lambda: market.metrics("filter-worker")["punnet_filter_worker_kv_away"] == 1, 10, "the worker knows")
        assert market.metrics("collector")["punnet_collector_idempotency_away_total"] >= 1
        assert len(records(market, "leads.judged")) == judged, "judged from missing state"
    finally:
        market.run("start", "redis")
    wait_until(lambda: len(records(market, "leads.judged")) == judged + len(batch), 30, "all are judged")
    all_is_well(market, advertiser, market.webmaster)
    after = pids(market)
    assert {k: v for k, v in after.items() if k != "redis"} == {k: v for k, v in before.items() if k != "redis"}


def test_redis_is_dead_and_no_lead_comes_the_worker_says_so_all_the_same(market):
    def is_away():
        return market.metrics("filter-worker")["punnet_filter_worker_kv_away"] == 1
    market.run("stop", "redis")
    try:
        wait_until(is_away, 10, "the worker knows")
    finally:
        market.run("start", "redis")
    wait_until(lambda: not is_away(), 10, "the worker knows that it is back")


def test_kafka_is_frozen_the_answer_is_503_in_time_and_the_service_lives_on(market, advertiser):
    before = pids(market)
    market.run("pause", "kafka")
    try:
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda item: post(market, item), leads(20)))
        for answer, took_s in answers:
            assert_problem(answer, 503, "not_acknowledged")
            assert took_s < ACK_TIMEOUT_S + 1.5
    finally:
        market.run("resume", "kafka")
    wait_until(lambda: post(market, leads(1)[0])[0].status == 202, 20, "leads are taken again")
    market.webmaster.send_all(leads(40))
    all_is_well(market, advertiser, market.webmaster)
    assert pids(market) == before, "somebody ended over a pause that is shorter than the watchdog"


def test_more_than_may_be_under_way_is_refused_at_once(market, advertiser):
    key, many = market.keys("webmaster")["w01"], MAX_UNACKED + 100
    wait_until(lambda: market.metrics("collector")["punnet_collector_records_unacked"] == 0, 20, "nothing is under way")
    market.run("pause", "kafka")
    wires = [Wire(market.collector) for _ in range(many)]
    try:
        began = time.monotonic()
        for wire, item in zip(wires, leads(many)):
            wire.send(request(body=item, key=key))
        refused = [wire.answer() for wire in wires[MAX_UNACKED:]]
        took_s = time.monotonic() - began
        for answer in refused:
            assert_problem(answer, 503, "busy")
        assert took_s < ACK_TIMEOUT_S, f"the refusal took {took_s:.1f} s: it waited"
        for wire in wires[:MAX_UNACKED]:
            assert_problem(wire.answer(), 503, "not_acknowledged")
    finally:
        market.run("resume", "kafka")
        for wire in wires:
            wire.close()
    wait_until(lambda: post(market, leads(1)[0])[0].status == 202, 20, "leads are taken again")
    all_is_well(market, advertiser, market.webmaster)


def test_batches_leave_room_for_single_leads(market, advertiser):
    key, singles = market.keys("webmaster")["w01"], MAX_UNACKED // 4
    unacked = lambda: market.metrics("collector")["punnet_collector_records_unacked"]  # noqa: E731
    wait_until(lambda: unacked() == 0, 20, "nothing is under way")
    market.run("pause", "kafka")
    batches, wires = [Wire(market.collector) for _ in range(3)], [Wire(market.collector) for _ in range(singles + 1)]
    try:
        for wire in batches:
            body = "".join(json.dumps(item) + "\n" for item in leads(MAX_UNACKED)).encode()
            wire.send(request(path="/v1/leads/batch", body=body, key=key, content_type="application/x-ndjson"))
        wait_until(lambda: unacked() == MAX_UNACKED - singles, 10, "batches took what is theirs")
        for wire, item in zip(wires, leads(singles + 1)):
            wire.send(request(body=item, key=key))
        assert_problem(wires[-1].answer(), 503, "busy")
        for wire in wires[:-1]:
            assert_problem(wire.answer(), 503, "not_acknowledged")
        for wire in batches:
            lines = wire.answer().body.decode().splitlines()
            assert len(lines) == MAX_UNACKED and all(json.loads(line)["status"] == 503 for line in lines)
    finally:
        market.run("resume", "kafka")
        for wire in batches + wires:
            wire.close()
    wait_until(lambda: post(market, leads(1)[0])[0].status == 202, 20, "leads are taken again")
    all_is_well(market, advertiser, market.webmaster)


def test_kafka_is_killed_in_the_middle_of_traffic(market, advertiser):
    batch, before = leads(600), pids(market)
    goal = len(market.webmaster.acknowledged) + 200
    traffic = threading.Thread(target=market.webmaster.send_all, args=(batch, 100))
    traffic.start()
    wait_until(lambda: len(market.webmaster.acknowledged) >= goal, 30, "traffic flows")
    market.run("kill", "kafka")
    wait_until(lambda: pids(market)["kafka"] not in (None, before["kafka"]), 20, "Kafka runs again")
    traffic.join()
    assert not market.webmaster.refused and len(market.webmaster.acknowledged) >= goal + 400
    all_is_well(market, advertiser, market.webmaster, 90)
    assert pids(market)["collector@1"] == before["collector@1"]


def test_the_ledger_is_locked_payout_waits_and_goes_on(market, advertiser):
    before, credits = pids(market), len(read_ledger(market.db).transfers)
    lock = sqlite3.connect(market.db.removeprefix("sqlite:"), isolation_level=None, timeout=30)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        batch = leads(20)
        market.webmaster.send_all(batch)
        ids = {market.webmaster.acknowledged[f"k-{item['click_id']}"] for item in batch}
        wait_until(lambda: ids <= set(advertiser.taken), 30, "the leads are delivered")
        wait_until(lambda: market.metrics("payout")["punnet_payout_ledger_away"] == 1, 10 * DB_TIMEOUT_S, "payout says that it waits")
        assert len(read_ledger(market.db).transfers) == credits
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    wait_until(lambda: len(read_ledger(market.db).transfers) >= credits + len(batch), 30, "payout goes on")
    all_is_well(market, advertiser, market.webmaster)
    assert market.metrics("payout")["punnet_payout_ledger_away"] == 0 and pids(market) == before


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_advertiser_that_is_down_is_tried_again_then_the_next_order_gets_the_lead(market, advertiser):
    orders = (Path(market.home) / "orders.yaml").read_text()
    item = leads(1, "osago")[0]
    market.webmaster.send_all([item])
    first = wait_until(lambda: advertiser.taken.get(market.webmaster.acknowledged[f"k-{item['click_id']}"]), 20, "one is sold")
    (best, _, _), = first
    down = Path(market.home) / "down.yaml"
    down.write_text(re.sub(rf"{re.escape(advertiser.url)}/{best}\b", f"http://127.0.0.1:{closed_port()}/{best}", orders))
    market.punnet("order", "apply", str(down))
    try:
        batch = leads(3, "osago")
        market.webmaster.send_all(batch)
        ids = [market.webmaster.acknowledged[f"k-{b['click_id']}"] for b in batch]
        wait_until(lambda: all(i in advertiser.taken for i in ids), 40, "the next order takes them")
    finally:
        market.punnet("order", "apply", str(Path(market.home) / "orders.yaml"))
    assert all(who != best for i in ids for who, _, _ in advertiser.taken[i])
    tries = {}
    for record in records(market, "leads.attempts"):
        message = record.message
        if message.assignment.advertiser_id == best and message.assignment.round == 0 and message.lead_id:
            tries.setdefault(str(uuid.UUID(bytes=message.lead_id)), set()).add(message.attempt)
    for lead_id in ids:
        assert tries[lead_id] == {1, 2, 3, 4}, tries.get(lead_id)
    all_is_well(market, advertiser, market.webmaster)


# --- PostgreSQL as the ledger ---
@needs_postgres
def test_postgresql_keeps_the_ledger_and_is_restarted_in_the_middle():
    postgres, advertiser, failed = Postgres(), Advertiser(), True
    try:
        stack = make_stack(environment={**QUICK, "PUNNET_DB": postgres.url})
        try:
            apply_orders(stack, advertiser)
            webmaster = Webmaster(stack)
            assert stack.db == postgres.url
            traffic = threading.Thread(target=webmaster.send_all, args=(leads(600), 100))
            traffic.start()
            wait_until(lambda: len(read_ledger(stack.db).transfers) > 100, 60, "credits are booked")
            postgres.control("restart", "-m", "immediate")
            traffic.join()
            assert len(webmaster.acknowledged) == 600
            checker = all_is_well(stack, advertiser, webmaster, 90)
            assert checker.counts["credits"] >= 500 and not Path(stack.home, "data/ledger.db").exists()
            failed = False
        finally:
            end_stack(stack, failed)
    finally:
        advertiser.close()
        postgres.close()
