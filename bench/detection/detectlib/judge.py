"""`punnet judge` over a file of leads, under a rule set or a changed copy of one."""
import json
import os
import re
import subprocess
from pathlib import Path

from .tables import ROOT

PUNNET = Path(os.environ.get("PUNNET_BIN", ROOT / "build/release/bin")) / "punnet"
RULES = ROOT / "rules/default.yaml"
_RULE = re.compile(r"^(\s*-\s+)([a-z][a-z0-9_]*)(?::\s*\{.*\})?\s*(?:#.*)?$")


class Unusable(Exception):
    """What the benchmark can't go on with, in a sentence for whoever started it."""


def _rule_lines(text):
    """(number, match) of the rules of the set itself; what its scopes change is theirs."""
    inside = False
    for number, line in enumerate(text.splitlines()):
        if re.match(r"^\S", line):
            inside = line.startswith("filters:")
        elif inside and _RULE.match(line):
            yield number, _RULE.match(line)


def filters_of(text):
    found = [match[2] for _, match in _rule_lines(text)]
    if not found:
        raise Unusable("the rule set has no lines like `- name: {...}` under `filters:`")
    return found


def without(text, name):
    """The rule set in which that filter is not asked."""
    lines = text.splitlines()
    for number, match in _rule_lines(text):
        if match[2] == name:
            lines[number] = f"{match[1]}{name}: {{enabled: false}}"
    return "\n".join(lines) + "\n"


def verdicts(leads, rules):
    """One dict a lead, in the leads' order."""
    if not PUNNET.exists():
        raise Unusable(f"{PUNNET} is missing; `make build` makes it, or set PUNNET_BIN")
    done = subprocess.run([PUNNET, "judge", "--leads", leads, "--rules", rules], capture_output=True, text=True, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    errors = [verdict for verdict in found if "error" in verdict]
    if done.returncode != 0 or errors:
        raise Unusable(f"punnet judge ended with {done.returncode}: {done.stderr.strip() or errors[:1]}")
    return found
