"""Orders with all their terms on a whole stack: what is wrong is refused with its line before anything is published, what is
right trades as it says, and the auditor accounts for shared sales, rate cards and leads that waited."""
import json
import time
import uuid

import pytest
from conftest import end_stack, make_stack
from support import log
from support.advertiser import Advertiser
from support.ledger import read_ledger
from support.stack import wait_until
from support.webmaster import Webmaster, lead

DIRECTORY = """
verticals:
  - id: osago
    market_partition: 2
    currency: RUB
    payout_share_bp: 7500
    margin_floor: {amount_minor: 1000, share_bp: 500}
    source_classes: {gold: [w01, w02, w03, w04]}
    rates:
      - {class: gold, share_bp: 8000}
      - {webmaster: w05, fixed_minor: 11100, until: 2026-01-01T00:00:00+03:00}
      - {webmaster: w05, fixed_minor: 12300, from: 2026-01-01T00:00:00+03:00, until: 2126-01-01T00:00:00+03:00}
      - {webmaster: w05, fixed_minor: 13300, from: 2126-01-01T00:00:00+03:00}
    buyer_wait: 1h
    fields:
      - {name: plate, type: text}
      - {name: power_hp, type: integer, min: 1, max: 2000}
"""

ORDERS = """
orders:
  - id: shield
    advertiser: strakh-shchit
    vertical: osago
    price: {{amount_minor: 40000, currency: RUB, floor_minor: 30000, modifiers: [{{where: {{city: [Тула]}}, plus_bp: 2500}}]}}
    sharing: {{shared: 2, not_with: [strakh-parus]}}
    where: {{country: [RU], power_hp: {{min: 100, max: 200}}, line_type: {{not_in: [voip]}}}}
    schedule: {{zone: Europe/Moscow, open: ["daily 00:00-24:00"]}}
    caps: {{day: 1000, week: 5000, month: 9000, webmaster: {{day: 500}}}}
    budget: {{day_minor: 90000000, total_minor: 900000000}}
    delivery: {{webhook: {{url: "{url}/strakh-shchit", timeout_ms: 3000}}, on_unknown: retry_same}}
  - id: sail
    advertiser: strakh-parus
    vertical: osago
    price: {{amount_minor: 39000, currency: RUB}}
    sharing: {{shared: 2}}
    delivery: {{webhook: {{url: "{url}/strakh-parus", timeout_ms: 3000}}, on_unknown: retry_same}}
  - id: bridge
    advertiser: strakh-most
    vertical: osago
    price: {{amount_minor: 35000, currency: RUB}}
    sharing: {{shared: 3}}
    where: {{power_hp: {{max: 200}}}}
    delivery: {{webhook: {{url: "{url}/strakh-most", timeout_ms: 3000}}, on_unknown: retry_same}}
"""

WRONG = """orders:
  - id: wrong
    advertiser: strakh-shchit
    vertical: osago
    price: {amount_minor: 900, currency: USD}
    caps: {hour: 0, day: 300, week: 200}
    sharing: {shared: 3, not_with: [nobody]}
    where: {country: [RUS], plate: {min: 3}, power_hp: {min: 65, max: 21}, shoe: 3, city: {in: [Тула], not_in: [Тула]}}
    schedule: {zone: Europe/Moskow, open: ["mon-fri 09:00-20:00", "fri 19:00-21:00", "sat 10-16"]}
    until: 2020-12-31T18:00:00+03:00
    colour: red
    delivery: {webhook: {url: "https://x.example/"}}
"""
FAULTS = (":6: order wrong: caps.hour: 0 would take nothing", "caps.day 300 can't be met: caps.week is 200",
          ":5: order wrong: currency: USD: the vertical osago trades in RUB", 'no advertiser "nobody"', 'country: "RUS"',
          "plate: min: it is no number", "power_hp: min is above max", '"shoe" is no field of the vertical',
          'city: "Тула" stands in `in` and in `not_in`', 'zone: "Europe/Moskow": expected an IANA zone',
          "overlaps another opening", 'open: "sat 10-16"', "until is over", "colour", "nothing was published")


@pytest.fixture(scope="module")
def market(request, tmp_path_factory):
    stack, advertiser, failed = make_stack(), Advertiser(), True
    try:
        folder = tmp_path_factory.mktemp("orders")
        (folder / "directory.yaml").write_text(DIRECTORY)
        (folder / "orders.yaml").write_text(ORDERS.format(url=advertiser.url))
        (folder / "wrong.yaml").write_text(WRONG)
        stack.punnet("directory", "apply", str(folder / "directory.yaml"))
        yield stack, advertiser, folder
        failed = request.module.__dict__.get("_failed")
    finally:
        advertiser.close()
        end_stack(stack, failed)


