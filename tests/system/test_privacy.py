"""Erasure: from then on nobody opens a person's leads, a stopped process that goes on included; without the day's key the contact
is nowhere any more; and what was decided, sold and booked still balances."""
import datetime
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Producer
from conftest import apply_orders, end_stack, make_stack
from support import log, messages, privacy
from support.advertiser import Advertiser
from support.stack import ROOT, wait_until
from support.webmaster import Webmaster, lead

GOT_IT, RETRIED, WAITS, UNTOUCHED = (privacy.person(n) for n in range(4))
BACKGROUND = 30
SEALED_MOST_MS = 30 * 86400 * 1000


def lead_of(person, number):
    return lead(number, vertical="osago", seed=71, device_id=f"device-{number}", **person)


class Buyer:
    """Fails for those that it is told to fail for; remembers whom it was shown."""

    def __init__(self):
        self.failing = [RETRIED, UNTOUCHED]
        self.shown = []
        self.server = Advertiser(self.decide)

    def decide(self, _advertiser, _key, item, _times):
        text = json.dumps(item, ensure_ascii=False)
        self.shown.append(text)
        if any(person["phone"] in text for person in self.failing):
            return 500, {"error": "again"}
        return 200, {"outcome": "accepted"}

    def calls_for(self, person):
        return sum(person["phone"] in text for text in list(self.shown))


class Story:
    """Four persons' leads: sold, between two tries, not judged yet, and one who asks for nothing."""

    def __init__(self, fault=""):
        self.stack = make_stack("dev", {"PUNNET_FAULT": fault, "PUNNET_DELIVERY_RETRY_SCHEDULE": "0s,3s,3s,3s,3s,3s"})
        self.buyer = Buyer()
        apply_orders(self.stack, self.buyer.server)
        self.webmaster = Webmaster(self.stack, connections=4)

    def close(self, failed):
        self.buyer.server.close()
        end_stack(self.stack, failed)

    def send(self, *leads):
        self.webmaster.send_all(leads)
        assert not self.webmaster.refused, self.webmaster.refused

    def id_of(self, number):
        return bytes.fromhex(self.webmaster.acknowledged[f"k-c{number}"].replace("-", ""))

    def records(self, topic, number):
        """Of one lead, in their order."""
        read = (messages.BY_TOPIC[topic].FromString(r.value) for of_one in log.read_topic(self.stack.kafka, topic).values() for r in of_one)
        return [m for m in read if m.lead_id == self.id_of(number)]

    def verdict(self, number):
        found = wait_until(lambda: self.records("leads.judged", number), 30, "the lead is judged")
        assert len(found) == 1
        return found[0]

    def outcome(self, number):
        return wait_until(lambda: self.records("leads.outcomes", number), 40, "the lead has an outcome")[0]

    def sell(self):
        self.send(*(lead(1000 + n, seed=71) for n in range(BACKGROUND)), lead_of(GOT_IT, 1), lead_of(RETRIED, 2), lead_of(UNTOUCHED, 4))
        wait_until(lambda: all(self.buyer.calls_for(p) for p in (GOT_IT, RETRIED, UNTOUCHED)), 30, "each was shown")

    def erase_while_they_are_stopped(self):
        """Delivery and the filter worker sleep through it, with one lead to be tried again and one to be judged."""
        self.stack.run("pause", "filter-worker")
        self.send(lead_of(WAITS, 3))
        self.stack.run("pause", "delivery")
        self.calls_before = self.buyer.calls_for(RETRIED)
        orders = [("--phone", WAITS["phone"]), ("--phone", RETRIED["phone"][2:], "--country", "RU"), ("--email", GOT_IT["email"].upper())]
        with ThreadPoolExecutor() as pool:
            said = list(pool.map(lambda o: self.stack.punnet("erase", *o, "--who", "test", "--why", "request 17", "--json").stdout, orders))
        self.buyer.failing = []
        self.stack.run("resume", "delivery")
        self.stack.run("resume", "filter-worker")
        return [json.loads(text) for text in said]

    def audit(self):
        self.stack.punnet("audit")

    def report(self, *person):
        return [json.loads(line) for line in self.stack.punnet("privacy", "report", *person, "--json").stdout.splitlines()]


