#!/usr/bin/env python3
"""What replays and traces can't write: their objects name no function that produces, joins a group, commits an offset, makes a
topic, or opens a bus or a Redis that could. `nm -u` over the library and over the objects of trace."""
import re
import subprocess
import sys
from pathlib import Path

FORBIDDEN = re.compile(
    r"^(bus_open|bus_produce|bus_producer_.*|bus_consumer_.*|bus_take|bus_commit.*|bus_topics_apply|bus_kafka_open|"
    r"tool_bus|tool_produce|tool_forget|tool_flush|rd_kafka_.*|redis.*|db_open|outbox_.*|publisher_.*|worker_.*)$")
CONTROL = "quarantine.c.o"  # writes to the market: it must be found, or this lint sees nothing


def imports(path):
    listing = subprocess.run(["nm", "-u", "--no-demangle", str(path)], capture_output=True, text=True, check=True)
    found, member = [], path.name
    for line in listing.stdout.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif line.strip().startswith("U ") and FORBIDDEN.match(line.split()[-1].split("@")[0]):
            found.append(f"{member}: asks for {line.split()[-1]}")
    return found


def main():
    build = Path(sys.argv[1])
    objects = [*build.rglob("libtools_replay.a"), *build.rglob("punnet.dir/trace*.o")]
    faults = [fault for path in objects for fault in imports(path)]
    if len(objects) < 2:
        faults.append(f"the objects of replay and trace are not in {build}")
    if not any(imports(path) for path in build.rglob(CONTROL)):
        faults.append("the control failed: punnet quarantine should have been found to write")
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
