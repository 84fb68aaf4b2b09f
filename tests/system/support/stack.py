"""A stack of its own for a test: own folder, own ports, the product's own `deploy/local/stack`."""
import csv
import json
import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STACK = ROOT / "deploy/local/stack"
PORT_SPAN = 100
SHORT_LIVED_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # a broker of minutes never earns back its compiler


def free_port_base():
    """A range of PORT_SPAN ports, none of which answers. Runs side by side begin at different places, and the two halves of one
    run have halves of their own: a stack that is just starting does not answer yet."""
    half = {"gw0": 0, "gw1": 1}.get(os.environ.get("PYTEST_XDIST_WORKER"))
    bases = range(21000, 32000, PORT_SPAN) if half is None else range(21000 + half * PORT_SPAN, 32000, 2 * PORT_SPAN)
    first = os.getpid() % len(bases)
    for base in (*bases[first:], *bases[:first]):
        if not any(_taken(base + offset) for offset in (0, 10, 20, 30, 40, 50, 60, 65, 70, 80, 90)):
            return base
    raise RuntimeError("no free range of ports")


def _taken(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return False
        except OSError:
            return True


def _bin(folder):
    """PUNNET_TEST_BIN takes the place of the release build's folder; the build with faults is always its own."""
    instead = os.environ.get("PUNNET_TEST_BIN")
    return Path(instead).resolve() if instead and folder == "release" else ROOT / "build" / folder / "bin"


class Stack:
    def __init__(self, home, bin_folder="release", environment=None):
        self.home = Path(home)
        self.port_base = free_port_base()
        self.bin = _bin(bin_folder)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PUNNET_")}
        self.environment = {**clean, "PUNNET_HOME": str(self.home), "PUNNET_PORT_BASE": str(self.port_base),
                            "PUNNET_BIN": str(self.bin), "PUNNET_JAVA_OPTIONS": SHORT_LIVED_JAVA, **(environment or {})}
        self.exports = {}

    # --- the stack's own commands ---
    def run(self, *arguments, check=True):
        done = subprocess.run([str(STACK), *arguments], env=self.environment, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"stack {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done

    def up(self, *arguments):
        """Without an auditor, which would take a share of the machine, unless it is asked for: `--scale auditor=1`."""
        if not any(argument.startswith("auditor=") for argument in arguments) and "--engines-only" not in arguments:
            arguments = (*arguments, "--scale", "auditor=0")
        self.run("up", *arguments)
        for line in self.run("env").stdout.splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            self.exports[name] = value.strip("'\"")
        return self

    def down(self):
        self.run("down", check=False)

    def status(self):
        return {row["name"]: row for row in map(json.loads, self.run("status", "--json").stdout.splitlines())}

    def pid(self, name):
        """The pid of a running service, without asking anybody; None when it is not running."""
        path = self.home / "run" / f"{name}.pid"
        pid = int(path.read_text() or 0) if path.exists() else 0
        return pid if pid and Path(f"/proc/{pid}").exists() else None

    def punnet(self, *arguments, check=True, stdin=None):
        environment = {**self.environment, **self.exports}
        done = subprocess.run([str(self.bin / "punnet"), *arguments], env=environment, capture_output=True, text=True,
                              input=stdin, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"punnet {' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done

    # --- addresses and keys ---
    @property
    def kafka(self):
        return self.exports["PUNNET_KAFKA"].removeprefix("kafka://")

    @property
    def collector(self):
        return "127.0.0.1", self.port_base

    @property
    def db(self):
        return self.exports["PUNNET_DB"]

    def keys(self, role):
        with open(self.exports["PUNNET_KEYS_FILE"], newline="", encoding="utf-8") as file:
            return {row["id"]: row["key"] for row in csv.DictReader(file) if row["role"] == role}

    def secrets(self):
        with open(self.home / "keys/secrets.csv", newline="", encoding="utf-8") as file:
            return {(row["role"], row["id"]): row["secret"] for row in csv.DictReader(file)}

    def metrics(self, service):
        return read_metrics(self.exports[f"PUNNET_{service.upper().replace('-', '_')}_ADMIN_URL"])


def read_metrics(admin_url):
    """{name, with its labels: value} of one process."""
    with urllib.request.urlopen(f"{admin_url}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and line[0] != "#"}


def wait_until(condition, timeout_s, what):
    """Polls a condition; returns its value, or fails with what was waited for and the last value seen."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {timeout_s} s; last seen: {value!r}")
        time.sleep(0.1)
