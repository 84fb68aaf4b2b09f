#!/usr/bin/env python3
"""No file holds a path of somebody's machine, a package host's name, or unfinished work."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = "tests/lint/words.py"
PATTERNS = (
    ("a path of a machine", re.compile(r"(^|[^A-Za-z0-9_.$}-])/(work|root|home|farm|Users)/")),
    ("a scratch path", re.compile(r"/tmp/[a-z]+_jobs|/tmp/kj")),
    ("unfinished work", re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")),
    ("a package host", re.compile(r"(deb\.debian\.org|repo1?\.maven|pypi\.org|registry\.npmjs|proxy\.golang|crates\.io)")),
)


def main():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    faults = []
    for name in files:
        path = ROOT / name
        if not name or name == HERE or not path.is_file() or path.is_symlink():
            continue
        data = path.read_bytes()
        if b"\0" in data[:4096]:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            for what, pattern in PATTERNS:
                if pattern.search(line):
                    faults.append(f"{name}:{number}: {what}: {line.strip()[:100]}")
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
