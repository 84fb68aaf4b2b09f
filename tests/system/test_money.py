"""Money, end to end: leads are sold, returned, approved by themselves and waived; funds come in, webmasters are paid; hledger, the bank's
own schema and the advertiser's list say the same as the product's table."""
import base64
import csv
import hmac
import io
import json
import sqlite3
import subprocess
import time
import uuid
import xml.etree.ElementTree as ElementTree
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from importlib.resources import files

import pytest
import xmlschema
from confluent_kafka import Producer
from conftest import end_stack, make_stack
from support import log
from support.ledger import read_ledger
from support.stack import ROOT, wait_until
from support.tracker import Tracker
from support.webmaster import lead
from test_whole_path import post

BUYER = "zaim-bystro"
CONTRACT = """advertisers:
  - {id: zaim-bystro, name: Zaim Bystro, hold_days: 0, return_window_days: 0, vat_percent: 20, max_in_flight: 32}
"""
ORDERS = """orders:
  - {{id: money-loans, advertiser: zaim-bystro, vertical: microloan, price: {{amount_minor: 99999, currency: RUB}},
      where: {{country: [RU]}}, delivery: {{webhook: {{url: "{url}/zaim-bystro"}}}}}}
"""
TRACKERS = """webmasters:
  - {{id: w01, name: "Teaser 01", default_country: RU, rate_per_s: 5000, burst: 20000, postbacks: [
      {{url: "{url}?event={{event}}&lead={{lead_id}}&sub={{sub1}}&sum={{payout}}&in={{currency}}", events: [delivered, approved, paid]}}]}}
  - {{id: w02, name: "Blog 02", default_country: RU, rate_per_s: 5000, burst: 20000, postbacks: [
      {{url: "{url}", events: [approved], method: post, sign: true}}]}}
operators:
  - {{id: op, name: Operator, alerts: [{{url: "{url}?event={{event}}&n={{found}}&topic={{topic}}&why={{reason_code}}", events: [dead_letters]}}]}}
"""
PAYEES = """method,aff_id,currency,name,iban,bic,threshold
sepa,w01,EUR,Nina & Söhne,DE89 3704 0044 0532 0130 00,DEUTDEFF,1.00
sepa,w02,RUB,Pavel,FR1420041010050500013M02606,,1.00
"""
ABROAD = """verticals:
  - {id: courses, market_partition: 3, currency: EUR, payout_share_bp: 6667, fields: [{name: course, type: text}]}
advertisers:
  - {id: shkola-koda, name: Shkola Koda, hold_days: 0, return_window_days: 0}
"""
EURO_ORDER = """  - {{id: euro-courses, advertiser: shkola-koda, vertical: courses, price: {{amount_minor: 3333, currency: EUR}},
      delivery: {{webhook: {{url: "{url}/shkola-koda"}}}}}}
"""
TIERS = """verticals:
  - {id: microloan, market_partition: 0, currency: RUB, payout_share_bp: 6500, tiers: {five: 5, many: 1000},
      rates: [{tier: five, share_bp: 8000}, {tier: many, share_bp: 9000}]}
"""
KILLED_CARD = """verticals:
  - {id: osago, market_partition: 2, currency: RUB, payout_share_bp: 6123}
"""
NAMESPACE = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}


@pytest.fixture(scope="module")
def market(request, advertiser):
    stack = make_stack(environment={"PUNNET_PAYOUT_HOLD_DAYS": "0", "PUNNET_PAYOUT_RETURN_WINDOW_DAYS": "0",
                                    "PUNNET_PAYOUT_DUE_EVERY": "300ms", "PUNNET_DELIVERY_LETTER_ALERT_AFTER": "500ms"})
    (stack.home / "contract.yaml").write_text(CONTRACT)
    stack.punnet("directory", "apply", str(stack.home / "contract.yaml"))
    stack.tracker = Tracker()
    (stack.home / "trackers.yaml").write_text(TRACKERS.format(url=stack.tracker.url))
    stack.punnet("directory", "apply", str(stack.home / "trackers.yaml"))
    (stack.home / "money.yaml").write_text(ORDERS.format(url=advertiser.url))
    stack.punnet("order", "apply", str(stack.home / "money.yaml"))
    stack.leads = sell(stack, advertiser)
    yield stack
    stack.tracker.close()
    end_stack(stack, request.module.__dict__.get("_failed"))


