"""What a service put aside is seen, and an operator ends it: put in again as a new record, once, or given up."""
import json
import subprocess

import pytest
from conftest import apply_orders, end_stack, make_stack
from support import log, messages
from support.advertiser import Advertiser
from support.checker import Checker
from support.ledger import read_ledger
from support.stack import ROOT, wait_until
from support.webmaster import Webmaster, lead

LEADS = 40
PATIENCE_S = 60
LEASE_OVER = "letter_lease_over"  # it is not waited for until a retry that was begun counts as left behind


@pytest.fixture(scope="module")
def network(request):
    stack = make_stack(environment={"PUNNET_AUDITOR_EVERY": "300ms", "PUNNET_AUDITOR_LETTER_ALERT": "1s"}, up=("--scale", "auditor=1"))
    stack.advertiser = Advertiser()
    try:
        apply_orders(stack, stack.advertiser)
        stack.webmaster = Webmaster(stack)
        stack.webmaster.send_all(lead(n, seed=93) for n in range(LEADS))
        all_is_well(stack)
        yield stack
    finally:
        stack.advertiser.close()
        end_stack(stack, request.module.__dict__.get("_failed"))


def all_is_well(stack):
    last = []

    def green():
        checker = Checker(stack.kafka, stack.db)
        last[:] = checker.check(stack.webmaster.acknowledged.values(), stack.advertiser)
        return None if last else checker
    try:
        checker = wait_until(green, PATIENCE_S, "the checker is green")
    except AssertionError as error:
        raise AssertionError(f"{error}\n" + "\n".join(last[:20])) from None
    wait_until(lambda: stack.punnet("audit", check=False).returncode == 0, PATIENCE_S, "the auditor finds nothing")
    return checker


def put(stack, topic, partition, value, type_):
    from confluent_kafka import Producer
    stored = []
    producer = Producer({"bootstrap.servers": stack.kafka, "acks": "all"})
    producer.produce(topic, value=value, key=b"a key", partition=partition, headers=[("message", type_)],
                     on_delivery=lambda e, m: stored.append((e, m.offset())))
    assert producer.flush(30) == 0 and stored[0][0] is None, stored
    return f"{topic}/{partition}@{stored[0][1]}"


def letters(stack, *options):
    lines = stack.punnet("dead-letters", "list", "--json", *options).stdout.splitlines()
    return {row["letter"]: row for row in map(json.loads, lines)}


def test_what_is_put_aside_is_an_alert_until_somebody_gives_it_up(network):
    letter = put(network, "leads.raw", 0, b"\xff no lead at all", b"punnet.v1.RawLead")
    row = wait_until(lambda: letters(network).get(letter), PATIENCE_S, "it is listed")
    assert row["service"] == "filter-worker" and row["state"] == "open"
    wait_until(lambda: network.metrics("auditor").get("punnet_auditor_dead_letters") == 1, PATIENCE_S, "the auditor counts it")
    wait_until(lambda: "dead_letters_open" in network.run("logs", "auditor").stdout, PATIENCE_S, "it is an alert")
    refused = network.punnet("dead-letters", "retry", letter, "--why", "a try", "--who", "anna", check=False)
    assert refused.returncode == 1 and "can't be read" in refused.stderr
    network.punnet("dead-letters", "discard", letter, "--why", "noise of a test", "--who", "anna")
    assert letter not in letters(network) and letters(network, "--all")[letter]["who"] == "anna"
    acts = [r.message for p in log.read_topic(network.kafka, "dead.letters.acts").values() for r in p]
    assert [(a.who, a.why, a.kind) for a in acts] == [("anna", "noise of a test", 3)]
    wait_until(lambda: network.metrics("auditor")["punnet_auditor_dead_letters"] == 0, PATIENCE_S, "the auditor knows")
    all_is_well(network)


