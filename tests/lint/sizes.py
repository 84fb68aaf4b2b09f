#!/usr/bin/env python3
"""Functions of at most 70 lines, files of at most 500, lines of at most 110 columns; what is longer today is listed in
sizes.txt and may only shrink. `sizes.py --update` writes the list after something shrank."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("sizes.txt")
FUNCTION_MAX, FILE_MAX = 70, 500


def functions(lines):
    """(name, length) of each function body: clang-format puts its braces at the left margin."""
    name, start = None, None
    for number, line in enumerate(lines):
        match = re.match(r"^[A-Za-z_].*?\b([A-Za-z_]\w*)\(", line)
        if match and not line.startswith(("#", "typedef", "struct {")):
            name = match[1]
        if line == "{" and name:
            start = number
        elif line == "}" and start is not None:
            yield name, number - start + 1
            name, start = None, None


def measure():
    over = {}
    files = subprocess.run(["git", "ls-files", "*.c", "*.h", "*.cc"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in files.stdout.split():
        path = ROOT / name
        if not path.exists():
            continue
        lines = path.read_text().splitlines()
        if len(lines) > FILE_MAX:
            over[name] = len(lines)
        for function, length in functions(lines):
            if length > FUNCTION_MAX:
                over[f"{name}:{function}"] = length
    return over


def main():
    over = measure()
    if "--update" in sys.argv:
        LIST.write_text("".join(f"{key} {value}\n" for key, value in sorted(over.items())))
        return 0
    allowed = dict(line.rsplit(" ", 1) for line in LIST.read_text().splitlines()) if LIST.exists() else {}
    faults = [f"{key}: {value} lines, {allowed.get(key, 'new, at most ' + str(FILE_MAX if ':' not in key else FUNCTION_MAX))} allowed"
              for key, value in sorted(over.items()) if value > int(allowed.get(key, 0))]
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
