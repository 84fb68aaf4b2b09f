"""What is recorded is computed once more and is equal; what was altered is named; and nothing is written while it is looked at."""
import itertools
import json
import subprocess
import uuid

import pytest
import redis
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from conftest import apply_orders, end_stack, make_stack
from support import log
from support.ledger import read_ledger
from support.redis_cluster import RedisCluster
from support.stack import ROOT, wait_until
from support.webmaster import Webmaster, lead
from test_whole_path import post

LEADS = 400
READS = {"ApiVersions", "Metadata", "ListOffsets", "Fetch", "API_VERSIONS", "METADATA", "LIST_OFFSETS", "FETCH"}


@pytest.fixture(scope="module")
def settled(stack, advertiser):
    """Leads of every kind: sold, refused and offered on, rejected, approved, returned."""
    apply_orders(stack, advertiser)

    def decide(_who, key, body, _times):
        refuses = int(body["lead_id"][-1], 16) % 4 == 0 and key.endswith(".0")
        return 200, {"outcome": "refused", "reason": "wrong_region"} if refuses else {"outcome": "accepted"}
    advertiser.decide = decide
    webmaster = Webmaster(stack)
    webmaster.send_all(lead(n % 350, seed=3, honeypot="x" if n % 9 == 0 else "") for n in range(LEADS))

    def all_settled():
        delivered = [t for t in read_ledger(stack.db).transfers.values() if t.event == "delivered"]
        return len(delivered) == len(advertiser.taken) > LEADS // 2 and delivered
    wait_until(all_settled, 60, "what was delivered is credited")
    for number, (lead_id, takers) in enumerate(list(advertiser.taken.items())[:20]):
        verdict = {"lead_id": lead_id, "verdict": "approved" if number % 2 else "returned", "verdict_id": f"v{number}",
                   "reason_code": "" if number % 2 else "wrong_phone"}
        assert post(stack, "/v1/verdicts", verdict, stack.keys("advertiser")[next(iter(takers))[0]])[0] == 202
    wait_until(lambda: sum(t.event != "delivered" for t in read_ledger(stack.db).transfers.values()) >= 20, 30, "the verdicts are settled")
    return stack