def sell(stack, advertiser):
    """Ten leads, five of each of two webmasters; nobody judges them, and so their window's end does."""
    ids = []
    for n in range(10):
        key = stack.keys("webmaster")[("w01", "w02")[n % 2]]
        status, _, body = post(stack, "/v1/leads", {**lead(300 + n, "microloan"), "sub1": f"s{n % 3}"}, key)
        assert status == 202, body
        ids.append(json.loads(body)["lead_id"])
    wait_until(lambda: all(i in advertiser.taken for i in ids), 40, "all are sold")
    return ids


def states(stack):
    return {lead_id: state for (lead_id, _), state in read_ledger(stack.db).lives.items()}


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_leads_that_nobody_judges_are_approved_by_the_end_of_their_window(market):
    wait_until(lambda: [states(market).get(i) for i in market.leads] == [2] * 10, 30, "all are approved")
    credit = next(t for t in read_ledger(market.db).transfers.values() if t.event == "delivered")
    amounts = {account: amount for account, amount, _ in credit.entries}
    assert amounts[f"advertisers:{BUYER}:receivable"] == 99999 + 19999 and amounts["network:vat"] == -19999


def test_a_late_return_is_answered_and_a_waiver_costs_the_network(market):
    key, late = market.keys("advertiser")[BUYER], market.leads[0]
    status, _, body = post(market, "/v1/verdicts", {"lead_id": late, "verdict": "returned", "verdict_id": "late"}, key)
    assert status == 400 and b"reason_code" in body  # a return without a reason is none
    verdict = {"lead_id": late, "verdict": "returned", "verdict_id": "late", "reason_code": "no_intent", "called_at": "2026-01-01T10:00:00Z"}
    assert post(market, "/v1/verdicts", verdict, key)[0] == 202
    said = wait_until(lambda: rows(market.punnet("verdicts", "list", BUYER, "--csv").stdout), 15, "the verdict is answered")
    assert [(r["verdict"], r["became"], r["why"]) for r in said] == [("returned", "ignored", "window_over")]
    market.punnet("verdicts", "waive", BUYER, late, "--why", "goodwill", "--who", "ann")
    wait_until(lambda: states(market)[late] == 7, 15, "the lead is waived")
    assert any(t.event == "borne" for t in read_ledger(market.db).transfers.values())
    assert "waived; advertiser owes nothing" in market.punnet("trace", late).stdout


def test_funds_are_booked_once_and_the_market_hears_of_them(market):
    for _ in range(2):
        market.punnet("funds", "deposit", BUYER, "12000.00", "RUB", "--reference", "bank 77", "--who", "ann")
    other = market.punnet("funds", "deposit", BUYER, "12000.01", "RUB", "--reference", "bank 77", "--who", "ann", check=False)
    assert other.returncode == 1 and "was used before" in other.stderr
    market.punnet("funds", "limit", BUYER, "50000.00", "RUB", "--who", "ann")
    (funds,) = rows(market.punnet("funds", "list", "--csv").stdout)
    assert int(funds["funds_minor"]) == 1200000
    wait_until(lambda: read_ledger(market.db).outbox == 0, 20, "the outbox is published")


def test_webmasters_are_paid_by_two_people_and_the_bank_can_read_it(market):
    payees = market.home / "payees.csv"
    payees.write_text(PAYEES, encoding="utf-8")
    market.punnet("funds", "rate", "RUB", "EUR", "100/9265", "--who", "ann")
    tomorrow = market.punnet("payouts", "run", "--until", "2099-01-01", "--payees", str(payees), "--who", "ann", check=False)
    assert tomorrow.returncode == 2
    until = datetime.now(timezone.utc).isoformat(timespec="seconds")
    run = rows(market.punnet("payouts", "run", "--until", until, "--payees", str(payees), "--who", "ann", "--csv").stdout)
    assert {r["aff_id"]: int(r["leads"]) for r in run} == {"w01": 5, "w02": 5}
    assert market.punnet("payouts", "confirm", "1", "--who", "ann", check=False).returncode == 1
    assert market.punnet("payouts", "export", "1", "--debtor-name", "P", "--debtor-iban", "DE89370400440532013000", check=False).returncode == 1
    market.punnet("payouts", "confirm", "1", "--who", "bob")
    pain = market.punnet("payouts", "export", "1", "--debtor-name", "Punnet GmbH", "--debtor-iban", "DE89370400440532013000").stdout
    xmlschema.XMLSchema(str(files("sepaxml") / "schemas/pain.001.001.09.xsd")).validate(ElementTree.fromstring(pain))
    document = ElementTree.fromstring(pain)
    paid = {e.get("Ccy"): e.text for e in document.iter(f"{{{NAMESPACE['p']}}}InstdAmt")}
    assert {c: round(float(a) * 100) for c, a in paid.items()} == {r["pay_currency"]: int(r["pay_amount_minor"]) for r in run}
    ledger = read_ledger(market.db)
    assert -ledger.balances[("webmasters:w02:paid", "RUB")] == next(int(r["amount_minor"]) for r in run if r["aff_id"] == "w02")