def test_what_is_wrong_is_refused_line_by_line_and_nothing_is_published(market):
    stack, _, folder = market
    done = stack.punnet("order", "apply", str(folder / "wrong.yaml"), check=False)
    assert done.returncode == 1
    assert not [fault for fault in FAULTS if fault not in done.stderr], done.stderr
    assert stack.punnet("order", "list").stdout == ""


def test_two_rates_at_one_time_are_refused(market):
    stack, _, folder = market
    for old, new, fault in (("until: 2026-01-01T00:00:00+03:00", "until: 2026-01-02T00:00:00+03:00", "holds at the same time"),
                            (", until: 2126-01-01T00:00:00+03:00}", ", until: 2025-01-01T00:00:00+03:00}", "until is not after from"),
                            ("from: 2126-01-01T00:00:00+03:00", "from: tomorrow", "from: expected a time")):
        assert old in DIRECTORY
        (folder / "rates.yaml").write_text(DIRECTORY.replace(old, new))
        done = stack.punnet("directory", "apply", str(folder / "rates.yaml"), check=False)
        assert done.returncode == 1 and fault in done.stderr, done.stderr


def accepted(stack, count):
    """The leads that went on to the market, when all are judged."""
    messages = [r.message for records in log.read_topic(stack.kafka, "leads.judged").values() for r in records]
    return {str(uuid.UUID(bytes=m.lead_id)) for m in messages if m.verdict == 1} if len(messages) >= count else None


def test_a_market_with_all_terms_trades_as_they_say(market):
    stack, advertiser, folder = market
    webmaster = Webmaster(stack)
    # Nobody buys yet: all of them wait for a buyer.
    # Phones of which no digit stands six times in a row: with a namesake in the same town that is too much, whoever is judged second.
    sent = [lead(2741000 + n, "osago", 91, city="Тула" if n % 2 else "Москва", fields={"power_hp": 120 if n % 4 else 300})
            for n in range(80)]
    webmaster.send_all(sent)
    good = wait_until(lambda: accepted(stack, len(sent)), 30, "all are judged")
    strong = {webmaster.acknowledged[f"k-{item['click_id']}"] for item in sent if item["fields"]["power_hp"] == 300} & good
    stack.strong, stack.weak = len(strong), len(good) - len(strong)
    assert len(good) == len(sent)
    time.sleep(1)
    assert "3 created" in stack.punnet("order", "apply", str(folder / "orders.yaml")).stdout
    assert "3 as they were" in stack.punnet("order", "apply", str(folder / "orders.yaml")).stdout
    ids = good
    wait_until(lambda: ids <= set(advertiser.taken), 60, "every lead that waited is sold")

    def sold():
        rows = {i: sorted(order for _, order, _ in advertiser.taken[i]) for i in ids}
        pairs = [tuple(orders) for orders in rows.values()]
        return pairs.count(("bridge", "shield")) == stack.weak and pairs.count(("sail",)) == stack.strong
    wait_until(sold, 30, "the weak are shared by two, the strong go to the one who takes strong cars; competitors never share")
    wait_until(lambda: stack.punnet("audit", check=False).returncode == 0, 60, "the auditor is green")
    assert stack.punnet("audit", check=False).returncode == 0

    held = {amount for t in read_ledger(stack.db).transfers.values() for account, amount, _ in t.entries if account == "webmasters:w05:hold"}
    assert held == {-12300}, "of three rates the one that holds today"

    steps = [json.loads(line) for line in stack.punnet("trace", next(iter(ids)), "--json").stdout.splitlines()]
    assert steps, "a lead that waited has a whole life"


def test_an_advertiser_is_told_what_it_lost_and_what_an_order_would_have_got(market):
    stack, _, folder = market
    losses = json.loads(stack.punnet("order", "losses", "shield", "--json").stdout)
    assert losses["won"] == stack.weak and losses["without"] == {"power_hp": stack.strong}, losses
    told = stack.punnet("order", "losses", "bridge").stdout
    assert "fields" in told and "outbid" in told, told

    shown = stack.punnet("order", "show", "shield").stdout
    for words in ("where power_hp from 100 to 200", "where fact.phone_line not voip, or not said", "open mon 00:00-24:00",
                  "by the clock of Europe/Moscow", "shared by at most 2, never with strakh-parus", "when city Тула",
                  "at most 500 a day from one webmaster"):
        assert words in shown, shown

    text = (folder / "orders.yaml").read_text().replace("amount_minor: 35000", "amount_minor: 65000")
    (folder / "higher.yaml").write_text(text)
    preview = stack.punnet("order", "apply", str(folder / "higher.yaml"), "--dry-run").stdout
    assert (f"would have got {stack.weak} of the last day's {stack.weak + stack.strong} leads, for {stack.weak * 650}.00 RUB"
            in preview), preview
    assert "3 as they were" in stack.punnet("order", "apply", str(folder / "orders.yaml")).stdout
