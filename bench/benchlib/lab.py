"""The lab: a stack of its own in a folder of its own, with the bench's directory and orders, and the programs around it."""
import csv
import json
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build/bench/results.jsonl"
STACK = ROOT / "deploy/local/stack"
PROGRAM_TIMEOUT_S = 600
READY_TIMEOUT_S = 90
SERVICES = ("filter-worker", "router", "delivery", "payout", "collector")
VERTICALS = ("microloan", "credit_card", "osago", "courses")
KAFKA_OFFSET, REDIS_OFFSET, SINK_OFFSET, FLOOR_OFFSET = 60, 70, 80, 81
FLOOR_TOPIC = "bench.floor"  # what the floors write; no service reads it
BROKER_WARM_LEADS = 300000  # a young broker's JIT makes its first records cost three times as much


class BenchError(SystemExit):
    pass


def scaled(number):
    """BENCH_SCALE is a percentage: small ones are for trying the benchmarks themselves."""
    return max(1000, number * int(os.environ.get("BENCH_SCALE", 100)) // 100)


class Lab:
    def __init__(self):
        self.home = Path(os.environ.get("BENCH_HOME") or tempfile.mkdtemp(prefix="punnet-bench-"))
        self.made_home = "BENCH_HOME" not in os.environ
        self.port_base = int(os.environ.get("PUNNET_PORT_BASE") or _free_port_base())
        self.bin = Path(os.environ.get("PUNNET_BIN") or ROOT / "build/release/bin").resolve()
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PUNNET_")}
        self.environment = {**clean, "PUNNET_HOME": str(self.home), "PUNNET_PORT_BASE": str(self.port_base),
                            "PUNNET_BIN": str(self.bin)}
        self.next_lead = 0
        self.is_up = False
        self.filled = None  # ids of what `trace` has put into the topics
        self.children = []

    def __enter__(self):
        if not (self.bin / "bench-load").exists():
            raise BenchError(f"bench: {self.bin} has no bench-load; run `make build` (a release build)")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # 10,000 connections; services inherit it
        return self

    def __exit__(self, kind, *_):
        for child in list(self.children):
            self.end(child)
        self.end_stack(wipe=kind is None)
        if self.made_home and kind is None:  # after a fault the logs are wanted
            shutil.rmtree(self.home, ignore_errors=True)

    # --- the stack ---
    def stack(self, *arguments):
        done = subprocess.run([str(STACK), *arguments], env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"bench: stack {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def up(self):
        """The stack with the bench's directory and orders, a warm broker, and every service stopped. Once."""
        if self.is_up:
            return
        self.is_up = True
        self.stack("up", "--scale", "auditor=0")  # it would take a share of what is measured
        self.punnet("directory", "apply", str(self._directory_file()), "--keys-file", str(self._keys_file))
        self.punnet("order", "apply", str(self._orders_file()))
        self.run("watch", "--kafka", self.kafka, "--create", FLOOR_TOPIC)
        self.only("collector")
        self.send(scaled(BROKER_WARM_LEADS), batch=100, connections=16)
        self.drain_rest()

    def end_stack(self, wipe=True):
        if self.is_up:
            subprocess.run([str(STACK), "down", *(["--wipe"] if wipe else [])], env=self.environment, capture_output=True, check=False)
            self.is_up = False

    def only(self, *wanted):
        """These services run, the others are stopped; waits until they are ready."""
        states = {row["name"].split("@")[0]: row["state"] for row in self._status()}
        for service in SERVICES:
            if service in wanted and states[service] != "running":
                self.stack("start", service)
            elif service not in wanted and states[service] == "running":
                self.stack("stop", service)
        end = time.monotonic() + READY_TIMEOUT_S
        while late := [row["name"] for row in self._status() if row["name"].split("@")[0] in wanted and not row["ready"]]:
            if time.monotonic() > end:
                raise BenchError(f"bench: {', '.join(late)}: not ready after {READY_TIMEOUT_S} s; logs in {self.home}/logs")
            time.sleep(0.1)

    def _status(self):
        return [json.loads(line) for line in self.stack("status", "--json").splitlines()]

    def pid(self, service):
        return next(row["pid"] for row in self._status() if row["name"].split("@")[0] == service)

    def drain_rest(self):
        """Lets everything that lies in the topics go its whole way, so that the next measurement begins empty."""
        with self.sink():
            self.only(*SERVICES)
            seen, still_since = None, time.monotonic()
            while time.monotonic() - still_since < 2:
                counts = [self.count(t) for t in ("leads.judged", "market", "leads.routed", "leads.outcomes")]
                counts.append(self.settled())
                if counts != seen:
                    seen, still_since = counts, time.monotonic()
                time.sleep(0.3)
            self.only()

    # --- what the stack is fed with ---
    @property
    def _keys_file(self):
        return self.home / "keys/bench.csv"

    @property
    def key(self):
        with open(self._keys_file, newline="", encoding="utf-8") as file:
            return next(row["key"] for row in csv.DictReader(file) if row["role"] == "webmaster")

    def _directory_file(self):
        """The sample's verticals; one webmaster without a limit worth the name; advertisers with room."""
        path = self.home / "conf/bench-directory.yaml"
        verticals = (ROOT / "rules/directory.yaml").read_text().split("advertisers:")[0]
        advertisers = "".join(f"  - {{id: bench-{v}, name: Bench {v}, max_in_flight: 256}}\n" for v in VERTICALS)
        path.write_text(f"{verticals}advertisers:\n{advertisers}webmasters:\n"
                        "  - {id: bench, name: Bench, default_country: RU, rate_per_s: 1000000, burst: 1000000}\n")
        return path

    def _orders_file(self):
        path = self.home / "conf/bench-orders.yaml"
        path.write_text("orders:\n" + "".join(
            f"  - id: bench-{v}\n    advertiser: bench-{v}\n    vertical: {v}\n"
            f"    price: {{amount_minor: {45000 + 1000 * i}, currency: RUB}}\n    where: {{country: [RU]}}\n"
            f"    sharing: exclusive\n    delivery: {{webhook: {{url: \"http://127.0.0.1:{self.sink_port}/bench\", timeout_ms: 5000}}}}\n"
            for i, v in enumerate(VERTICALS)))
        return path

    def punnet(self, *arguments):
        done = subprocess.run([str(self.bin / "punnet"), *arguments, "--config", str(self.home / "conf/punnet.yaml")],
                              env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"bench: punnet {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    # --- the programs around it ---
    @property
    def sink_port(self):
        return self.port_base + SINK_OFFSET

    @property
    def kafka(self):
        return f"127.0.0.1:{self.port_base + KAFKA_OFFSET}"

    @property
    def redis_port(self):
        return self.port_base + REDIS_OFFSET

    def run(self, program, *arguments, core=None):
        command = (["taskset", "-c", str(core)] if core is not None else []) + [str(self.bin / f"bench-{program}"), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_TIMEOUT_S, check=False)
        if done.returncode != 0:
            raise BenchError(f"bench: {' '.join(command)}: {done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, program, *arguments, core=None):
        command = (["taskset", "-c", str(core)] if core is not None else []) + [str(self.bin / f"bench-{program}"), *map(str, arguments)]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.children.append(child)
        return child

    def result(self, child):
        """Waits for a program that ends by itself; its line."""
        out = child.communicate(timeout=PROGRAM_TIMEOUT_S)[0]
        self.children.remove(child)
        if child.returncode != 0:
            raise BenchError(f"bench: {' '.join(child.args)} ended with {child.returncode}")
        return json.loads(out)

    def end(self, child):
        """SIGTERM; what it had to say."""
        if child in self.children:
            self.children.remove(child)
        child.terminate()
        try:
            return child.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            child.kill()
            return child.communicate()[0]

    def send(self, leads, batch=1, connections=256, port=None, core=None, **more):
        """Plays new leads; options of bench-load by name."""
        first, self.next_lead = self.next_lead, self.next_lead + leads
        options = [part for name, value in more.items() for part in (f"--{name}", value)]
        return self.run("load", "--port", port or self.port_base, "--key", self.key, "--first", first, "--leads", leads,
                        "--batch", batch, "--connections", connections, *options, core=core)[0]

    def sink(self, log=None):
        return Sink(self, log)

    def count(self, topics):
        return self.run("watch", "--kafka", self.kafka, "--topics", topics, "--only-count", 1)[0]["count"]

    def settled(self):
        """Outcomes that payout has settled, from the ledger's own offsets."""
        import sqlite3
        try:
            with sqlite3.connect(f"file:{self.home}/data/ledger.db?mode=ro", uri=True, timeout=10) as ledger:
                return ledger.execute("SELECT COALESCE(SUM(next), 0) FROM offsets").fetchone()[0]
        except sqlite3.OperationalError:
            return 0

    def pin(self, pid, core):
        subprocess.run(["taskset", "-a", "-p", "-c", str(core), str(pid)], capture_output=True, check=True)

    def unpin(self, pid):
        subprocess.run(["taskset", "-a", "-p", "-c", f"0-{os.cpu_count() - 1}", str(pid)], capture_output=True, check=True)


class Sink:
    """The advertiser while a block runs."""

    def __init__(self, lab, log):
        self.lab, self.log = lab, log

    def __enter__(self):
        self.child = self.lab.start("sink", "--port", self.lab.sink_port, *(["--log", self.log] if self.log else []))
        wait_for_port(self.lab.sink_port)
        return self.child

    def __exit__(self, *_):
        self.lab.end(self.child)


def wait_for_port(port, timeout_s=20):
    end = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise BenchError(f"bench: nothing listens on port {port} after {timeout_s} s") from None
            time.sleep(0.02)


def _free_port_base():
    """Below the ports that the system gives to outgoing connections."""
    for base in range(21000, 28000, 100):
        taken = False
        for offset in (0, 10, 20, 30, 40, 50, 60, 65, 70, 80, 81):
            with socket.socket() as probe:
                taken = taken or probe.connect_ex(("127.0.0.1", base + offset)) == 0
        if not taken:
            return base
    raise BenchError("bench: no free range of ports")