@pytest.fixture(scope="module")
def story(request):
    it = Story()
    yield it
    it.close(getattr(request.module, "_failed", False))


def test_who_is_erased_is_shown_to_nobody_any_more(story):
    story.sell()
    story.outcome(1)
    said = story.erase_while_they_are_stopped()
    assert all(s["written"] and s["suppressions"] == 1 for s in said)
    assert [s["fingerprints"] for s in said] == [1, 1, 1]

    verdict = story.verdict(3)
    assert verdict.verdict == messages.judged.REJECTED and verdict.reasons[0].code == "erased"
    assert not verdict.HasField("contact") and not any(f.name.startswith(("phone_", "email_")) for f in verdict.facts if not f.HasField("claim"))
    # Where delivery slept for so long that its place was given away, its earlier try may have arrived for all that is known.
    ends = {(messages.outcomes.OUTCOME_UNDELIVERABLE, "erased"), (messages.outcomes.OUTCOME_UNRESOLVED, "unresolved")}
    outcome = story.outcome(2)
    assert (outcome.kind, outcome.reason_code) in ends
    wait_until(lambda: story.stack.punnet("audit", check=False).returncode == 0, 30, "the auditor finds nothing")
    assert len(story.records("leads.routed", 2)) == 1, "it was offered to somebody else"
    assert story.buyer.calls_for(RETRIED) == story.calls_before, "it was handed over after the erasure"
    assert story.outcome(4).kind == messages.outcomes.OUTCOME_DELIVERED


def test_it_holds_across_a_restart_and_the_next_submission_is_suppressed(story):
    for service in ("filter-worker", "delivery"):
        story.stack.run("kill", service)
    shown = story.buyer.calls_for(GOT_IT)
    story.send(lead_of(GOT_IT, 11), lead_of(WAITS, 13), lead_of(privacy.person(9), 19))
    for number in (11, 13):
        verdict = story.verdict(number)
        assert verdict.verdict == messages.judged.REJECTED
        assert "suppressed" in [r.code for r in verdict.reasons]
    assert story.outcome(19).kind == messages.outcomes.OUTCOME_DELIVERED
    assert story.buyer.calls_for(GOT_IT) == shown
    wait_until(lambda: story.stack.punnet("audit", check=False).returncode == 0, 30, "the auditor finds nothing")


def test_what_is_held_about_a_person_is_told_without_the_contact(story):
    *leads, standing = story.report("--email", GOT_IT["email"])
    assert standing["suppressed"] and standing["erased_at"] and standing["leads"] == len(leads) == 2
    sold = next(row for row in leads if row["lead_id"] == story.webmaster.acknowledged["k-c1"])
    assert sold["verdict"] == "accepted" and sold["key"] == "kept" and sold["handed_to"][0]["got_it"] == "yes"
    assert {r["topic"] for r in sold["records"] if r["sealed"]} == {"leads.raw", "leads.judged", "market", "leads.routed"}
    assert {r["topic"] for r in sold["records"]} >= {"leads.attempts", "leads.outcomes"}
    assert not any(needle in json.dumps(leads).encode() for _, needle in privacy.needles(GOT_IT) if len(needle) > 6)


def files_with(stack, needles):
    """Every file of the stack, but for Kafka's indexes, which are holes. A file that goes meanwhile held nothing for long."""
    found = set()
    for path in (p for p in stack.home.rglob("*") if p.is_file() and not p.name.endswith("index")):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        if any(needle in data for needle in needles):
            found.add(path)
    return found