def test_a_record_that_is_put_aside_again_is_a_letter_of_its_own(network):
    lead_id = next(key[0] for key in read_ledger(network.db).transfers)
    outcome = messages.outcomes.Outcome(lead_id=lead_id, kind=1, at_ms=1)  # delivered, and it does not say to whom
    outcome.source.topic = "leads.attempts"
    letter = put(network, "leads.outcomes", 0, outcome.SerializeToString(), b"punnet.v1.Outcome")
    wait_until(lambda: letter in letters(network), PATIENCE_S, "payout puts it aside")
    options = (letter, "--why", "payout was mended", "--who", "boris")
    network.punnet("dead-letters", "retry", *options)
    closed = letters(network, "--all")[letter]
    assert closed["state"] == "retried" and closed["who"] == "boris" and closed["sent"] != letter
    again = network.punnet("dead-letters", "retry", *options, check=False)
    assert again.returncode == 1 and "retried" in again.stderr
    wait_until(lambda: set(letters(network)) == {closed["sent"]}, PATIENCE_S, "it is put aside once more, at its new place")
    network.punnet("dead-letters", "discard", closed["sent"], "--why", "payout was not mended", "--who", "boris")
    all_is_well(network)


def test_a_lead_that_is_put_in_again_is_judged_and_not_sold_a_second_time(network):
    record = next(r for partition in log.read_topic(network.kafka, "leads.raw").values() for r in partition if r.type == "punnet.v1.RawLead" and r.value[:1] == b"\x0a")  # and not another test's noise
    letter = put(network, "leads.raw", record.partition, record.value, b"punnet.v1.Outcome")
    wait_until(lambda: letter in letters(network), PATIENCE_S, "it is put aside")
    network.punnet("dead-letters", "retry", letter, "--why", "the header was wrong", "--who", "boris", "--mend-type")
    sent = letters(network, "--all")[letter]["sent"]
    place = (record.partition, int(sent.rsplit("@", 1)[1]))

    def verdict():
        judged = [r.message for p in log.read_topic(network.kafka, "leads.judged").values() for r in p]
        return next((m for m in judged if (m.source.partition, m.source.offset) == place), None)
    message = wait_until(verdict, PATIENCE_S, "its new record is judged")
    assert message.verdict == 2 and message.reasons[0].code == "record_repeated"
    assert not letters(network)
    all_is_well(network)


def put_aside(stack, number):
    """A raw record of a lead that was judged already, under a header that names another type."""
    good = [r for p in log.read_topic(stack.kafka, "leads.raw").values() for r in p if r.type == "punnet.v1.RawLead" and r.value[:1] == b"\x0a"]
    record = good[number]
    letter = put(stack, "leads.raw", record.partition, record.value, b"punnet.v1.Outcome")
    wait_until(lambda: letter in letters(stack), PATIENCE_S, "it is put aside")
    return letter, record.value


def retry_with(stack, letter, fault):
    """The operator's command of a build that has faults."""
    environment = {**stack.environment, **stack.exports, "PUNNET_FAULT": fault}
    return subprocess.run([str(ROOT / "build/dev/bin/punnet"), "dead-letters", "retry", letter, "--why", "again", "--who", "anna", "--mend-type"],
                          env=environment, capture_output=True, text=True, check=False)


def copies(stack, value):
    """Good ones, in the topic."""
    return sum(r.value == value and r.type == "punnet.v1.RawLead" for p in log.read_topic(stack.kafka, "leads.raw").values() for r in p)


@pytest.mark.parametrize("point", ["letter_begun", "letter_stored"])
def test_a_retry_that_is_killed_is_finished_by_the_next_one_and_the_record_stands_once(network, point):
    letter, value = put_aside(network, 3 if point == "letter_begun" else 5)
    before = copies(network, value)
    killed = retry_with(network, letter, f"crash_at:{point}:1")
    assert killed.returncode == -9, killed
    assert letters(network)[letter]["state"] == "being retried", "it is begun, and not done: it stays open"
    assert copies(network, value) == before + (point == "letter_stored")
    too_soon = network.punnet("dead-letters", "retry", letter, "--why", "once more", "--who", "boris", "--mend-type", check=False)
    assert too_soon.returncode == 1 and "anna is at it" in too_soon.stderr
    again = retry_with(network, letter, LEASE_OVER)
    assert again.returncode == 0, again
    assert copies(network, value) == before + 1
    assert letters(network, "--all")[letter]["state"] == "retried" and not letters(network)
    all_is_well(network)


def test_who_did_not_look_would_put_it_in_twice(network):
    """The control: whoever goes on with a killed retry and does not look whether the record stands."""
    letter, value = put_aside(network, 7)
    before = copies(network, value)
    assert retry_with(network, letter, "crash_at:letter_stored:1").returncode == -9
    again = retry_with(network, letter, f"{LEASE_OVER},letter_not_looked_for")
    assert again.returncode == 0, again
    assert copies(network, value) == before + 2