def test_an_order_in_euro_is_paid_in_dollars_at_the_recorded_rate_and_rounded_once(market, advertiser):
    (market.home / "abroad.yaml").write_text(ABROAD)
    market.punnet("directory", "apply", str(market.home / "abroad.yaml"))
    (market.home / "euro.yaml").write_text(ORDERS.format(url=advertiser.url) + EURO_ORDER.format(url=advertiser.url))
    market.punnet("order", "apply", str(market.home / "euro.yaml"))
    ids = []
    for n in range(3):
        status, _, body = post(market, "/v1/leads", lead(700 + n, "courses"), market.keys("webmaster")["w03"])
        assert status == 202, body
        ids.append(json.loads(body)["lead_id"])
    wait_until(lambda: [states(market).get(i) for i in ids] == [2] * 3, 40, "all are sold and approved")
    payees = market.home / "abroad.csv"
    payees.write_text("aff_id,method,name,currency\nw03,cash,Olga,USD\n")

    def propose():
        until = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return market.punnet("payouts", "run", "--until", until, "--payees", str(payees), "--who", "ann", "--csv", check=False)

    def lines():
        return [r for r in rows(propose().stdout) if r["aff_id"] == "w03"]
    payable_ms = max(t.at_ms for t in read_ledger(market.db).transfers.values() if t.lead_id in ids)
    wait_until(lambda: int(time.time()) * 1000 > payable_ms, 5, "the second in which they became payable is over")
    refused = propose()
    assert "no rate" in refused.stdout + refused.stderr and "w03" in refused.stdout + refused.stderr, refused
    since = ("--since", "2026-01-01T00:00:00Z", "--who", "ann")
    for _ in range(2):
        market.punnet("funds", "rate", "EUR", "USD", "10837/10000", *since)
    other = market.punnet("funds", "rate", "EUR", "USD", "11/10", *since, check=False)
    assert other.returncode == 1 and "is recorded as 10837/10000" in other.stderr
    (line,) = lines()
    # 3 x 22.22 EUR (two thirds of 33.33, cut) at 1.0837: 72.23…, not 3 x 24.07.
    assert (int(line["amount_minor"]), line["currency"]) == (6666, "EUR")
    assert (int(line["pay_amount_minor"]), line["pay_currency"]) == (7223, "USD")
    exchange, before = "network:exchange", read_ledger(market.db).balances  # w01's rubles went through it
    market.punnet("payouts", "confirm", line["run"], "--who", "bob")
    balances = read_ledger(market.db).balances
    assert balances[("webmasters:w03:payable", "EUR")] == balances[("webmasters:w03:payable", "USD")] == 0
    assert balances[("webmasters:w03:paid", "USD")] == -7223
    assert {c: balances[(exchange, c)] - before.get((exchange, c), 0) for c in ("EUR", "USD")} == {"EUR": -6666, "USD": 7223}
    for currency in ("RUB", "EUR", "USD"):
        assert sum(amount for (_, c), amount in balances.items() if c == currency) == 0


