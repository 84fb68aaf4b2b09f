"""A lead that the log holds twice, as a producer's retry can leave it, is judged twice, accepted once, sold once, paid once."""
import time

from conftest import apply_orders, end_stack, make_stack
from support import log
from support.advertiser import Advertiser
from support.checker import Checker
from support.stack import wait_until
from support.webmaster import Webmaster, lead

LEADS = 300


def store_again(stack):
    """Every record of leads.raw once more, behind the first ones, by a client that is not ours. Returns how many."""
    from confluent_kafka import Producer
    producer, failed, count = Producer({"bootstrap.servers": stack.kafka, "acks": "all"}), [], 0
    for partition, records in log.read_topic(stack.kafka, "leads.raw").items():
        for record in records:
            producer.produce("leads.raw", value=record.value, key=record.key, partition=partition,
                             headers=[("message", record.type.encode())], on_delivery=lambda error, _: error and failed.append(error))
            count += 1
    assert producer.flush(30) == 0 and not failed, failed
    return count


def judged_all(stack, raw_count):
    return sum(len(r) for r in log.read_topic(stack.kafka, "leads.judged").values()) >= raw_count


def run(bin_folder, environment):
    """Returns the checker after all records were stored a second time, with the services restarted in between."""
    stack, advertiser, failed = make_stack(bin_folder, environment), Advertiser(), True
    try:
        apply_orders(stack, advertiser)
        webmaster = Webmaster(stack)
        webmaster.send_all(lead(n, seed=71) for n in range(LEADS))
        wait_until(lambda: judged_all(stack, LEADS), 30, "all are judged")
        stack.run("restart", "filter-worker")  # what it knows of the first records is in Redis and in the log
        assert store_again(stack) == LEADS
        wait_until(lambda: judged_all(stack, 2 * LEADS), 30, "their second records are judged")
        deadline = time.monotonic() + (30 if bin_folder == "release" else 10)
        while True:
            checker = Checker(stack.kafka, stack.db)
            checker.check(webmaster.acknowledged.values(), advertiser)
            if not checker.findings or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        assert checker.counts["stored twice"] == LEADS
        checker.audit = stack.punnet("audit", check=False)
        failed = False
        return checker
    finally:
        advertiser.close()
        end_stack(stack, failed)


def test_a_lead_that_is_stored_twice_is_sold_once():
    checker = run("release", None)
    assert not checker.findings, checker.report()
    assert checker.counts["accepted"] == LEADS and checker.counts["delivered"] > 0
    repeated = [m for m in checker.verdicts.values() if m.verdict == 2]
    assert len(repeated) == LEADS and all(m.reasons[0].code == "record_repeated" for m in repeated)
    assert checker.audit.returncode == 0, checker.audit.stdout


def test_a_build_that_tells_records_not_apart_is_found():
    checker = run("dev", {"PUNNET_FAULT": "records_alike"})
    assert any("was accepted 2 times" in finding for finding in checker.findings), checker.report()
    assert checker.audit.returncode != 0, checker.audit.stdout
