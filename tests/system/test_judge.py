"""`punnet judge`: the production filters over leads in a file, with no servers."""
import json
import random
import subprocess

from support.stack import ROOT
from support.webmaster import lead

PUNNET = ROOT / "build/release/bin/punnet"
START_MS = 1_796_040_000_000


def line(number, at_ms, **more):
    return {**lead(number, seed=91), "aff_id": "w1", "received_at": at_ms, **more}


def judge(lines, *arguments):
    text = "\n".join(item if isinstance(item, str) else json.dumps(item) for item in lines)
    done = subprocess.run([str(PUNNET), "judge", "--leads", "-", *arguments], input=text, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, [json.loads(out) for out in done.stdout.splitlines()]


def test_each_line_gets_its_verdict_in_its_own_time():
    status, out = judge([
        line(1, START_MS),
        line(1, START_MS + 10_000),                       # a double click
        line(1, START_MS + 86_400_000, amount_note="x"),  # the next day, another payload: the phone is taken
        line(2, START_MS + 86_400_001, honeypot="x", filled_ms=1000),
        line(3, START_MS + 90 * 86_400_000 + 86_400_002),
        line(1, START_MS + 91 * 86_400_000 + 86_400_003, click_id="later"),
    ])
    assert status == 0
    assert [o["line"] for o in out] == [1, 2, 3, 4, 5, 6]
    assert [o["verdict"] for o in out] == ["accepted", "rejected", "rejected", "rejected", "accepted", "accepted"]
    assert out[1]["reasons"][0] == "resubmission" and "phone_duplicate" in out[2]["reasons"]
    assert "filled_too_fast" in out[3]["reasons"] and len({o["ruleset"] for o in out}) == 1


def test_a_rule_set_of_its_own_with_shadow_and_quarantine(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("reject_at: 60\nquarantine_at: 30\nfilters:\n  - honeypot: {weight: 40}\n  - resubmission: {shadow: true}\n")
    status, out = judge([line(1, START_MS, honeypot="x"), line(1, START_MS + 1, honeypot="x"), line(2, START_MS + 2)],
                        "--rules", str(rules))
    assert status == 0
    assert [o["verdict"] for o in out] == ["quarantined", "quarantined", "accepted"]
    assert [o["shadow"] for o in out] == [[], ["resubmission"], []] and out[0]["score"] == 40


def test_what_cant_be_judged_says_why_and_the_rest_goes_on():
    status, out = judge(["{not json", line(1, "2026-12-01T10:00:00Z"), {**line(2, 1), "received_at": None},
                         line(3, "2026-12-01T09:59:59Z"), line(4, "2026-12-01T10:00:01Z", country="Atlantis"),
                         line(5, "2026-12-01T10:00:02Z")])
    assert status == 1
    assert ["error" in o for o in out] == [True, False, True, True, True, False]
    assert "RFC 3339" in out[2]["error"] and "before" in out[3]["error"] and out[4]["fields"][0]["field"] == "country"


def test_the_same_file_gives_the_same_bytes():
    lines = [line(n % 50, START_MS + 1000 * n) for n in range(400)]
    assert judge(lines) == judge(lines)


def test_a_lead_in_company_gets_the_verdict_that_it_would_get_alone():
    dice = random.Random(7)
    lines, at = [], START_MS
    for _ in range(600):  # few persons: most are somebody's duplicate, some of them far apart in time
        at += dice.choice((500, 20_000, 400_000, 4 * 86_400_000))
        more = dice.choice(({}, {}, {"honeypot": "x", "filled_ms": 900}, {"email": f"an.na+{dice.randrange(3)}@gmail.com"}))
        lines.append(line(dice.randrange(40), at, **more))
    _, together = judge(lines)
    _, alone = judge([part for item in lines for part in (item, *["no lead"] * 63)])  # as many lines as judge takes at once
    alone = [o for o in alone if "verdict" in o]
    assert [{**o, "line": 0} for o in together] == [{**o, "line": 0} for o in alone]
    assert len({tuple(o["reasons"]) for o in together}) > 5


def test_usage_is_said():
    done = subprocess.run([str(PUNNET), "judge"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "--leads" in done.stderr