def test_trackers_heard_of_every_step_and_hear_it_again_when_asked(market):
    def gets():
        return [query for method, query, _, _ in market.tracker.heard if method == "GET"]

    def posts():
        return [(headers, body) for method, _, headers, body in market.tracker.heard if method == "POST"]
    mine, theirs = market.leads[0::2], market.leads[1::2]
    wait_until(lambda: len(gets()) >= 11 and len(posts()) >= 5, 30, "the trackers heard of all")
    assert sorted(q["lead"] for q in gets() if q["event"] == "delivered") == sorted(mine)
    assert sorted(q["lead"] for q in gets() if q["event"] == "approved") == sorted(mine)
    assert {q["sub"] for q in gets() if q["event"] == "approved"} == {"s0", "s1", "s2"}
    assert [q["in"] for q in gets() if q["event"] == "paid"] == ["EUR"]
    key = base64.b64decode(market.secrets()[("webmaster", "w02")].removeprefix("whsec_"))
    for headers, body in posts():
        headers = {k.lower(): v for k, v in headers.items()}
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
    assert sorted(json.loads(body)["data"]["lead_id"] for _, body in posts()) == sorted(theirs)
    shown = market.punnet("postbacks", "list", "--json", "--webmaster", "w01", "--since", "1h").stdout.splitlines()
    assert [json.loads(row)["result"] for row in shown] == ["ok"] * 11
    before = len(gets())
    market.punnet("postbacks", "replay", "--webmaster", "w01", "--from", "1h", "--event", "approved", "--who", "ann")
    wait_until(lambda: len(gets()) == before + 5, 20, "they are told again")
    assert sorted(q["lead"] for q in gets()[before:]) == sorted(mine)
    wrong = market.home / "wrong.yaml"
    wrong.write_text(TRACKERS.format(url=market.tracker.url).replace("{lead_id}", "{leadid}"))
    refused = market.punnet("directory", "apply", str(wrong), check=False)
    assert refused.returncode == 1 and "{leadid}" in refused.stderr


def test_a_webmaster_is_told_again_with_his_own_key_and_of_his_own_leads_only(market):
    """The same by HTTP: idempotent, limited, and with another's key nothing of his comes."""
    def gets():
        return [query for method, query, _, _ in market.tracker.heard if method == "GET"]
    mine, key = market.leads[0], market.keys("webmaster")["w01"]
    before, since = len(gets()), {"from": int((time.time() - 3600) * 1000), "event": "approved"}
    answers = [post(market, "/v1/postbacks/replay", since, key, idempotency_key="once") for _ in range(2)]
    assert [a[0] for a in answers] == [202, 202] and answers[0][2] == answers[1][2], answers
    assert json.loads(answers[0][2])["outcome"] == "received" and answers[1][1].get("Idempotency-Replayed") == "true"
    wait_until(lambda: len(gets()) == before + 5, 20, "they are told again, once")
    # Another webmaster asks for this one's lead: it is taken, and nobody hears anything. Then he is heard of himself.
    theirs = market.keys("webmaster")["w02"]
    assert post(market, "/v1/postbacks/replay", {"lead_id": mine}, theirs)[0] == 202
    assert post(market, "/v1/postbacks/replay", {"lead_id": market.leads[1]}, theirs)[0] == 202
    posts = [body for method, _, _, body in market.tracker.heard if method == "POST"]
    wait_until(lambda: sum(method == "POST" for method, *_ in market.tracker.heard) == len(posts) + 1, 20, "his own comes")
    assert len(gets()) == before + 5
    shown = [json.loads(row) for row in market.punnet("postbacks", "show", mine, "--json").stdout.splitlines()]
    assert [row["replayed_by"] for row in shown if row["replayed_by"]] == ["ann", "webmaster"]
    # Whoever has no key of a webmaster, asks amiss, or too often.
    advertiser, = (v for k, v in market.keys("advertiser").items() if k == BUYER)
    assert post(market, "/v1/postbacks/replay", since, advertiser)[0] == 401
    status, headers, body = post(market, "/v1/postbacks/replay", {"aff_id": "w01", **since}, theirs)
    assert status == 400 and headers["Content-Type"] == "application/problem+json"
    assert [e["code"] for e in json.loads(body)["errors"]] == ["unknown"]
    many = [post(market, "/v1/postbacks/replay", since, theirs) for _ in range(4)]
    assert many[-1][0] == 429 and int(many[-1][1]["Retry-After"]) >= 10, many[-1]


