"""An advertiser goes down and comes back: found within a minute, held in the market, probed, let go; and what its operator sees and does."""
import base64
import hmac
import json
import time
from datetime import datetime, timedelta, timezone

import pytest
from conftest import apply_orders
from support.advertiser import Advertiser
from support.stack import wait_until
from support.tracker import Tracker
from support.webmaster import Webmaster, lead

DOWN = "bank-sever"
OPENS_WITHIN_S = 60
BATCH = 40
ALERTS = """operators:
  - {{id: op, name: Operator, alerts: [{{
      url: "{url}?event={{event}}&who={{advertiser}}&why={{reason_code}}&leads={{hour_leads}}&sum={{hour_cost}}&in={{currency}}",
      events: [circuit_opened, circuit_closed], sign: true}}, {{
      url: "{url}?event={{event}}&order={{order_id}}&taken={{taken}}&of={{quantity}}", events: [order_filled]}}]}}
"""
SMALL = """orders:
  - {{id: three-loans, advertiser: zaim-bystro, vertical: microloan, price: {{amount_minor: 99999, currency: RUB}}, quantity: 3,
      until: "{until}", where: {{country: [RU]}}, delivery: {{webhook: {{url: "{url}/zaim-bystro"}}}}}}
"""


class Failing:
    def __init__(self):
        self.down, self.calls, self.first_failed = False, 0, None

    def __call__(self, advertiser, _key, _lead, _times):
        if advertiser != DOWN or not self.down:
            return 200, {"outcome": "accepted"}
        self.calls += 1
        self.first_failed = self.first_failed or time.monotonic()
        return 503, {"error": "maintenance"}


@pytest.fixture(scope="module")
def market(stack):
    failing = Failing()
    advertiser = Advertiser(failing)
    path = apply_orders(stack, advertiser)
    stack.watcher = Tracker()
    (stack.home / "alerts.yaml").write_text(ALERTS.format(url=stack.watcher.url))
    stack.punnet("directory", "apply", str(stack.home / "alerts.yaml"))
    until = (datetime.now(timezone.utc) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    (stack.home / "small.yaml").write_text(SMALL.format(url=advertiser.url, until=until))
    stack.punnet("order", "apply", str(stack.home / "small.yaml"))
    yield stack, advertiser, failing, path
    stack.watcher.close()
    advertiser.close()


def circuits(stack):
    rows = map(json.loads, stack.punnet("deliveries", "circuits", "--json", check=False).stdout.splitlines())
    return {row["advertiser"]: row for row in rows}


class Traffic:
    def __init__(self, stack):
        self.webmaster, self.number = Webmaster(stack), 0

    def more(self):
        batch = [lead(self.number + n, seed=77) for n in range(BATCH)]
        self.number += BATCH
        self.webmaster.send_all(batch, BATCH)


def attempts(stack, *options):
    rows = stack.punnet("deliveries", "list", "--json", "--advertiser", DOWN, "--limit", "100000", *options).stdout
    return [json.loads(row) for row in rows.splitlines()]


def test_an_advertiser_that_is_down_is_held_and_let_go(market):
    stack, _, failing, _ = market
    traffic = Traffic(stack)
    traffic.more()
    wait_until(lambda: attempts(stack, "--result", "ok"), 30, "leads are delivered")
    failing.down = True
    while not failing.first_failed or DOWN not in circuits(stack):
        traffic.more()
        assert not failing.first_failed or time.monotonic() - failing.first_failed < OPENS_WITHIN_S, "the circuit opens"
    row = circuits(stack)[DOWN]
    assert row["open"] and row["reason"] == "advertiser_error" and row["hour_leads"] > 0
    assert row["hour_cost"][0]["amount_minor"] > 0 and row["hour_cost"][0]["currency"] == "RUB"
    # held: the others get what comes, and it is asked once a second
    before, began = failing.calls, time.monotonic()
    for _ in range(4):
        traffic.more()
    assert failing.calls - before <= 2 * (time.monotonic() - began) + 2
    failing.down = False

    def closed():
        traffic.more()
        return not circuits(stack)[DOWN]["open"]
    wait_until(closed, 90, "the circuit closes")
    count = len(attempts(stack, "--result", "ok"))

    def flows():
        traffic.more()
        return len(attempts(stack, "--result", "ok")) > count
    wait_until(flows, 30, "it gets leads again")


def test_the_operator_was_alerted_of_it_once(market):
    stack = market[0]
    heard = lambda event: [(query, headers) for _, query, headers, _ in stack.watcher.heard if query["event"] == event]
    wait_until(lambda: heard("circuit_opened") and heard("circuit_closed"), 30, "both are told")
    (opened, headers), = heard("circuit_opened")
    assert opened["who"] == DOWN and opened["why"] == "advertiser_error"
    assert int(opened["leads"]) > 0 and float(opened["sum"]) > 0 and opened["in"] == "RUB"
    key = base64.b64decode(stack.secrets()[("operator", "op")].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
    rows = stack.punnet("postbacks", "list", "--json", "--webmaster", "operator/op", "--event", "circuit_opened").stdout
    assert [json.loads(row)["result"] for row in rows.splitlines()] == ["ok"]
    wrong = stack.home / "wrong.yaml"
    wrong.write_text(ALERTS.format(url=stack.watcher.url).replace("{advertiser}", "{click_id}"))
    refused = stack.punnet("directory", "apply", str(wrong), check=False)
    assert refused.returncode == 1 and "{click_id}" in refused.stderr


def test_the_operator_heard_of_an_order_that_was_filled(market):
    heard = lambda: [q for _, q, _, _ in market[0].watcher.heard if q["event"] == "order_filled" and q["order"] == "three-loans"]
    wait_until(heard, 30, "it is told")
    assert [(query["taken"], query["of"]) for query in heard()] == [("3", "3")]


def test_a_changed_mapping_is_tried_and_a_lead_is_handed_over_again(market):
    stack, advertiser, _, path = market
    row = attempts(stack, "--result", "ok")[0]
    order, answer = row["order"], json.loads(row["answer"])
    assert answer == {"outcome": "accepted"}
    shown = stack.punnet("deliveries", "show", row["lead_id"]).stdout
    assert '{"outcome":"accepted"}' in shown
    assert stack.punnet("deliveries", "try-mapping", order, str(path)).returncode == 0
    changed = path.with_name("changed.yaml")
    changed.write_text(path.read_text().replace(
        "timeout_ms: 3000}", 'timeout_ms: 3000, success: {accepted: {pointer: /outcome, values: ["taken"]}}}'))
    tried = stack.punnet("deliveries", "try-mapping", order, str(changed), check=False)
    assert tried.returncode == 1 and "delivered  -> unclear" in tried.stdout, tried.stdout + tried.stderr
    # what it lost is handed over again, under the same key
    key = f"{row['lead_id']}.{row['round']}"
    times = len(advertiser.calls[key])
    stack.punnet("deliveries", "retry", row["lead_id"], "--why", "their database was restored")
    wait_until(lambda: len(advertiser.calls[key]) == times + 1, 30, "the lead comes again")