def replay(stack, *arguments):
    done = stack.punnet("replay", *arguments, "--json", check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, rows, done.stderr


def of_kind(rows, kind):
    return [row for row in rows if row["kind"] == kind]


def ends(stack):
    return {topic: {p: len(records) for p, records in log.read_topic(stack.kafka, topic).items()}
            for topic in ("leads.raw", "leads.judged", "market", "leads.routed", "leads.unsold", "leads.outcomes", "directory")}


def groups(stack):
    admin = AdminClient({"bootstrap.servers": stack.kafka})  # held: with it goes the answer
    return sorted(group.group_id for group in admin.list_consumer_groups().result(timeout=20).valid)


def log_requests(stack, level):
    """The broker's own logger of requests, changed while it runs, by Kafka's own tool."""
    done = subprocess.run(["java", "-cp", f"{ROOT}/.cache/kafka/*", "kafka.admin.ConfigCommand", "--bootstrap-server", stack.kafka,
                           "--entity-type", "broker-loggers", "--entity-name", "1", "--alter", "--add-config",
                           f"kafka.request.logger={level}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_verdicts_decisions_and_lives_are_equal(settled):
    for what in ("verdicts", "decisions", "lives"):
        code, rows, text = replay(settled, what)
        total, = of_kind(rows, "total")
        assert code == 0 and total["different"] == 0 and total["equal"] >= LEADS // 2, (what, rows, text)


def test_a_recording_comes_to_the_same_digests(settled, tmp_path):
    folder = tmp_path / "topics"
    settled.punnet("replay", "record", str(folder))
    for what in ("verdicts", "decisions"):
        live, recorded = (of_kind(replay(settled, what, *more)[1], "partition")
                          for more in (("--threads", "1"), ("--threads", "3", "--source", f"files:{folder}")))
        assert live == recorded


def restore(stack, other, late_ms):
    """As docs/operations.md says: the same partitions, order, keys, headers and times. What services wrote comes `late_ms` later in
    each further partition than it did."""
    topics = ("directory", "leads.judged", "market", "market.snapshots", "leads.routed", "leads.unsold")
    change = ConfigEntry("message.timestamp.type", "CreateTime", incremental_operation=AlterConfigOpType.SET)
    admin = AdminClient({"bootstrap.servers": other.kafka})
    for done in admin.incremental_alter_configs(
            [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change]) for topic in topics]).values():
        done.result(timeout=30)
    producer = Producer({"bootstrap.servers": other.kafka, "enable.idempotence": True})
    for topic in topics:
        derived = topic not in ("directory", "market", "market.snapshots")
        for partition, records in reversed(log.read_topic(stack.kafka, topic).items()):
            for r in records:
                producer.produce(topic, value=r.value, key=r.key, partition=partition, headers=[("message", r.type.encode())],
                                 timestamp=r.timestamp_ms + (late_ms * partition if derived else 0))
    assert producer.flush(60) == 0


def test_another_broker_with_other_timing_that_a_backup_was_put_back_into_comes_to_the_same_digests(settled, request):
    other = make_stack(up=("--engines-only",))
    try:
        restore(settled, other, late_ms=4000)
        for what in ("verdicts", "decisions"):
            live, (code, rows, text) = replay(settled, what)[1], replay(other, what)
            assert code == 0 and of_kind(rows, "partition") == of_kind(live, "partition"), (what, rows, text)
            assert of_kind(rows, "total")[0]["equal"] >= LEADS // 2
    finally:
        end_stack(other, request.module.__dict__.get("_failed"))


def in_a_redis_prefix(stack, arguments):
    """In the network's own Redis, whose keys stay as they are; of all that it is told there each key is the replay's."""
    client = redis.Redis.from_url(stack.exports["PUNNET_REDIS"])

    def keys():
        return {key: (client.dump(key), client.pexpiretime(key)) for key in client.keys()}
    before = keys()
    with client.monitor() as monitor:
        code, rows, text = replay(stack, *arguments, "--memory", stack.exports["PUNNET_REDIS"])
        client.echo("over")
        told = list(itertools.takewhile(lambda one: "ECHO over" not in one["command"], monitor.listen()))
    memory, = of_kind(rows, "memory")
    assert code == 0 and memory["removed"] > 0, (rows, text)
    assert memory["prefix"].startswith("replay:") and keys() == before
    its_own = {one["client_port"] for one in told if memory["prefix"] in one["command"] and one["client_type"] != "lua"}
    asked = [one["command"].split() for one in told if one["client_port"] in its_own and one["client_type"] != "lua"]
    scripts = [words for words in asked if words[0] == "EVALSHA"]
    assert {words[0] for words in asked} <= {"SELECT", "SCRIPT", "EVALSHA", "SCAN", "UNLINK"}
    assert len(its_own) == 1 and scripts and all(words[3].startswith(memory["prefix"]) for words in scripts)
    return rows


def test_other_rules_and_orders_show_what_would_have_changed(settled, tmp_path):
    rules, orders = tmp_path / "rules.yaml", tmp_path / "orders.yaml"
    rules.write_text("filters:\n  - honeypot: {action: reject}\n")
    code, rows, text = replay(settled, "verdicts", "--rules", str(rules))
    trapped = sum(1 for n in range(LEADS) if n % 9 == 0)
    hit, = (row for row in of_kind(rows, "filter") if row["filter"] == "honeypot")
    assert code == 0 and hit["would_be"] == trapped, (rows, text)
    assert of_kind(rows, "sample") and of_kind(rows, "money")
    code, rows, text = replay(settled, "verdicts", "--rules", str(rules), "--regather")
    assert code == 0 and of_kind(rows, "regathered")[0]["leads"] == LEADS, (rows, text)
    assert next(row for row in of_kind(rows, "filter") if row["filter"] == "honeypot")["would_be"] == trapped
    standard = ("verdicts", "--rules", str(ROOT / "rules/default.yaml"), "--regather")
    in_memory, in_redis = replay(settled, *standard)[1], in_a_redis_prefix(settled, standard)
    assert [row for row in in_redis if row["kind"] != "memory"] == [row for row in in_memory if row["kind"] != "memory"]

    text = (settled.home / "orders.yaml").read_text()
    orders.write_text(text)
    code, rows, _ = replay(settled, "decisions", "--orders", str(orders))
    assert code == 0 and of_kind(rows, "changed")[0]["changed"] == 0, "the same orders decide the same"
    orders.write_text(text.replace("amount_minor: 120600", "amount_minor: 990000"))
    code, rows, _ = replay(settled, "decisions", "--orders", str(orders))
    dearer, = (row for row in of_kind(rows, "order") if row["id"] == "bank-sever-credit-card-1")
    assert code == 0 and dearer["would_be"] > dearer["was"]


def test_facts_are_gathered_anew_in_a_redis_cluster(settled):
    """All nodes have some of it, no node keeps any, and it comes to what a memory of the tool's own comes to."""
    standard = ("verdicts", "--rules", str(ROOT / "rules/default.yaml"), "--regather")
    cluster = RedisCluster()
    try:
        code, rows, text = replay(settled, *standard, "--memory", cluster.url)
        memory, = of_kind(rows, "memory")
        assert code == 0 and memory["removed"] > 0 and memory["prefix"].startswith("replay:"), (rows, text)
        assert [int(cluster.ask(port, "DBSIZE")) for port in cluster.ports] == [0] * len(cluster.ports)
        written = [cluster.ask(port, "INFO", "commandstats") for port in cluster.ports]
        assert all("cmdstat_evalsha" in said and "cmdstat_unlink" in said for said in written), written
    finally:
        cluster.close()
    assert [row for row in rows if row["kind"] != "memory"] == [row for row in replay(settled, *standard)[1] if row["kind"] != "memory"]


def test_nothing_is_written_and_no_group_is_joined(settled, tmp_path):
    """The broker's own request log, and what it holds before and after."""
    before = ends(settled), groups(settled)
    log_requests(settled, "DEBUG")
    lead_id = str(uuid.UUID(bytes=next(iter(log.read_topic(settled.kafka, "leads.raw").values()))[0].message.lead_id))
    for arguments in (("verdicts",), ("decisions",), ("lives",), ("record", str(tmp_path / "topics"))):
        settled.punnet("replay", *arguments)
    settled.punnet("trace", lead_id)

    def seen():
        found = {}
        for path in settled.home.rglob("*.log*"):
            for line in path.read_text(errors="replace").splitlines():
                for client in ("punnet-replay", "punnet-trace"):
                    if f'"{client}"' in line and "requestApiKeyName" in line:
                        name = line.split('"requestApiKeyName":"')[1].split('"')[0]
                        found.setdefault(client, set()).add(name)
        return found if len(found) == 2 else None
    requests = wait_until(seen, 15, "the broker logs the requests")
    log_requests(settled, "WARN")
    assert all(names <= READS for names in requests.values()), requests
    assert all("FETCH" in {n.upper() for n in names} for names in requests.values()), "the log shows what was asked"
    assert (ends(settled), groups(settled)) == before


def test_trace_finds_a_lead_by_other_signs_and_tells_each_party_its_own(settled, advertiser, tmp_path):
    key = settled.keys("webmaster")["w03"]
    body = lead(990, "osago", seed=8, click_id="click-990", phone="+7 916 222-33-44", email="Some.One@Example.RU")
    status, _, answer = post(settled, "/v1/leads", body, key, idempotency_key="idem-990")
    lead_id = json.loads(answer)["lead_id"]
    assert status == 202
    wait_until(lambda: lead_id in advertiser.taken, 20, "it is sold")
    wait_until(lambda: "credit" in settled.punnet("trace", lead_id).stdout, 20, "and credited")
    for sign in (("--click-id", "click-990"), ("--phone", "8 (916) 222 33 44", "--country", "RU"), ("--email", "some.one@example.ru"),
                 ("--idempotency-key", "idem-990", "--webmaster", "w03")):
        assert f"lead {lead_id}" in settled.punnet("trace", *sign).stdout, sign
    assert settled.punnet("trace", "--click-id", "nobody", check=False).returncode == 1
    taker = next(iter(advertiser.taken[lead_id]))[0]
    pages = {}
    for reader in ("webmaster", f"advertiser/{taker}", "advertiser/somebody-else"):
        path = tmp_path / "page.html"
        settled.punnet("trace", lead_id, "--html", str(path), "--for", reader)
        pages[reader] = path.read_text()
    for page in pages.values():
        assert "2223344" not in page and "some.one" not in page.lower() and "<script" not in page
        assert "for the operator" not in page and "outbid" not in page and "network:margin" not in page
    assert "webmasters:w03:hold" in pages["webmaster"] and f"advertisers:{taker}" not in pages["webmaster"]
    assert f"advertisers:{taker}" in pages[f"advertiser/{taker}"] and "webmasters:" not in pages[f"advertiser/{taker}"]
    assert taker not in pages["advertiser/somebody-else"]


def test_an_altered_verdict_in_the_log_is_named(settled):
    """Last: what is appended stays in the topic."""
    record = next(iter(log.read_topic(settled.kafka, "leads.judged").values()))[-1]
    message, producer = record.message, Producer({"bootstrap.servers": settled.kafka})
    message.score += 1
    offsets = []
    producer.produce("leads.judged", message.SerializeToString(), partition=record.partition, headers={"message": "punnet.v1.JudgedLead"},
                     on_delivery=lambda _error, stored: offsets.append(stored.offset()))
    producer.flush(20)
    code, rows, text = replay(settled, "verdicts")
    named, = of_kind(rows, "difference")
    assert code == 1 and named["field"] == "score" and int(named["recorded"]) == int(named["recomputed"]) + 1, (named, text)
    assert named["record"] == f"leads.judged/{record.partition}@{offsets[0]}"
    assert named["lead_id"] == str(uuid.UUID(bytes=message.lead_id))
