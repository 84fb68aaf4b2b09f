"""Quarantined leads wait in the market for an operator: released, rejected, or left alone until their time is over; each
ends once, with its reason, and the checker and the auditor account for all of them."""
import json

import pytest
from conftest import apply_orders, end_stack, make_stack
from support.advertiser import Advertiser
from support.checker import Checker
from support.stack import wait_until
from support.webmaster import Webmaster, lead

RULES = """
reject_at: 60
quarantine_at: 30
quarantine_for: {wait}
quarantine_then: {then}
filters:
  - resubmission
  - honeypot: {{weight: 40}}
  - phone_valid: {{shadow: true}}
"""
DOUBTFUL = 30


def checked(stack, webmaster, advertiser):
    last = []

    def green():
        checker = Checker(stack.kafka, stack.db)
        last[:] = checker.check(webmaster.acknowledged.values(), advertiser)
        return None if last else checker
    try:
        return wait_until(green, 60, "the checker is green")
    except AssertionError as error:
        raise AssertionError(f"{error}\n" + "\n".join(last[:20])) from None


@pytest.fixture(params=[("24h", "reject"), ("1m", "accept")], ids=["operator", "nobody"])
def quarantine(request, tmp_path):
    wait, then = request.param
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.format(wait=wait, then=then))
    stack, advertiser, failed = make_stack(environment={"PUNNET_FILTER_WORKER_RULESET": str(rules)}), Advertiser(), True
    try:
        apply_orders(stack, advertiser)
        webmaster = Webmaster(stack)
        webmaster.send_all(lead(n, seed=81, honeypot="x" if n % 2 else "") for n in range(2 * DOUBTFUL))
        stack.webmaster = webmaster
        yield stack, advertiser, then
        failed = request.module.__dict__.get("_failed")
    finally:
        advertiser.close()
        end_stack(stack, failed)


def listed(stack):
    return [json.loads(line) for line in stack.punnet("quarantine", "list", "--json").stdout.splitlines()]


def test_every_wait_ends_once(quarantine):
    stack, advertiser, then = quarantine
    wait_until(lambda: len(listed(stack)) == DOUBTFUL, 30, "the doubtful ones wait")
    waiting = listed(stack)
    assert all(row["score"] == 40 and row["then"] == then and row["price_minor"] > 0 for row in waiting)
    checker = checked(stack, stack.webmaster, advertiser)
    assert checker.counts["admitted"] == 2 * DOUBTFUL  # those that wait are in the market, undecided, and that is fine
    assert stack.punnet("audit").returncode == 0
    if then == "reject":
        the_operator_decides(stack, waiting)
    wait_until(lambda: not listed(stack), 100, "nobody waits any more")
    checker = checked(stack, stack.webmaster, advertiser)
    assert stack.punnet("audit").returncode == 0
    decided = {lead_id for lead_id, _ in checker.assignments} | checker.unsold_leads
    assert {row["lead_id"] for row in waiting} <= decided
    if then == "accept":
        assert all("quarantine_expired" not in stack.punnet("trace", row["lead_id"]).stdout for row in waiting[:3])
        assert "expired" in stack.punnet("trace", waiting[0]["lead_id"]).stdout


def the_operator_decides(stack, waiting):
    ids = [row["lead_id"] for row in waiting]
    shown = stack.punnet("quarantine", "show", ids[0]).stdout
    assert "honeypot_filled" in shown and "honeypot = 1" in shown
    assert stack.punnet("quarantine", "release", ids[0], check=False).returncode == 2  # without a reason
    half = len(ids) // 2
    stack.punnet("quarantine", "release", *ids[:half], "--why", "called back, real", "--who", "olga")
    stack.punnet("quarantine", "reject", *ids[half:], "--why", "a bot", "--who", "olga")
    again = stack.punnet("quarantine", "reject", ids[0], "--why", "no", "--who", "olga", check=False)
    assert again.returncode == 1 and "waits no longer" in again.stderr
    wait_until(lambda: "olga: a bot" in stack.punnet("trace", ids[-1]).stdout, 20, "its trace tells who and why")
    wait_until(lambda: "quarantine_rejected" in stack.punnet("trace", ids[-1]).stdout, 20, "and what became of it")
    wait_until(lambda: "olga: called back, real" in stack.punnet("trace", ids[0]).stdout, 20, "of the released one, too")