def test_hledger_accepts_the_books_and_they_are_equal_to_the_table(market):
    journal = market.home / "books.journal"
    journal.write_text(market.punnet("books", "--format", "hledger").stdout)
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    subprocess.run(["hledger", "-f", str(journal), "check"], check=True, env=environment)
    told = subprocess.run(["hledger", "-f", str(journal), "balance", "--flat", "-E", "-N", "--layout=bare", "-O", "csv"],
                          check=True, env=environment, capture_output=True, text=True).stdout
    hledger = {(r["account"], r["commodity"]): round(float(r["balance"]) * 100) for r in rows(told) if r["commodity"]}
    table = {}
    for line in market.punnet("summary", "--json").stdout.splitlines():
        row = json.loads(line)
        if "account" in row:
            debit = row["account"].endswith(":receivable") or row["account"] in ("network:received", "network:borne")
            table[(row["account"], row["currency"])] = row["amount_minor"] * (1 if debit else -1)
    assert len(table) >= 10
    assert {k: v for k, v in hledger.items() if v} == {k: v for k, v in table.items() if v}


def test_the_advertisers_own_list_is_explained_lead_by_lead(market):
    theirs = market.home / "their list.csv"
    numbers = {i: n for n, i in enumerate(market.leads)}
    lines = ["Status;Phone;Lead;Price"]
    for i in market.leads[1:]:
        n = numbers[i]
        if n == 9:  # known to them by the phone alone, as they write it
            lines.append(f"approved;8 {lead(300 + n, 'microloan')['phone'][2:]};;999,99")
        elif n != 8:
            lines.append(f"{'pending' if n == 2 else 'approved'};;{i};{'1 199,98' if n == 3 else '990,00' if n == 4 else '999,99'}")
    lines.append("approved;;0192f0c0-0000-7000-8000-000000000001;999,99")
    theirs.write_bytes("\r\n".join(lines).encode("utf-16"))
    done = market.punnet("reconcile", BUYER, str(theirs), "--json", check=False)
    assert done.returncode == 1, done.stderr
    assert {r["result"]: r["leads"] for r in map(json.loads, done.stdout.splitlines())} == \
        {"agreed": 6, "differs": 2, "ours only": 2, "theirs only": 1}, done.stdout
    found = {r["lead_id"]: r for r in rows((market.home / "their list.csv.reconciled.csv").read_text())}
    assert found[market.leads[9]]["result"] == "agreed"
    assert found[market.leads[2]]["why"] == "another status" and found[market.leads[4]]["why"] == "another amount"
    assert found[market.leads[8]]["result"] == found[market.leads[0]]["result"] == "ours only"
    # Killed after a day of the log, and at the end of it: it goes on, and comes to the same.
    result = market.home / "their list.csv.reconciled.csv"
    whole = result.read_bytes()
    for point in ("reconcile_day_kept", "reconcile_phones_found"):
        result.unlink()
        environment = {**market.environment, **market.exports, "PUNNET_FAULT": f"crash_at:{point}:1"}
        killed = subprocess.run([str(ROOT / "build/dev/bin/punnet"), "reconcile", BUYER, str(theirs)], env=environment,
                                capture_output=True, text=True, check=False)
        assert killed.returncode == -9 and not result.exists()
        again = market.punnet("reconcile", BUYER, str(theirs), "--json", check=False)
        assert "goes on from" in again.stderr and again.stdout == done.stdout
        assert result.read_bytes() == whole and not (market.home / "their list.csv.reconciled.csv.state").exists()


def test_a_delivery_at_another_price_is_put_aside_named_and_stops_nobody(market):
    """Somebody writes to leads.outcomes what delivery never said. Payout, restarted too, goes on; an operator sees what it was."""
    outcomes = [(p, r) for p, records in log.read_topic(market.kafka, "leads.outcomes").items() for r in records
                if r.message.kind == 1 and str(uuid.UUID(bytes=r.message.lead_id)) == market.leads[1]]
    partition, record = outcomes[0]
    message = record.message
    message.assignment.price.amount_minor += 1
    bytes_of_it = message.SerializeToString()
    producer = Producer({"bootstrap.servers": market.kafka, "acks": "all"})
    producer.produce("leads.outcomes", value=bytes_of_it, key=record.key, partition=partition, headers=[("message", record.type.encode())])
    assert producer.flush(30) == 0
    before = read_ledger(market.db)
    (letter,) = wait_until(lambda: [json.loads(row) for row in market.punnet("dead-letters", "list", "--json").stdout.splitlines()],
                           20, "it is put aside")
    assert letter["reason_code"] == "transfer_contradicted" and market.leads[1] in letter["reason"], letter
    told = {"event": "dead_letters", "n": "1", "topic": "leads.outcomes", "why": "transfer_contradicted"}
    wait_until(lambda: told in [query for _, query, _, _ in market.tracker.heard], 20, "the operator is told of it")
    market.punnet("dead-letters", "show", letter["letter"], "--out", str(market.home / "letter.bin"))
    assert (market.home / "letter.bin").read_bytes() == bytes_of_it
    market.run("restart", "payout")
    status, _, body = post(market, "/v1/leads", lead(950, "microloan"), market.keys("webmaster")["w03"])
    assert status == 202
    after = json.loads(body)["lead_id"]
    wait_until(lambda: states(market).get(after) == 2, 30, "the next lead is sold and approved")
    assert {i: t for i, t in read_ledger(market.db).transfers.items() if t.lead_id != after} == before.transfers
    assert f"{letter['letter']}, transfer_contradicted" in market.punnet("audit", check=False).stdout
    market.punnet("dead-letters", "discard", letter["letter"], "--why", "nobody knows who wrote it", "--who", "ann")


