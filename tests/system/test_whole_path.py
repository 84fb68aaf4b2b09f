"""One lead from a web form to the webmaster's account, step by step, through the front door."""
import json
import time
import urllib.error
import urllib.request

import pytest
from conftest import apply_orders
from support import log
from support.checker import Checker
from support.ledger import read_ledger
from support.stack import wait_until
from support.webmaster import Webmaster, lead


def post(stack, path, body, key, content_type="application/json", **headers):
    host, port = stack.collector
    request = urllib.request.Request(
        f"http://{host}:{port}{path}", data=body if isinstance(body, bytes) else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": content_type,
                 **{k.replace("_", "-"): v for k, v in headers.items()}})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


@pytest.fixture(scope="module")
def market(stack, advertiser):
    apply_orders(stack, advertiser)
    return stack


def credited(stack, lead_id):
    return [t for t in read_ledger(stack.db).transfers.values() if t.lead_id == lead_id and t.event == "delivered"]


def test_a_lead_is_received_judged_sold_delivered_and_credited(market, advertiser):
    key = market.keys("webmaster")["w01"]
    status, _, body = post(market, "/v1/leads", lead(1, "credit_card"), key)
    assert status == 202, body
    answer = json.loads(body)
    assert answer["outcome"] == "received" and len(answer["lead_id"]) == 36
    wait_until(lambda: answer["lead_id"] in advertiser.taken, 15, "the advertiser gets the lead")
    transfer, = wait_until(lambda: credited(market, answer["lead_id"]), 15, "the webmaster is credited")
    assert sum(amount for _, amount, _ in transfer.entries) == 0
    assert {account.split(":")[0] for account, _, _ in transfer.entries} == {"advertisers", "webmasters", "network"}


def test_a_form_is_taken_as_json_is(market, advertiser):
    key = market.keys("webmaster")["w01"]
    body = "vertical=osago&phone=8+(926)+555-44-33&name=%D0%98%D0%B2%D0%B0%D0%BD&country=RU&power_hp=90".encode()
    status, _, text = post(market, "/v1/leads", body, key, "application/x-www-form-urlencoded")
    assert status == 202, text
    lead_id = json.loads(text)["lead_id"]
    wait_until(lambda: lead_id in advertiser.taken, 15, "the advertiser gets the form's lead")
    (_, _, delivery), = advertiser.taken[lead_id]
    contact = json.loads(advertiser.bodies[delivery][1])["contact"]
    assert contact["phone"] == "+79265554433"


