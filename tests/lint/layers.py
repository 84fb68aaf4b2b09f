#!/usr/bin/env python3
"""Who may include whom. A file's layer follows from its folder; an include of ours must be allowed for that layer."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("collector", "filter-worker", "router", "delivery", "payout")
PURE = {"base", "lead", "proto"}
WORLD = PURE | {"runtime"}
# Headers of the world that no pure code may use, whatever the include path says.
FORBIDDEN_IN_PURE = re.compile(r"^(uv|librdkafka/.*|hiredis.*|curl/.*|sqlite3|libpq-fe|yaml|time|sys/socket|stdio)\.h$")
STDIO_ALLOWED = {"lib/base/buf.c", "lib/base/arena.c", "lib/base/result.c", "lib/base/money.c", "lib/base/timefmt.c"}

# The auditor shares nothing with what it checks but the message definitions, and the way to them: base, the codec, the bus, and the
# connection to the ledger's database. Its core has no more than base.
AUDITOR = re.compile(r"^(tools/(audit_\w+|letters\w*|scan)\.[ch]|audit/\w+\.[ch])$")
AUDITOR_CORE = re.compile(r"^tools/(audit_(answers|core|fold|ledger|market|places|report|stages|sums|supply|tables|terms)|letters)\.[ch]$")
AUDITOR_MAY = re.compile(r"^(base/\w+\.h|proto/\w+\.pb-c\.h|lead/codec\.h|runtime/\w+\.h|payout/store/db\.h|audit\.def"
                         r"|(tools/)?(audit_\w+|letters\w*|scan)\.h|(alerts|backlog|findings)\.h)$")
AUDITOR_CORE_MAY = re.compile(r"^(base/\w+\.h|audit\.def|(audit_(core|tables)|letters)\.h)$")


def auditor_fault(name, include):
    if AUDITOR_CORE.match(name):
        return None if AUDITOR_CORE_MAY.match(include) else "the auditor's core may only include base"
    return None if AUDITOR_MAY.match(include) else "the auditor may not share code with what it checks"


def layer(path):
    """(layer name, set of layers that it may include besides its own folder's)"""
    parts = path.parts
    if parts[0] == "lib":
        return parts[1], {"base": set(), "lead": PURE, "runtime": WORLD}[parts[1]]
    if parts[0] in SERVICES:
        service = parts[0]
        inside = parts[1] if len(parts) > 2 else "shell"
        pure_parts = {"core", "filters", "constraints"}
        own = {f"{service}/{p}" for p in pure_parts}
        if inside in pure_parts:
            return f"{service}/{inside}", PURE | own
        if inside in ("channels", "store", "reports"):
            return f"{service}/{inside}", WORLD | own | {f"{service}/{inside}", f"{service}/store"}
        return f"{service}/{inside}", WORLD | own | {f"{service}/{p}" for p in ("shell", "channels", "store", "reports")}
    return None, None  # tools, tests and bench may use everything


def target(include, path):
    """The layer of an included file of ours, or None for a system header or one beside the includer."""
    parts = include.split("/")
    if parts[0] in ("base", "lead", "runtime", "proto"):
        return parts[0]
    if parts[0] in SERVICES:
        return "/".join(parts[:2])
    if include.endswith(".pb-c.h"):
        return "proto"
    beside = (path.parent / include)
    if (ROOT / beside).exists() or "/" in include:
        resolved = (ROOT / beside).resolve()
        if resolved.exists() and ROOT in resolved.parents:
            relative = resolved.relative_to(ROOT)
            if relative.parts[0] == "lib":
                return relative.parts[1]
            if relative.parts[0] in SERVICES and len(relative.parts) > 2:
                return "/".join(relative.parts[:2])
    return None


def main():
    files = subprocess.run(["git", "ls-files", "*.c", "*.h", "*.cc"], cwd=ROOT, capture_output=True, text=True, check=True)
    faults = []
    for name in files.stdout.split():
        path = Path(name)
        here, allowed = layer(path)
        if not (ROOT / path).exists():
            continue
        if AUDITOR.match(name):
            for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
                match = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
                fault = match and auditor_fault(name, match[1])
                if fault:
                    faults.append(f"{name}:{number}: {fault} ({match[1]})")
        if here is None:
            continue
        pure = here in PURE or here.split("/")[-1] in ("core", "filters", "constraints")
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not match:
                continue
            if pure and FORBIDDEN_IN_PURE.match(match[2]) and name not in STDIO_ALLOWED:
                faults.append(f"{name}:{number}: pure code may not include {match[2]}")
            there = target(match[2], path)
            if there and there != here and there not in allowed:
                faults.append(f"{name}:{number}: {here} may not include {there} ({match[2]})")
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