def test_an_advertiser_past_its_rule_is_paused_in_the_market_and_let_go(market):
    rule = market.home / "rule.yaml"

    def apply(quality):
        rule.write_text(CONTRACT.replace("max_in_flight: 32", f"max_in_flight: 32, quality: {{least_leads: 5, {quality}}}"))
        market.punnet("directory", "apply", str(rule))
    apply("lower: {percent: 20, own_cause_percent: 10}")

    def findings(*options):
        rows = market.punnet("scorecard", "apply", "--json", *options).stdout.splitlines()
        return {row["advertiser"]: row for row in map(json.loads, rows)}

    def decided(number, code):
        status, _, body = post(market, "/v1/leads", lead(number, "microloan"), market.keys("webmaster")["w03"])
        assert status == 202, body
        wait_until(lambda: code in market.punnet("trace", json.loads(body)["lead_id"]).stdout, 20, code)
    wait_until(lambda: findings("--dry-run")[BUYER]["finding"] == "fine", 30, "enough leads are in the ledger")
    assert findings() == {BUYER: {**findings()[BUYER], "finding": "fine", "paused_until_ms": 0, "lowered_until_ms": 0}}
    for n, lead_id in enumerate(market.leads[:3]):
        verdict = {"lead_id": lead_id, "verdict": "returned", "reason_code": "out_of_stock", "verdict_id": f"gone-{n}"}
        assert post(market, "/v1/verdicts", verdict, market.keys("advertiser")[BUYER])[0] == 202
    wait_until(lambda: findings("--dry-run")[BUYER]["finding"] == "empty", 20, "the scorecard says so")
    lowered = findings()[BUYER]  # before it is paused it loses rank, and still gets what nobody else wants
    assert lowered["lowered_until_ms"] > 0 and lowered["paused_until_ms"] == 0 and findings()[BUYER]["finding"] == "lowered"
    decided(899, "ranks as if it paid 800.00 RUB: a rule lowers its advertiser")
    shown = wait_until(lambda: (o := json.loads(market.punnet("order", "show", "money-loans", "--json").stdout))["lowered"] and o, 20, "shown")
    assert {**shown["lowered"], "since_ms": 0} == {"since_ms": 0, "until_ms": lowered["lowered_until_ms"], "lower_bp": 2000,
                                                   "ranks_at_minor": 80000, "rule": "empty"}
    words = market.punnet("order", "show", "money-loans").stdout
    assert "ranks as if it paid 800.00 RUB (20.00 % less) since " in words and \
        "a rule lowers zaim-bystro: too many leads come back for its own cause" in words, words
    assert "ranks lower" in market.punnet("order", "list").stdout
    apply("own_cause_percent: 10")
    assert findings()[BUYER]["paused_until_ms"] > 0
    assert findings()[BUYER]["finding"] == "paused"  # and nothing is said twice
    decided(900, "advertiser_paused_by_rule")
    market.punnet("scorecard", "apply", "--lift", BUYER)
    wait_until(lambda: json.loads(market.punnet("order", "show", "money-loans", "--json").stdout)["lowered"] is None, 20, "lifted")
    wait_until(lambda: findings("--dry-run")[BUYER]["finding"] == "too few", 10, "it begins anew")
    decided(901, "delivered")