def test_without_the_key_the_contact_is_nowhere(story):
    """Topics (by a client that unpacks them), Redis, logs, the ledger, metrics, and every file of the stack."""
    seals = story.stack.home / "keys/seal"
    days = sorted(seals.glob("*.key"))
    secrets = [form for path in days for text in [path.read_text().strip()] for form in (text.encode(), bytes.fromhex(text))]
    assert days and files_with(story.stack, secrets) == set(days)
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
    assert story.stack.punnet("keys", "destroy", "--before", tomorrow, check=False).returncode == 2  # today's is in use
    gone = json.loads(story.stack.punnet("keys", "destroy", "--before", tomorrow, "--with-today", "--who", "test", "--json").stdout)
    assert gone["destroyed"] == gone["told"] == len(days)
    assert not list(seals.glob("*.key"))

    persons = [GOT_IT, RETRIED, WAITS, UNTOUCHED, privacy.person(9)]
    found, size = privacy.leaks(story.stack, persons)
    assert not found and size > 100_000
    wanted = [needle for person in persons for _, needle in privacy.needles(person) if len(needle) > 6]
    wanted += secrets
    assert not files_with(story.stack, wanted)
    told = [m.id for of_one in log.read_topic(story.stack.kafka, "directory").values() for r in of_one if r.value
            for m in [messages.directory.DirectoryEntry.FromString(r.value)]]
    assert [i for i in told if i.startswith("key/")] == [f"key/{day.stem}" for day in days]
    assert all(row["key"] == "destroyed" for row in story.report("--phone", RETRIED["phone"])[:-1])
    story.audit()


def test_keys_are_made_ahead_and_destroyed_by_schedule(story):
    seals, today = story.stack.home / "keys/seal", int(time.time() // 86400)
    date = lambda day: time.strftime("%Y-%m-%d", time.gmtime(day * 86400))  # noqa: E731
    for age in (27, 28, 40):
        (seals / f"{date(today - age)}.key").write_text(f"{age:064x}\n")
    old = messages.directory.DirectoryEntry(id="erasure/old", erasure=messages.directory.Erasure(erased_at_ms=(today - 31) * 86400 * 1000))
    producer = Producer({"bootstrap.servers": story.stack.kafka, "acks": "all"})
    producer.produce("directory", key=old.id, value=old.SerializeToString(), headers=[("message", b"punnet.v1.DirectoryEntry")])
    assert producer.flush(30) == 0
    overdue = story.stack.punnet("keys", "list", check=False)
    assert overdue.returncode == 1 and overdue.stdout.count("overdue") == 2
    dry = json.loads(story.stack.punnet("keys", "rotate", "--dry-run", "--json").stdout.splitlines()[-1])
    done = json.loads(story.stack.punnet("keys", "rotate", "--json").stdout.splitlines()[-1])
    assert (dry["made"], dry["destroyed"], dry["erasures_cleared"]) == (done["made"], done["destroyed"], done["erasures_cleared"]) == (7, 2, 1)
    assert done["told"] == 2
    assert {p.name for p in seals.glob("*.key")} == {f"{date(d)}.key" for d in (today - 27, *range(today + 1, today + 8))}
    (seals / f"{date(today - 28)}.destroyed").unlink()  # a backup is put back: the key is there, its marker is not
    (seals / f"{date(today - 28)}.key").write_text("ab" * 32 + "\n")
    (seals / f"{date(today)}.destroyed").unlink()
    (seals / f"{date(today)}.key").write_text("ab" * 32 + "\n")
    back = json.loads(story.stack.punnet("keys", "rotate", "--json").stdout.splitlines()[-1])
    assert (back["destroyed"], back["told"]) == (2, 0) and not (seals / f"{date(today)}.key").exists()
    again = json.loads(story.stack.punnet("keys", "rotate", "--json").stdout.splitlines()[-1])
    assert set(again.values()) == {0}
    assert story.stack.punnet("keys", "list").returncode == 0


def test_a_clock_that_leapt_destroys_nothing(tmp_path, story):
    (tmp_path / "seal").mkdir()
    for name in ("master.key", "fingerprint.key", "seal/2020-01-01.key"):
        (tmp_path / name).write_text("ab" * 32 + "\n")
    refused = subprocess.run([story.stack.bin / "punnet", "keys", "rotate"], capture_output=True, text=True, check=False,
                             env={**story.stack.environment, **story.stack.exports, "PUNNET_COMMON_KEYS_DIR": str(tmp_path)})
    assert refused.returncode == 1 and "nothing is done" in refused.stderr
    assert (tmp_path / "seal/2020-01-01.key").exists()


def test_without_the_refusal_the_search_finds_it(request):
    """The negative control: the same story with the check switched off."""
    story = Story("erasures_off")
    try:
        story.sell()
        story.erase_while_they_are_stopped()
        assert story.outcome(2).kind == messages.outcomes.OUTCOME_DELIVERED
        assert story.verdict(3).reasons[0].code != "erased"
    finally:
        story.close(getattr(request.module, "_failed", False))


def test_logs_are_cut_by_the_day_and_deleted_by_age(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "deploy/local"))
    from stacklib.housekeeping import Housekeeper  # noqa: PLC0415  (the product's own supervisor uses it)
    from stacklib.layout import Layout  # noqa: PLC0415
    monkeypatch.setenv("PUNNET_HOME", str(tmp_path))
    layout = Layout.from_environment()
    layout.make_folders()
    layout.config_file.write_text("common:\n  log_level: info\nprivacy:\n  key_days: 20\n  log_days: 2\n")
    keeper, logs = Housekeeper(layout), tmp_path / "logs"
    with open(logs / "delivery@1.log", "ab", buffering=0) as held:  # as a service holds it
        for day in range(1, 6):
            held.write(f"line of day {day}\n".encode())
            keeper.tidy(datetime.date(2026, 12, day))
    kept = {path.name: path.read_text() for path in logs.glob("delivery*")}
    assert kept == {"delivery@1.log": "", "delivery@1.log.2026-12-04": "line of day 5\n", "delivery@1.log.2026-12-03": "line of day 4\n"}


