"""The auditor beside a running network: it finds nothing while all is well, says the same after it was killed, and names every
record that was falsified, within a minute."""
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
import uuid

import pytest
from conftest import apply_orders, end_stack, make_stack
from support import log, messages
from support.advertiser import Advertiser
from support.stack import ROOT, read_metrics, wait_until
from support.tracker import Tracker
from support.webmaster import Webmaster, lead

LEADS = 400
ALERTS = """operators:
  - {{id: op, name: Operator, alerts: [{{url: "{url}?event={{event}}&what={{reason_code}}&first={{first}}", events: [audit_broken]}}]}}
"""
FOUND_WITHIN_S = 60


@pytest.fixture(scope="module")
def network(request):
    stack = make_stack(environment={"PUNNET_AUDITOR_EVERY": "300ms"}, up=("--scale", "auditor=1"))
    advertiser, stack.watcher = Advertiser(), Tracker()
    try:
        apply_orders(stack, advertiser)
        (stack.home / "alerts.yaml").write_text(ALERTS.format(url=stack.watcher.url))
        stack.punnet("directory", "apply", str(stack.home / "alerts.yaml"))
        stack.webmaster = Webmaster(stack)
        stack.webmaster.send_all(lead(n, seed=91) for n in range(LEADS))
        yield stack
    finally:
        advertiser.close()
        stack.watcher.close()
        end_stack(stack, request.module.__dict__.get("_failed"))


def audit(stack, *options):
    return [json.loads(line) for line in stack.punnet("audit", "--json", *options, check=False).stdout.splitlines()]


def states(stack):
    """What the auditor says, and how often it has read: {invariant: 0 fine, 1 pending, 2 broken}."""
    metrics = stack.metrics("auditor")
    names = {name.split('"')[1]: value for name, value in metrics.items() if name.startswith("punnet_auditor_invariant_state{")}
    return names, metrics["punnet_auditor_rounds_total"], metrics


def is_ready(stack):
    try:
        return stack.status()["auditor@1"]["ready"]
    except KeyError:
        return False


def all_fine(stack):
    names, rounds, metrics = states(stack)
    behind = sum(value for name, value in metrics.items() if name.startswith("punnet_auditor_stage_behind_records"))
    return rounds > 0 and names and not any(names.values()) and behind == 0


def test_a_clean_network_has_no_finding_and_every_lead_is_accounted_for(network):
    wait_until(lambda: is_ready(network) and all_fine(network), FOUND_WITHIN_S, "the auditor says that all is fine")

    def all_said_fine():  # what waits for its next try is pending for a while, and then fine
        lines = audit(network, "--stages")
        assert not any(line.get("broken") for line in lines), lines
        return lines if all(line["state"] == "fine" for line in lines if "invariant" in line) else None
    lines = wait_until(all_said_fine, FOUND_WITHIN_S, "the audit says that all is fine")
    stages = {line["stage"]: line for line in lines if "stage" in line}
    assert stages["judging"]["in"] == LEADS
    for stage in stages.values():
        assert stage["in"] == stage["out"] + sum(stage["dropped"].values()) + stage["behind"] and stage["behind"] == 0, stage
    assert stages["admitting"]["in"] == stages["judging"]["out"] and stages["deciding"]["in"] == stages["admitting"]["out"]
    assert stages["settling"]["in"] >= stages["delivering"]["in"] > 0


@contextlib.contextmanager
def one_more(network, build, **environment):
    """An auditor of another build beside the network's: its address. It has to end well."""
    port, log_path = network.port_base + 99, network.home / f"logs/auditor-{build}.log"
    with open(log_path, "wb") as file:
        auditor = subprocess.Popen([ROOT / f"build/{build}/bin/punnet-auditor", "--instance", "auditor@9", "--admin", f"127.0.0.1:{port}",
                                    "--config", network.home / "conf/punnet.yaml"],
                                   env={**network.environment, **network.exports, **environment}, stdout=file, stderr=file)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        auditor.terminate()
        auditor.wait(30)
    assert auditor.returncode == 0, log_path.read_text()


def rounds_of(url):
    try:
        return read_metrics(url)["punnet_auditor_rounds_total"]
    except OSError:
        return 0  # it has not begun to listen


def test_the_threads_of_the_auditor_do_not_race(network):
    """Built for the thread sanitizer, it ends with 66 when it was ever called a race."""
    with one_more(network, "tsan") as url:
        wait_until(lambda: rounds_of(url) >= 3, FOUND_WITHIN_S, "it has read everything three times")


def test_a_span_of_time_is_audited_by_itself(network):
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    while time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) <= began:
        time.sleep(0.05)  # the span begins at a whole second
    network.webmaster.send_all(lead(n, seed=91) for n in range(LEADS, LEADS + 40))

    def span(*options):
        lines = {line["invariant"]: line for line in audit(network, *options)}
        return lines if all(line["state"] == "fine" for line in lines.values()) else None
    later = wait_until(lambda: span("--from", began), FOUND_WITHIN_S, "the later ones are through")
    before = wait_until(lambda: span("--to", began), FOUND_WITHIN_S, "the earlier ones are")
    assert later["raw_judged"]["count"] == 40 and before["raw_judged"]["count"] == LEADS


