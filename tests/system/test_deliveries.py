"""An advertiser goes down and comes back: found within a minute, held in the market, probed, let go; and what its operator sees and does."""
import json
import time

import pytest
from conftest import apply_orders
from support.advertiser import Advertiser
from support.stack import wait_until
from support.webmaster import Webmaster, lead

DOWN = "bank-sever"
OPENS_WITHIN_S = 60
BATCH = 40


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
    yield stack, advertiser, failing, path
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