def test_the_stack_rotates_keys_at_once_and_looks_at_scorecards_and_tiers_when_an_hour_is_over(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "deploy/local"))
    from stacklib import housekeeping  # noqa: PLC0415
    from stacklib.layout import Layout  # noqa: PLC0415
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/punnet").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "bin/punnet").chmod(0o755)
    monkeypatch.setenv("PUNNET_HOME", str(tmp_path))
    monkeypatch.setenv("PUNNET_BIN", str(tmp_path / "bin"))
    monkeypatch.setattr(housekeeping, "FIRST_AFTER_S", 0)
    monkeypatch.setattr(housekeeping, "EVERY_S", 0)
    layout = Layout.from_environment()
    layout.make_folders()
    keeper = housekeeping.Housekeeper(layout)

    def said():
        keeper.run()
        for job in keeper.running.values():
            assert job.wait(timeout=30) == 0
        return {path.stem: path.read_text() for path in (tmp_path / "logs").glob("*.log")}
    at_the_end = f" --config {layout.config_file}\n"
    keys = f"keys rotate --who stack{at_the_end}"
    assert said() == {"keys": keys}
    assert said() == {"keys": 2 * keys, "scorecard": f"scorecard apply{at_the_end}", "tiers": f"tiers apply{at_the_end}"}


def _holds_sealed(descriptor, seen=()):
    return any(f.message_type is messages.common.SealedContact.DESCRIPTOR or
               (f.message_type not in (None, *seen) and _holds_sealed(f.message_type, (*seen, f.message_type)))
               for f in descriptor.fields)


def test_no_topic_that_stays_longer_holds_a_sealed_contact():
    """By the messages' own types, and the table of topics. market.snapshots holds the market's open leads as bytes, the newest two
    generations of them; a dead letter holds the bytes of a record that could not be read."""
    rows = (line.strip().removeprefix("- {").removesuffix("}") for line in (ROOT / "proto/topics.yaml").read_text().splitlines() if "{name:" in line)
    retention = {}
    for row in rows:
        cells = dict(cell.split(":", 1) for cell in row.split(", ") if ":" in cell)
        text = cells["retention"].strip()
        retention[cells["name"].strip()] = float("inf") if text == "forever" else int(text.removesuffix("d")) * 86400 * 1000
    sealed = {topic for topic, message in messages.BY_TOPIC.items() if _holds_sealed(message.DESCRIPTOR)}
    assert sealed == {"leads.raw", "leads.judged", "market", "leads.routed"}
    assert all(retention[topic] <= SEALED_MOST_MS for topic in sealed)