def test_a_webhook_is_signed_after_the_standard_and_carries_its_key(market, advertiser):
    import base64
    import hashlib
    import hmac
    secrets = market.secrets()
    key, (headers, body) = next((k, v) for k, v in advertiser.bodies.items() if advertiser.answers.get(k))
    taker = next(who for takers in advertiser.taken.values() for who, _, k in takers if k == key)
    secret = base64.b64decode(secrets[("advertiser", taker)].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert expected in headers["webhook-signature"].split(" ")
    assert headers["idempotency-key"] == headers["webhook-id"] == key


def test_the_same_idempotency_key_gives_the_first_answer_again(market):
    key = market.keys("webmaster")["w02"]
    first = post(market, "/v1/leads", lead(20), key, idempotency_key="same")
    again = post(market, "/v1/leads", lead(20), key, idempotency_key="same")
    other = post(market, "/v1/leads", lead(21), key, idempotency_key="same")
    assert first[0] == again[0] == 202 and first[2] == again[2]
    assert again[1].get("Idempotency-Replayed", again[1].get("idempotency-replayed")) == "true"
    assert other[0] == 422 and json.loads(other[2])["status"] == 422


def test_a_batch_answers_line_by_line(market):
    key = market.keys("webmaster")["w03"]
    lines = [json.dumps(lead(30)), "{not json", json.dumps({"vertical": "osago"}), json.dumps(lead(31))]
    status, _, body = post(market, "/v1/leads/batch", "\n".join(lines).encode(), key, "application/x-ndjson")
    results = [json.loads(line) for line in body.splitlines()]
    assert status == 200 and len(results) == 4
    assert results[0]["outcome"] == results[3]["outcome"] == "received"
    assert results[1]["status"] == results[2]["status"] == 400


def test_a_duplicate_is_rejected_with_a_reason_that_names_the_first(market, advertiser):
    key = market.keys("webmaster")["w04"]
    first = json.loads(post(market, "/v1/leads", lead(40, "courses"), key)[2])["lead_id"]
    second = json.loads(post(market, "/v1/leads", lead(40, "courses", sub1="other", email="else@example.ru"), key)[2])["lead_id"]

    def verdict(lead_id):
        for records in log.read_topic(market.kafka, "leads.judged").values():
            for record in records:
                message = record.message
                if str(__import__("uuid").UUID(bytes=message.lead_id)) == lead_id:
                    return message
        return None
    judged = wait_until(lambda: verdict(second), 15, "the second is judged")
    assert verdict(first).verdict == 1 and judged.verdict == 2
    assert [r.code for r in judged.reasons] == ["phone_duplicate", "in_flight_duplicate"]
    assert str(__import__("uuid").UUID(bytes=judged.reasons[0].about_lead_id)) == first


def test_an_approval_moves_the_credit_and_a_return_reverses_it(market, advertiser):
    key = market.keys("webmaster")["w05"]
    ids = [json.loads(post(market, "/v1/leads", lead(50 + n, "microloan"), key)[2])["lead_id"] for n in range(2)]
    wait_until(lambda: all(credited(market, i) for i in ids), 20, "both are credited")
    takers = {i: next(iter(advertiser.taken[i]))[0] for i in ids}
    for lead_id, verdict in zip(ids, ("approved", "returned")):
        status, _, body = post(market, "/v1/verdicts", {"lead_id": lead_id, "verdict": verdict, "reason_code": "x", "verdict_id": f"v{lead_id}"},
                               market.keys("advertiser")[takers[lead_id]])
        assert status == 202, body

    def events():
        found = {}
        for t in read_ledger(market.db).transfers.values():
            found.setdefault(t.lead_id, set()).add(t.event)
        return found if found.get(ids[0]) == {"delivered", "approved"} and found.get(ids[1]) == {"delivered", "returned"} else None
    wait_until(events, 15, "approval and return are booked")


def test_a_refusal_goes_to_the_next_order(market, advertiser):
    refused = []

    def decide(who, key, body, _times):
        if body["vertical"] == "osago" and key.endswith(".0"):
            refused.append((body["lead_id"], body["order_id"]))
            return 200, {"outcome": "refused", "reason": "wrong_region"}
        return 200, {"outcome": "accepted"}
    advertiser.decide, before = decide, advertiser.decide
    try:
        lead_id = json.loads(post(market, "/v1/leads", lead(60, "osago"), market.keys("webmaster")["w06"])[2])["lead_id"]
        wait_until(lambda: lead_id in advertiser.taken, 20, "the next order takes it")
    finally:
        advertiser.decide = before
    (_, order, key), = advertiser.taken[lead_id]
    assert key == f"{lead_id}.1" and (lead_id, order) not in refused


def test_trace_tells_the_whole_life(market, advertiser):
    lead_id = next(iter(advertiser.taken))
    text = market.punnet("trace", lead_id).stdout
    for word in ("received", "accepted", "won", "delivered", "credit"):
        assert word in text, text


def test_all_services_drain_and_go_on(market, advertiser):
    for name in ("collector", "filter-worker", "router", "delivery", "payout"):
        began = time.monotonic()
        market.run("restart", name)
        assert time.monotonic() - began < 11, f"{name} drained late"
    for name, row in market.status().items():
        if name not in ("kafka", "redis"):
            wait_until(lambda n=name: market.status()[n]["ready"], 20, f"{name} is ready again")
    webmaster = Webmaster(market)
    webmaster.send_all(lead(1000 + n, seed=2) for n in range(200))
    assert len(webmaster.acknowledged) == 200


def test_the_checker_finds_nothing_wrong(market, advertiser):
    def findings():
        checker = Checker(market.kafka, market.db)
        return (checker,) if not checker.check([], advertiser) else None
    wait_until(findings, 60, "everything is settled and balanced")
