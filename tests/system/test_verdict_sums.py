"""What advertisers say of a webmaster's leads comes back to the filters in sums: whose leads are returned again and again carries
that on his next lead, and nobody else does. With the sums switched off nothing of it is seen."""
import json
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import apply_orders, end_stack, make_stack
from support import log
from support.advertiser import Advertiser
from support.checker import Checker
from support.ledger import read_ledger
from support.stack import wait_until
from support.webmaster import Webmaster, lead

VERTICAL, BAD, GOOD = "microloan", "w01", "w02"
BAD_LEADS, GOOD_LEADS = 70, 240  # the filter wants 50 verdicts of the webmaster, and 200 of the others
SPARE = 20  # leads that may be turned away for what they are
TOLD_EVERY_S, TOLD_TIMEOUT_S = 1, 15
TOPIC = "webmasters.verdicts"
EVERY = {"PUNNET_PAYOUT_VERDICT_LINES_EVERY": f"{TOLD_EVERY_S}s"}


def send(stack, who, numbers):
    webmaster = Webmaster(stack)
    webmaster.keys = [stack.keys("webmaster")[who]]
    webmaster.send_all(lead(n, VERTICAL, seed=71) for n in numbers)
    assert not webmaster.refused, webmaster.refused
    return list(webmaster.acknowledged.values())