def test_an_auditor_that_is_killed_comes_to_the_same_findings(network):
    pid = network.pid("auditor@1")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: network.pid("auditor@1") not in (None, pid) and is_ready(network), FOUND_WITHIN_S, "it is there again")
    wait_until(lambda: all_fine(network), FOUND_WITHIN_S, "it says the same")
    assert states(network)[2]["punnet_auditor_leads_kept"] == LEADS + 40


def told_before_it_has_read(auditor):
    """What an auditor says that reads for the first time and is not through: the stages' backlog in seconds."""
    try:
        urllib.request.urlopen(f"{auditor}/readyz", timeout=5)
        raise AssertionError("it is ready, and has read nothing")
    except urllib.error.HTTPError as answer:
        assert answer.code == 503
    except OSError:
        return {}  # it has not begun to listen
    return {name.split('"')[1]: value for name, value in read_metrics(auditor).items() if name.startswith("punnet_auditor_stage_behind_seconds{")}


def test_the_backlog_is_told_before_everything_is_read(network):
    """An auditor whose first reading has no end, beside a filter worker that stands still."""
    worker = network.pid("filter-worker@1")
    os.kill(worker, signal.SIGSTOP)
    try:
        with one_more(network, "dev", PUNNET_FAULT="first_reading_endless") as auditor:
            network.webmaster.send_all(lead(n, seed=91) for n in range(LEADS + 40, LEADS + 42))
            wait_until(lambda: told_before_it_has_read(auditor).get("judging", 0) >= 1, 20, "the backlog of judging is told")
            os.kill(worker, signal.SIGCONT)
            wait_until(lambda: set(told_before_it_has_read(auditor).values()) == {0}, 20, "it is gone")
    finally:
        os.kill(worker, signal.SIGCONT)


# --- falsified records, one after the other; each is found under its own name ---
def sold(stack, number):
    """The number-th assignment that was delivered: its record in leads.routed."""
    records = [r for partition in log.read_topic(stack.kafka, "leads.routed").values() for r in partition]
    return sorted(records, key=lambda record: record.message.lead_id)[number]


def put(stack, topic, partition, message):
    from confluent_kafka import Producer
    stored = []
    producer = Producer({"bootstrap.servers": stack.kafka, "acks": "all"})
    producer.produce(topic, value=message.SerializeToString(), key=b"falsified", partition=partition,
                     headers=[("message", message.DESCRIPTOR.full_name.encode())], on_delivery=lambda e, m: stored.append((e, m.offset())))
    assert producer.flush(30) == 0 and stored[0][0] is None, stored
    return f"{topic}/{partition}@{stored[0][1]}"


def an_outcome_at_another_price(stack):
    routed = sold(stack, 0).message
    outcome = messages.outcomes.Outcome(lead_id=routed.lead_id, kind=1, advertiser_id=routed.assignment.advertiser_id)
    outcome.source.topic = "leads.attempts"
    outcome.assignment.CopyFrom(routed.assignment)
    outcome.assignment.price.amount_minor += 100
    return "assigned_answered", put(stack, "leads.outcomes", 0, outcome)


def a_sale_that_nobody_decided(stack):
    record = sold(stack, 1)
    routed = record.message
    routed.assignment.round = 7
    routed.source.offset += 100000
    put(stack, "leads.routed", record.partition, routed)
    return "offered_on", f"lead {uuid.UUID(bytes=routed.lead_id)}: no record of the market explains round 7"


def a_verdict_about_another_lead(stack):
    partition, records = next((p, r) for p, r in log.read_topic(stack.kafka, "leads.judged").items() if r)
    judged = records[-1].message
    judged.lead_id = records[0].message.lead_id[:15] + b"\xff"
    judged.source.offset += 100000
    return "raw_judged", put(stack, "leads.judged", partition, judged)


def a_credit_that_was_raised(stack):
    """Behind payout's back: nothing that it notes down changes."""
    with sqlite3.connect(stack.db.removeprefix("sqlite:"), timeout=30) as ledger:
        lead_id, round_ = ledger.execute("SELECT lead_id, round FROM transfers WHERE event = 1 ORDER BY lead_id LIMIT 1").fetchone()
        ledger.execute("UPDATE transfers SET amount1 = amount1 + 1 WHERE lead_id = ? AND round = ? AND event = 1", (lead_id, round_))
    return "transfers", f"ledger: lead {uuid.UUID(bytes=bytes(lead_id))}"


@pytest.mark.parametrize("falsify", [a_credit_that_was_raised, a_sale_that_nobody_decided, an_outcome_at_another_price,
                                     a_verdict_about_another_lead])
def test_what_was_falsified_is_found_and_named(network, falsify):
    invariant, record = falsify(network)
    began = time.monotonic()
    wait_until(lambda: states(network)[0][invariant] == 2, FOUND_WITHIN_S, f"{invariant} is broken")
    assert time.monotonic() - began < FOUND_WITHIN_S
    said = [json.loads(line) for line in network.run("logs", "auditor").stdout.splitlines() if "invariant_broken" in line]
    said = [line for line in said if line["invariant"] == invariant]
    assert said and said[0]["level"] == "error" and record in said[0]["first"], said
    told = wait_until(lambda: [q for _, q, _, _ in network.watcher.heard if q["what"] == invariant], 20, "the operator is told")
    assert [q["event"] for q in told] == ["audit_broken"] and record in told[0]["first"], told
    done = network.punnet("audit", "--trace", check=False)
    assert done.returncode == 1 and record in done.stdout, done.stdout