def test_webmasters_are_in_tiers_by_the_month_and_paid_by_them(market):
    """What was approved today is moved into the last month; whoever had five leads approved in it is paid by his tier from then on."""
    today = datetime.now(timezone.utc)
    middle = (today.replace(day=1) - timedelta(days=15)).date()
    month, card = middle.strftime("%Y-%m"), market.home / "card.yaml"
    card.write_text(TIERS)
    market.punnet("directory", "apply", str(card))

    def tiers(*options):
        return {row["webmaster"]: row for row in map(json.loads, market.punnet("tiers", "apply", "--json", *options).stdout.splitlines())}
    early = market.punnet("tiers", "apply", "--month", today.strftime("%Y-%m"), check=False)
    assert early.returncode == 2 and "a month that is over" in early.stderr
    assert tiers("--dry-run") == {}
    with closing(sqlite3.connect(market.db.removeprefix("sqlite:"), timeout=20)) as ledger, ledger:
        ledger.execute("UPDATE verdict_days SET day = ?", ((middle - date(1970, 1, 1)).days,))
    dry = tiers("--dry-run")
    assert dry["w01"]["tier"] == "five" and dry["w01"]["approved"] == 5 and market.punnet("tiers", "list").stdout == ""
    assert tiers() == dry and tiers() == {}  # nothing the second time
    market.punnet("directory", "apply", str(card))
    assert "w01" in market.punnet("tiers", "list").stdout, "the card's file keeps them"
    older = market.punnet("tiers", "apply", "--month", "2020-01", check=False)
    assert older.returncode == 1 and "is counted already" in older.stderr, older.stderr

    def sold(number, webmaster):
        status, _, body = post(market, "/v1/leads", lead(number, "microloan"), market.keys("webmaster")[webmaster])
        assert status == 202
        return json.loads(body)["lead_id"]
    high, common = sold(960, "w01"), sold(961, "w04")
    shown = wait_until(lambda: (t := market.punnet("trace", high).stdout) and "won at" in t and t, 20, "it is sold")
    assert f"tier five ({dry['w01']['approved']} leads approved in {month}): 80.00 % of the price" in shown, shown
    assert "payout 799.99 RUB" in shown
    shown = wait_until(lambda: (t := market.punnet("trace", common).stdout) and "won at" in t and t, 20, "it is sold")
    assert "payout by the vertical's share: 65.00 % of the price" in shown, shown


def test_rates_reach_the_market_though_their_apply_was_killed_in_the_middle(market):
    """What the directory has is taken for published: so the market has to have it first, or the next apply would send it nothing."""
    card = market.home / "killed-card.yaml"
    card.write_text(KILLED_CARD)
    environment = {**market.environment, **market.exports, "PUNNET_FAULT": "crash_at:directory_half_published:1"}
    killed = subprocess.run([str(ROOT / "build/dev/bin/punnet"), "directory", "apply", str(card)], env=environment,
                            capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed
    assert '"changed":1' in market.punnet("directory", "apply", str(card), "--json").stdout
    heard = [r.message.rate for partition in log.read_topic(market.kafka, "market").values() for r in partition
             if r.message.WhichOneof("event") == "rate" and r.message.rate.vertical == "osago"]
    assert heard[-1].payout_share_bp == 6123
    assert '"changed":0' in market.punnet("directory", "apply", str(card), "--json").stdout


def test_the_auditor_finds_the_delivery_that_nobody_made_and_nothing_else(market):
    def found():
        lines = [json.loads(row) for row in market.punnet("audit", "--json", check=False).stdout.splitlines()]
        states = {line["invariant"]: line for line in lines if "invariant" in line}
        return None if any(line["state"] == "pending" for line in states.values()) else states
    states = wait_until(found, 30, "the audit is done")
    broken = {name: line for name, line in states.items() if line["state"] == "broken"}
    assert list(broken) == ["assigned_answered"] and broken["assigned_answered"]["broken"] == 1, states
    assert "other terms than it was routed at" in broken["assigned_answered"]["first"]
    page = market.punnet("statement", "webmaster/w01", "--html").stdout
    assert page.startswith("<!doctype html>") and "exchange" in page
    cards = rows(market.punnet("scorecard", "webmaster", "w01", "--csv").stdout)
    assert sum(int(c["approved"]) for c in cards) == 6  # the last one by his tier
