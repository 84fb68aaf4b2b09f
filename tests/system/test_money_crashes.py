"""Two payouts work on one ledger, and one of them is killed at every step between an outcome and its feedback, and delivery at every step
of a postback: on SQLite and on PostgreSQL. In the end one of the two is frozen until the other has its partitions, and wakes up. Each
lead is credited once, the market hears of each settlement once, and a tracker of each event at least once."""
import json
import os
import signal
import tempfile
import uuid
from pathlib import Path

from conftest import apply_orders, end_stack, make_stack
from support import log
from support.advertiser import Advertiser
from support.checker import Checker, Watermark
from support.ledger import read_ledger
from support.postgres import Postgres, needs_postgres
from support.stack import wait_until
from support.tracker import Tracker
from support.webmaster import Webmaster, lead
from support.workers import PARTITIONS, order_death, owners, wait_died, wait_owned

STEP_LEADS = 30
STEPS = ("payout_begun", "payout_loaded", "payout_decided", "payout_settled", "payout_moved", "payout_committed",
         "payout_outbox_sent", "payout_outbox_forgotten", "postback_answered", "postback_attempt_acked")
PAYOUTS = ("payout@1", "payout@2")
TRACKED = """webmasters:
  - {{id: w01, name: "Teaser 01", default_country: RU, rate_per_s: 5000, burst: 20000, postbacks: [
      {{url: "{url}?event={{event}}&lead={{lead_id}}", events: [delivered]}}]}}
"""


def settlements(stack):
    """How often the market hears of each settlement, when repeats fall away by their number as they do in the router."""
    seen = {}
    for records in log.read_topic(stack.kafka, "market").values():
        marks = Watermark()
        for record in records:
            m = record.message
            if m.WhichOneof("event") == "settled" and marks.fresh(m.source):
                key = (str(uuid.UUID(bytes=m.lead_id)), m.settled.round, m.settled.settlement)
                seen[key] = seen.get(key, 0) + 1
    return seen


def audit_rows(stack):
    return [json.loads(row) for row in stack.punnet("audit", "--json", check=False).stdout.splitlines()]


def freeze_until_relieved(stack, webmaster, frozen):
    """The other one takes its partitions over and settles what comes meanwhile; then it wakes up with what it held."""
    other, = set(PAYOUTS) - {frozen}
    first = len(STEPS) * STEP_LEADS
    webmaster.send_all([lead(first + n, seed=91) for n in range(STEP_LEADS)], 300)
    wait_owned(stack, PAYOUTS)  # the one that died last may not have come back
    pid = stack.pid(frozen)
    os.kill(pid, signal.SIGSTOP)
    try:
        webmaster.send_all([lead(first + STEP_LEADS + n, seed=91) for n in range(STEP_LEADS)], 300)
        wait_until(lambda: sum(owner == other for owner in owners(stack, (other,)).values()) == PARTITIONS, 40, "the other one has all")
    finally:
        os.kill(pid, signal.SIGCONT)
    return 2 * STEP_LEADS


def kill_at_every_step(db=None):
    once, tracker, advertiser, failed = Path(tempfile.mkdtemp(prefix="punnet-once-")), Tracker(), Advertiser(), True
    stack = make_stack("dev", {"PUNNET_FAULT_ONCE": str(once), "PUNNET_DELIVERY_POSTBACK_SCHEDULE": "200ms,1s",
                               **({"PUNNET_DB": db} if db else {})}, up=("--scale", "payout=2"))
    try:
        apply_orders(stack, advertiser)
        (stack.home / "tracked.yaml").write_text(TRACKED.format(url=tracker.url))
        stack.punnet("directory", "apply", str(stack.home / "tracked.yaml"))
        webmaster = Webmaster(stack)
        wait_owned(stack, PAYOUTS)
        for step, point in enumerate(STEPS):
            order_death(once, point)
            webmaster.send_all([lead(step * STEP_LEADS + n, seed=91) for n in range(STEP_LEADS)], 300)
            wait_died(once, point)
        more = freeze_until_relieved(stack, webmaster, PAYOUTS[1])
        assert len(webmaster.acknowledged) == len(STEPS) * STEP_LEADS + more

        def well():
            checker = Checker(stack.kafka, stack.db)
            return not checker.check(webmaster.acknowledged.values(), advertiser) and checker.counts["credits"] > 100
        wait_until(well, 60, "all is settled")
        wait_until(lambda: read_ledger(stack.db).outbox == 0, 30, "the outbox is published")
        lives, heard = read_ledger(stack.db).lives, settlements(stack)
        assert set(heard.values()) == {1}
        assert {(i, r) for i, r, _ in heard} == set(lives)
        events = {str(uuid.UUID(bytes=r.message.lead_id)) for records in log.read_topic(stack.kafka, "status.events").values()
                  for r in records}
        assert events
        wait_until(lambda: {q["lead"] for _, q, _, _ in tracker.heard} == events, 30, "the tracker heard of all")
        assert not [row for row in audit_rows(stack) if row.get("state") == "broken"]
        failed = False
    finally:
        end_stack(stack, failed)
        advertiser.close()
        tracker.close()


def test_killed_at_every_step_payout_loses_and_doubles_nothing_on_sqlite():
    kill_at_every_step()


@needs_postgres
def test_killed_at_every_step_payout_loses_and_doubles_nothing_on_postgresql():
    postgres = Postgres()
    try:
        kill_at_every_step(postgres.url)
    finally:
        postgres.close()


def test_an_offset_apart_from_its_transfers_is_found_out():
    """The control: the offset is committed before what it stands for, and payout is killed between the two. What the tests above look at
    turns red."""
    once, advertiser, failed = Path(tempfile.mkdtemp(prefix="punnet-once-")), Advertiser(), True
    stack = make_stack("dev", {"PUNNET_FAULT_ONCE": str(once), "PUNNET_FAULT": "offset_apart"})
    try:
        apply_orders(stack, advertiser)
        webmaster = Webmaster(stack)
        order_death(once, "payout_settled")
        webmaster.send_all([lead(n, seed=91) for n in range(STEP_LEADS)], 300)
        wait_died(once, "payout_settled")

        def missed():
            return {row["invariant"] for row in audit_rows(stack) if row.get("state") == "broken"} >= {"delivered_credited"}
        wait_until(missed, 40, "the audit misses credits")
        findings = Checker(stack.kafka, stack.db).check(webmaster.acknowledged.values(), advertiser)
        assert any("was delivered and not credited" in finding for finding in findings), findings
        failed = False
    finally:
        end_stack(stack, failed)
        advertiser.close()
