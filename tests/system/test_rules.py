"""Rule sets are published through the directory and taken over between two batches; every verdict names the one that made it."""
import itertools
import json
import subprocess
import threading
import uuid

from conftest import apply_orders, end_stack, make_stack
from support import log
from support.advertiser import Advertiser
from support.checker import Checker
from support.stack import ROOT, wait_until
from support.webmaster import Webmaster, lead

STRICT = "filters:\n  - resubmission\n  - honeypot: {action: reject}\n"
LEADS, RATE_PER_S = 1200, 300
STANDARD_REJECT_AT = 60


def verdicts(stack):
    return [r.message for records in log.read_topic(stack.kafka, "leads.judged").values() for r in records]


def listed(stack):
    return [json.loads(line) for line in stack.punnet("rules", "list", "--json").stdout.splitlines()]


def difference(tmp_path, *texts):
    """(status, lines, what was wrong): files are compared without any server."""
    paths = [tmp_path / f"{n}.yaml" for n in range(len(texts))]
    for path, text in zip(paths, texts):
        path.write_text(text)
    done = subprocess.run([ROOT / "build/release/bin/punnet", "rules", "diff", *map(str, paths)], env={"PATH": ""}, capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_two_files_are_compared_in_meaning(tmp_path):
    plain = "filters:\n  - fill_time\n  - honeypot: {weight: 34}\n"
    spelt = "# a remark\nreject_at: 60\nfilters: [fill_time: {score_below: 5000ms}, honeypot]\n"
    assert difference(tmp_path, plain, spelt) == (0, ["they mean the same"], "")
    assert difference(tmp_path, plain, "filters: [honeypot, fill_time]\n") == (0, ["the rules stand in another order"], "")
    status, lines, fault = difference(tmp_path, "filters: [honeypot]\n", "reject_at: 70\nfilters: [honeypot: {weight: 50}]\nscopes:\n"
                                      "  - {vertical: osago, filters: [honeypot: {shadow: true}]}\n")
    assert (status, fault) == (0, "")
    assert lines[:4] == ["- reject_at=60 quarantine_at=0", "- honeypot action=score weight=34 on_unknown=pass",
                         "+ reject_at=70 quarantine_at=0", "+ honeypot action=score weight=50 on_unknown=pass"]
    assert lines[4:] and all(line.startswith("+ ") and "vertical=osago" in line for line in lines[4:]), "a scope's lines name it"
    status, lines, fault = difference(tmp_path, plain, "filters:\n  - honeyport\n")
    assert (status, lines) == (1, []) and '1.yaml:2: filters: there is no filter "honeyport"' in fault


def test_a_rule_set_is_published_in_mid_flow(tmp_path):
    stack, advertiser, failed = make_stack(up=("--scale", "filter-worker=2")), Advertiser(), True
    try:
        apply_orders(stack, advertiser)
        strict, broken = tmp_path / "strict.yaml", tmp_path / "broken.yaml"
        strict.write_text(STRICT)
        broken.write_text("filters:\n  - no_such_filter\n")
        assert listed(stack) == []
        webmaster = Webmaster(stack)
        leads = [lead(n, seed=95, honeypot="x" if n % 10 == 0 else "") for n in range(LEADS)]
        traffic = threading.Thread(target=webmaster.send_all, args=(leads, RATE_PER_S))
        traffic.start()
        wait_until(lambda: len(webmaster.acknowledged) > LEADS // 4, 30, "leads flow")
        refused = stack.punnet("rules", "publish", str(broken), "--why", "try", "--who", "olga", check=False)
        assert refused.returncode == 1 and "no_such_filter" in refused.stderr
        done = stack.punnet("rules", "publish", str(strict), "--why", "bots", "--who", "olga").stdout
        assert "+ honeypot action=reject" in done
        traffic.join()
        wait_until(lambda: len(verdicts(stack)) == LEADS, 30, "all are judged")
        (row,) = listed(stack)
        assert row["in_force"] and row["who"] == "olga" and row["why"] == "bots"

        by_hash = {}
        for message in verdicts(stack):
            by_hash.setdefault(message.ruleset, []).append(message)
        assert len(by_hash) == 2 and row["hash"] in by_hash
        for ruleset, messages in by_hash.items():
            rules = {len(m.answer_codes) for m in messages}
            assert len(rules) == 1, "verdicts that name one rule set come from its rules"
            assert (rules == {2}) == (ruleset == row["hash"])
            trapped = [m for m in messages if any(f.name == "honeypot" and f.number for f in m.facts)]
            rejected = [m.verdict == 2 for m in trapped]
            by_score = [m.score >= STANDARD_REJECT_AT for m in trapped]  # of the standard rules, a filled honeypot is 40
            assert trapped and (all(rejected) if ruleset == row["hash"] else rejected == by_score and not all(rejected))

        # where it was taken over: on each partition the first rule set's offsets, then the other's, without a gap
        def spans(name):
            rows = [json.loads(line) for line in stack.punnet("rules", "positions", name, "--json").stdout.splitlines()]
            assert len({r["partition"] for r in rows}) == len(rows), "each was in force once"
            return {r["partition"]: (r["from"], r["to"], r["verdicts"]) for r in rows}
        before, after = spans("standard"), spans(row["hash"])
        assert before and after and sum(n for _, _, n in [*before.values(), *after.values()]) == LEADS
        for partition in before.keys() & after.keys():
            assert before[partition][1] + 1 == after[partition][0]
        (standard,) = by_hash.keys() - {row["hash"]}
        for ruleset, found in ((standard, before), (row["hash"], after)):
            offsets = {}
            for m in by_hash[ruleset]:
                offsets.setdefault(m.source.partition, []).append(m.source.offset)
            assert {p: (min(o), max(o), len(o)) for p, o in offsets.items()} == found

        # a worker that starts anew takes the published one; the text comes back as it was; the same again changes nothing
        stack.run("restart", "filter-worker@1")
        stack.run("restart", "filter-worker@2")
        webmaster.send_all(lead(LEADS + n, seed=96) for n in range(50))
        wait_until(lambda: len(verdicts(stack)) == LEADS + 50, 30, "these, too")
        assert sum(m.ruleset == row["hash"] for m in verdicts(stack)) == len(by_hash[row["hash"]]) + 50
        assert stack.punnet("rules", "show", row["hash"]).stdout == STRICT
        assert "in force already" in stack.punnet("rules", "publish", str(strict), "--why", "again", "--who", "olga").stdout
        assert "they mean the same" in stack.punnet("rules", "diff", "current", str(strict)).stdout
        by_hash_too = stack.punnet("rules", "diff", "standard", row["hash"]).stdout
        assert by_hash_too == stack.punnet("rules", "diff", "standard", str(strict)).stdout

        expect_positions(stack, row["hash"])
        last = []

        def green():
            checker = Checker(stack.kafka, stack.db)
            last[:] = checker.check(webmaster.acknowledged.values(), advertiser)
            return not last
        wait_until(green, 60, "the checker is green")
        failed = False
    finally:
        advertiser.close()
        end_stack(stack, failed)


def expect_positions(stack, published):
    """Where it was taken over: on each partition the standard rules' offsets, then those of what was published, without a gap."""
    found = {}
    for name in ("standard", published):
        rows = [json.loads(line) for line in stack.punnet("rules", "positions", name, "--json").stdout.splitlines()]
        found[name] = {r["partition"]: (r["from"], r["to"], r["verdicts"]) for r in rows}
        assert rows and len(rows) == len(found[name]), "each was in force once"
        offsets = {}
        for m in verdicts(stack):
            if (m.ruleset == published) == (name == published):
                offsets.setdefault(m.source.partition, []).append(m.source.offset)
        assert found[name] == {p: (min(o), max(o), len(o)) for p, o in offsets.items()}
    for partition in found["standard"].keys() & found[published].keys():
        assert found["standard"][partition][1] + 1 == found[published][partition][0]


PROBES = itertools.count(500000)


def judged_by(stack, webmaster, ruleset):
    webmaster.send_all([lead(next(PROBES), seed=99)])
    return any(m.ruleset == ruleset for m in verdicts(stack))


FIRST = "filters:\n  - resubmission\n  - honeypot: {weight: 40}\n"


def test_a_rule_is_tried_in_shadow_and_promoted(tmp_path):
    stack, advertiser, failed = make_stack(), Advertiser(), True
    try:
        apply_orders(stack, advertiser)
        first, tried = tmp_path / "first.yaml", tmp_path / "tried.yaml"
        first.write_text(FIRST)
        tried.write_text("filters:\n  - honeypot: {action: reject}\n  - fill_time: {reject_below: 1s}\n")
        why = ("--who", "olga", "--why")
        stack.punnet("rules", "publish", str(first), *why, "begin")

        # what it would do is shown, and nothing is done
        shown = stack.punnet("rules", "shadow", str(tried), "--dry-run", *why, "look").stdout
        assert "+ shadow honeypot action=reject" in shown and "+ shadow fill_time" in shown
        assert "\n- " not in shown and not shown.startswith("- "), "nothing in force goes away"
        assert len(listed(stack)) == 1
        stack.punnet("rules", "shadow", str(tried), *why, "try")
        again = stack.punnet("rules", "shadow", str(tried), *why, "again").stdout
        assert "in force or in shadow already" in again and len(listed(stack)) == 2

        def in_force():
            return next(row["hash"] for row in listed(stack) if row["in_force"])

        # tried: recorded beside the verdict, without effect
        webmaster, count = Webmaster(stack), 40
        shadowed = in_force()
        wait_until(lambda: judged_by(stack, webmaster, shadowed), 30, "the worker follows")
        webmaster.send_all([lead(n, seed=97, honeypot="x") for n in range(count)])
        wait_until(lambda: len(verdicts(stack)) == len(webmaster.acknowledged), 30, "all are judged")
        trapped = [m for m in verdicts(stack) if m.ruleset == shadowed and [r.code for r in m.reasons] == ["honeypot_filled"]]
        assert len(trapped) == count
        assert all(m.verdict == 1 and "honeypot_filled" in [r.code for r in m.shadow] for m in trapped)

        # promoted: one filter, and the other stays where it is
        refused = stack.punnet("rules", "promote", "phone_line", *why, "no", check=False)
        assert refused.returncode == 1 and "phone_line is not in shadow" in refused.stderr
        shown = stack.punnet("rules", "promote", "honeypot", *why, "good").stdout
        assert "- honeypot action=score" in shown and "+ honeypot action=reject" in shown and "fill_time" not in shown
        promoted = in_force()
        wait_until(lambda: judged_by(stack, webmaster, promoted), 30, "the worker follows again")
        webmaster.send_all([lead(count + n, seed=98, honeypot="x") for n in range(count)])
        wait_until(lambda: len(verdicts(stack)) == len(webmaster.acknowledged), 30, "these, too")
        rejected = [m for m in verdicts(stack) if m.ruleset == promoted and m.verdict == 2]
        assert len(rejected) >= count and all("honeypot_filled" not in [r.code for r in m.shadow] for m in rejected)

        # what was written stands in the directory, and is read again with its hash
        text = tmp_path / "again.yaml"
        text.write_text(stack.punnet("rules", "show", promoted).stdout)
        assert promoted in stack.punnet("rules", "check", str(text)).stdout
        stack.punnet("rules", "promote", *why, "all")
        nothing = stack.punnet("rules", "promote", *why, "more", check=False)
        assert nothing.returncode == 1 and "nothing is in shadow" in nothing.stderr

        # trace: what the webmaster reads in both languages, and the operator's text beside it
        lead_id = str(uuid.UUID(bytes=rejected[0].lead_id))
        steps = [json.loads(line) for line in stack.punnet("trace", lead_id, "--json", "--lang", "ru").stdout.splitlines()]
        (reason,) = [r for s in steps for r in s["reasons"] if r["code"] == "honeypot_filled"]
        assert reason["text"] == "Заполнено поле, которого люди не видят." and "robot" in reason["operator"]
        failed = False
    finally:
        advertiser.close()
        end_stack(stack, failed)
