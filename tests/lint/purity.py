#!/usr/bin/env python3
"""The core libraries import no clock, no randomness, no file, no socket and no server: `nm -u` over each of them."""
import re
import subprocess
import sys
from pathlib import Path

PURE_LIBRARIES = ("punnet_base", "punnet_lead", "collector_core", "filter_worker_core", "router_core", "delivery_core",
                  "payout_core", "tools_audit")
FORBIDDEN = re.compile(
    r"^(time|gettimeofday|clock|clock_gettime|localtime.*|gmtime.*|mktime|rand|srand|rand_r|random|drand48|getrandom|"
    r"getentropy|randombytes.*|getenv|secure_getenv|open|open64|openat|fopen|fopen64|read|write|pread|pwrite|close|"
    r"socket|connect|send|sendto|recv|recvfrom|poll|select|epoll_.*|fork|execv.*|system|sleep|usleep|nanosleep|"
    r"uv_.*|rd_kafka_.*|redis.*|curl_.*|sqlite3_.*|PQ.*|yaml_.*|pthread_create)$")
CONTROL = "punnet_runtime"  # must be found impure, or this lint sees nothing


def imports(library):
    listing = subprocess.run(["nm", "-u", "--no-demangle", str(library)], capture_output=True, text=True, check=True)
    found, member = [], "?"
    for line in listing.stdout.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif line.strip().startswith("U "):
            symbol = line.split()[-1].split("@")[0]
            if FORBIDDEN.match(symbol):
                found.append(f"{library.name}({member}): imports {symbol}")
    return found


def main():
    build = Path(sys.argv[1])
    faults, seen = [], 0
    for name in PURE_LIBRARIES:
        libraries = list(build.rglob(f"lib{name}.a"))
        if not libraries:
            faults.append(f"lib{name}.a is not in {build}")
        for library in libraries:
            seen += 1
            faults += imports(library)
    control = list(build.rglob(f"lib{CONTROL}.a"))
    if not control or not imports(control[0]):
        faults.append("the control failed: the runtime library should have been found impure")
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