def say(stack, advertiser, lead_id, verdict):
    (taker, _, _), = advertiser.taken[lead_id]
    host, port = stack.collector
    body = json.dumps({"lead_id": lead_id, "verdict": verdict, "reason_code": "x", "verdict_id": f"v{lead_id}"}).encode()
    request = urllib.request.Request(f"http://{host}:{port}/v1/verdicts", data=body, headers={
        "authorization": f"Bearer {stack.keys('advertiser')[taker]}", "content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 202


def judged(stack, lead_ids):
    """The verdicts about these leads, when all are there."""
    wanted = {bytes.fromhex(i.replace("-", "")) for i in lead_ids}
    found = [r.message for records in log.read_topic(stack.kafka, "leads.judged").values() for r in records
             if r.message.lead_id in wanted]
    return found if len(found) == len(wanted) else None


def told(stack):
    """What the topic says now: {(vertical, webmaster): the newest record}."""
    return {r.key.decode(): r.message for records in log.read_topic(stack.kafka, TOPIC).values() for r in records}


def said_of_all(stack, advertiser):
    """Leads are sold; nearly all of one webmaster's are returned, and few of the other's. What was said, by webmaster."""
    sums = {}
    for who, count, returned_of_ten in ((BAD, BAD_LEADS, 9), (GOOD, GOOD_LEADS, 1)):
        first = 500 * (who == BAD)
        messages = wait_until(lambda i=send(stack, who, range(first, first + count + SPARE)): judged(stack, i), 30, "leads are judged")
        ids = [str(uuid.UUID(bytes=m.lead_id)) for m in messages if m.verdict == 1][:count]
        assert len(ids) == count
        wait_until(lambda i=ids: all(x in advertiser.taken for x in i), 60, f"all leads of {who} are sold")
        verdicts = ["returned" if n % 10 < returned_of_ten else "approved" for n in range(count)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda pair: say(stack, advertiser, *pair), zip(ids, verdicts)))
        sums[who] = verdicts.count("approved"), verdicts.count("returned")
    closed = BAD_LEADS + GOOD_LEADS
    wait_until(lambda: sum(s in (2, 3) for s in read_ledger(stack.db).lives.values()) == closed, 30, "all verdicts are settled")
    return sums


def facts_of(message):
    return {f.name: f.number for f in message.facts if f.name in (
        "source_approved", "source_returned", "peers_approved", "peers_returned")}


def check_that_sums_come_back(stack, advertiser):
    sums = said_of_all(stack, advertiser)

    def all_told():
        lines = told(stack)
        return all(lines.get(f"{VERTICAL}|{w}") and (lines[f"{VERTICAL}|{w}"].approved, lines[f"{VERTICAL}|{w}"].returned)
                   == sums[w] for w in sums)
    wait_until(all_told, TOLD_TIMEOUT_S, "the sums are told")
    wait_until(lambda: stack.metrics("filter-worker").get("punnet_filter_worker_verdict_lines") == 2, 10, "the worker knows them")
    for who, other in ((BAD, GOOD), (GOOD, BAD)):
        ids = send(stack, who, range(1000 + 100 * (who == BAD), 1010 + 100 * (who == BAD)))
        messages = wait_until(lambda i=ids: judged(stack, i), 20, f"the new leads of {who} are judged")
        for message in messages:
            assert facts_of(message) == {"source_approved": sums[who][0], "source_returned": sums[who][1],
                                         "peers_approved": sums[other][0], "peers_returned": sums[other][1]}
            assert ("conversion_outlier" in [r.code for r in message.reasons]) == (who == BAD), message.reasons
    return sums


@pytest.fixture(scope="module")
def place(request):
    stack, advertiser = make_stack(environment=EVERY), Advertiser()
    apply_orders(stack, advertiser)
    yield stack, advertiser
    advertiser.close()
    end_stack(stack, request.module.__dict__.get("_failed"))


def test_a_webmaster_whose_leads_are_returned_is_known_by_it(place):
    stack, advertiser = place
    stack.sums = check_that_sums_come_back(stack, advertiser)


def test_what_did_not_change_is_not_told_again(place):
    stack, _ = place

    def records():
        return sum(len(r) for r in log.read_topic(stack.kafka, TOPIC).values())
    before = records()
    time.sleep(3 * TOLD_EVERY_S)
    stack.run("restart", "payout")
    wait_until(lambda: stack.status()["payout@1"]["ready"], 20, "payout is ready again")
    time.sleep(3 * TOLD_EVERY_S)
    assert records() == before


def test_a_worker_that_starts_anew_reads_the_sums(place):
    stack, _ = place
    stack.run("kill", "filter-worker")
    message, = wait_until(lambda i=send(stack, BAD, [1200]): judged(stack, i), 30, "the new worker judges")
    assert (facts_of(message)["source_approved"], facts_of(message)["source_returned"]) == stack.sums[BAD]


def test_the_checker_finds_nothing_wrong(place):
    stack, advertiser = place
    wait_until(lambda: not Checker(stack.kafka, stack.db).check([], advertiser), 60, "everything is settled and balanced")


def test_an_installation_without_the_topic_goes_on(place):
    """As after an upgrade before `punnet topics apply`."""
    from confluent_kafka.admin import AdminClient
    stack, advertiser = place
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    admin.delete_topics([TOPIC])[TOPIC].result(30)
    for service in ("filter-worker", "payout"):
        began = time.monotonic()
        stack.run("restart", service)
        wait_until(lambda s=service: stack.status()[f"{s}@1"]["ready"], 20, f"{service} is ready again")
        assert time.monotonic() - began < 15
    (lead_id,) = send(stack, BAD, [1300])
    message, = wait_until(lambda: judged(stack, [lead_id]), 20, "a lead is judged")
    assert facts_of(message) == {}
    wait_until(lambda: lead_id in advertiser.taken, 20, "it is sold")
    say(stack, advertiser, lead_id, "approved")
    wait_until(lambda: [s for (i, _), s in read_ledger(stack.db).lives.items() if i == lead_id] == [2], 20, "it is settled")


def test_without_the_sums_nothing_is_known():
    """The negative control: payout leaves the sums out, and the first test must be red for that reason."""
    stack, advertiser = make_stack("dev", {**EVERY, "PUNNET_FAULT": "verdicts_unsummed"}), Advertiser()
    try:
        apply_orders(stack, advertiser)
        with pytest.raises(AssertionError, match="the sums are told: not within"):
            check_that_sums_come_back(stack, advertiser)
        message, = wait_until(lambda i=send(stack, BAD, [1400]): judged(stack, i), 20, "a lead is judged")
        assert facts_of(message) == {} and "conversion_outlier" not in [r.code for r in message.reasons]
    finally:
        advertiser.close()
        end_stack(stack, False)
