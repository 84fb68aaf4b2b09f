"""Rule sets are published through the directory and taken over between two batches; every verdict names the one that made it."""
import json
import threading

from conftest import apply_orders, end_stack, make_stack
from support import log
from support.advertiser import Advertiser
from support.checker import Checker
from support.stack import wait_until
from support.webmaster import Webmaster, lead

STRICT = "filters:\n  - resubmission\n  - honeypot: {action: reject}\n"
LEADS, RATE_PER_S = 1200, 300
STANDARD_REJECT_AT = 60


def verdicts(stack):
    return [r.message for records in log.read_topic(stack.kafka, "leads.judged").values() for r in records]


def listed(stack):
    return [json.loads(line) for line in stack.punnet("rules", "list", "--json").stdout.splitlines()]


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
            filters = {tuple(a.filter for a in m.answers) for m in messages}
            assert len(filters) == 1, "verdicts that name one rule set come from its rules"
            assert (filters == {("resubmission", "honeypot")}) == (ruleset == row["hash"])
            trapped = [m for m in messages if any(f.name == "honeypot" and f.number for f in m.facts)]
            rejected = [m.verdict == 2 for m in trapped]
            by_score = [m.score >= STANDARD_REJECT_AT for m in trapped]  # of the standard rules, a filled honeypot is 40
            assert trapped and (all(rejected) if ruleset == row["hash"] else rejected == by_score and not all(rejected))

        # a worker that starts anew takes the published one; the text comes back as it was; the same again changes nothing
        stack.run("restart", "filter-worker@1")
        stack.run("restart", "filter-worker@2")
        webmaster.send_all(lead(LEADS + n, seed=96) for n in range(50))
        wait_until(lambda: len(verdicts(stack)) == LEADS + 50, 30, "these, too")
        assert sum(m.ruleset == row["hash"] for m in verdicts(stack)) == len(by_hash[row["hash"]]) + 50
        assert stack.punnet("rules", "show", row["hash"]).stdout == STRICT
        assert "in force already" in stack.punnet("rules", "publish", str(strict), "--why", "again", "--who", "olga").stdout
        assert "they mean the same" in stack.punnet("rules", "diff", "current", str(strict)).stdout

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
