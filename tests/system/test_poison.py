"""A record that can't be read is set aside with all that it was; its partition goes on, and nothing else is harmed."""
import os
import time

import pytest
from conftest import apply_orders
from support import log
from support.checker import Checker
from support.stack import wait_until
from support.webmaster import Webmaster, lead

# topic, the type that its header names, who sets the record aside
PLACES = [
    ("leads.raw", "punnet.v1.RawLead", "filter-worker"),
    ("leads.judged", "punnet.v1.JudgedLead", "router"),
    ("market", "punnet.v1.MarketEvent", "router"),
    ("leads.routed", "punnet.v1.RoutedLead", "delivery"),
    ("leads.outcomes", "punnet.v1.Outcome", "payout"),
]
POISONS = {
    "noise": b"\xff\xfe\xfd not protobuf \x00\x01",
    "empty": b"",
    "cut": b"\x0a\x10\x01\x9a",
    "another_message": b"\x08\x96\x01",
}
SERVICES = ("collector", "filter-worker", "router", "delivery", "payout")


def put(stack, topic, partition, value, key=b"poison-key", type_=b""):
    """One record by a client that is not ours; returns its offset."""
    from confluent_kafka import Producer
    stored = []
    producer = Producer({"bootstrap.servers": stack.kafka, "acks": "all"})
    producer.produce(topic, value=value, key=key, partition=partition, headers=[("message", type_)],
                     on_delivery=lambda error, message: stored.append((error, message.offset())))
    assert producer.flush(30) == 0
    (error, offset), = stored
    assert error is None, error
    return offset


def dead_letters(stack):
    """{(topic, partition, offset): [DeadLetter]}"""
    found = {}
    for records in log.read_topic(stack.kafka, "dead.letters").values():
        for record in records:
            source = record.message.source
            found.setdefault((source.topic, source.partition, source.offset), []).append(record.message)
    return found


@pytest.fixture(scope="module")
def market(stack, advertiser):
    apply_orders(stack, advertiser)
    stack.webmaster = Webmaster(stack)
    stack.numbers = iter(range(0, 1 << 30, 40))
    stack.pids = {name: row["pid"] for name, row in stack.status().items()}
    return stack


def play(market, count=40):
    """Leads that end in every partition of every topic."""
    first = next(market.numbers)
    market.webmaster.send_all(lead(n, seed=31) for n in range(first, first + count))
    assert not market.webmaster.refused


def all_is_well(market, advertiser, timeout_s=60):
    last = []

    def green():
        checker = Checker(market.kafka, market.db)
        last[:] = checker.check(market.webmaster.acknowledged.values(), advertiser)
        return checker if not last else None
    try:
        return wait_until(green, timeout_s, "the checker is green")
    except AssertionError as error:
        raise AssertionError(f"{error}\n" + "\n".join(last[:20])) from None


@pytest.mark.parametrize("topic, type_, service", PLACES, ids=[p[0] for p in PLACES])
def test_poison_goes_to_dead_letters_whole_and_its_partition_goes_on(market, advertiser, topic, type_, service):
    play(market)
    placed = {}
    for partition in log.partitions(market.kafka, topic):
        for name, value in POISONS.items():
            placed[(topic, partition, put(market, topic, partition, value, type_=type_.encode()))] = value
    play(market)
    wait_until(lambda: set(placed) <= set(dead_letters(market)), 30, f"{len(placed)} poisoned records of {topic} are set aside")
    letters = dead_letters(market)
    for place, value in placed.items():
        letter = letters[place][0]
        assert bytes(letter.original) == value and bytes(letter.original_key) == b"poison-key"
        assert letter.original_type == type_ and letter.service == service
        assert letter.reason_code and letter.reason and abs(letter.at_ms / 1000 - time.time()) < 120
    all_is_well(market, advertiser)


def test_a_type_that_is_no_text_does_no_harm(market, advertiser):
    place = ("leads.raw", 0, put(market, "leads.raw", 0, b"\xff", key=b"\xff\x00" * 2000, type_=b"\xff\xfe"))
    letter = wait_until(lambda: dead_letters(market).get(place), 30, "it is set aside")[0]
    assert bytes(letter.original) == b"\xff" and bytes(letter.original_key).startswith(b"\xff\x00")


def test_a_large_poisoned_record_is_set_aside_too(market, advertiser):
    noise = b"\xff" + os.urandom(990_000)
    places = [(topic, 0, put(market, topic, 0, noise, type_=type_.encode())) for topic, type_, _ in PLACES]
    wait_until(lambda: set(places) <= set(dead_letters(market)), 30, "they are set aside")
    for place in places:
        original = bytes(dead_letters(market)[place][0].original)
        assert len(original) >= 500_000 and noise.startswith(original)
    play(market)
    all_is_well(market, advertiser)


def test_a_worker_begins_behind_verdicts_that_have_garbage_at_their_end(market, advertiser):
    """Poison behind the last verdict of every partition, and then a worker that has to learn where to begin."""
    play(market)
    for partition in log.partitions(market.kafka, "leads.judged"):
        put(market, "leads.judged", partition, POISONS["noise"], type_=b"punnet.v1.JudgedLead")
    market.run("restart", "filter-worker")
    market.pids["filter-worker@1"] = market.status()["filter-worker@1"]["pid"]
    play(market)
    all_is_well(market, advertiser)
    assert market.status()["filter-worker@1"]["pid"] == market.pids["filter-worker@1"], "it ended over it"


def test_an_entry_of_the_directory_that_cant_be_read_is_passed_over(market, advertiser):
    for value in POISONS.values():
        put(market, "directory", 0, value, key=b"webmaster/nobody", type_=b"punnet.v1.DirectoryEntry")
    parties = market.home / "late.yaml"
    parties.write_text("webmasters:\n  - {id: late, name: Late, default_country: RU}\n")
    market.punnet("directory", "apply", str(parties), "--keys-file", market.exports["PUNNET_KEYS_FILE"])
    market.webmaster.keys = [market.keys("webmaster")["late"]]
    play(market)  # the entry behind the poisoned ones is known
    for service in SERVICES:
        assert market.metrics(service)["punnet_process_directory_skipped_total"] >= 1, service
    all_is_well(market, advertiser)


def test_nobody_died_of_it_and_all_start_again_over_it(market, advertiser):
    rows = market.status()
    assert {name: row["pid"] for name, row in rows.items()} == market.pids
    restarted = {name: row["restarts"] for name, row in rows.items() if row["restarts"]}
    assert restarted == {"filter-worker@1": 1}, restarted  # by its own test
    for service in SERVICES:
        market.run("restart", service)
    wait_until(lambda: all(row["ready"] for row in market.status().values()), 30, "all are ready again")
    play(market)
    all_is_well(market, advertiser)
    assert all(row["restarts"] == 1 + (name == "filter-worker@1") and row["last_status"] == 0 for name, row in market.status().items()
               if name not in ("kafka", "redis"))
