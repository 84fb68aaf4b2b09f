"""One service at a time on a real broker and Redis: its input lies ready, it is started, and its CPU time is read from the
kernel between the first tenth of the records and the last."""
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

from .lab import FLOOR_OFFSET, FLOOR_TOPIC, BenchError, scaled, wait_for_port

STAGE_LEADS = 100000
PATIENCE_S = 60
SCALING_WORKERS, SCALING_LEADS, SCALING_BATCHES = (1, 2, 4, 8), 24000, 3
SCALING_TRIES = 4
SESSION_S = 6  # of a member of a group
IDLE_S = 2
WORKER_ADMIN_OFFSET = 20  # of the first worker's port of metrics
CORES = (0, 1)  # the measured process, and who drives it


# --- the front door ---
def collector(lab, figures):
    lab.up()
    lab.only("collector")
    pid = lab.pid("collector")
    port = lab.port_base + FLOOR_OFFSET
    floor = lab.start("floor-collector", "--port", port, "--kafka", lab.kafka, "--topic", FLOOR_TOPIC, core=CORES[0])
    wait_for_port(port)
    lab.pin(pid, CORES[0])
    try:
        for name, unit, key, options in (
                ("collector, single lead", "us/lead", "cpu_us", {"leads": scaled(60000)}),
                ("collector, lead in a batch of 100", "us/lead", "cpu_us",
                 {"leads": scaled(200000), "batch": 100, "connections": 16})):
            options["warm"] = options["leads"] // 10
            ours = lab.send(pid=pid, core=CORES[1], **options)
            bare = lab.send(pid=floor.pid, port=port, core=CORES[1], **options)
            figures.add(name, ours[key], unit, bare[key])
            figures.add(f"{name}: throughput", ours["per_s"], "leads/s", bare["per_s"])
        lab.unpin(pid)
        lab.unpin(floor.pid)
        leads = scaled(2000 * 8)
        ours = lab.send(leads, rate=2000, warm=leads // 8)
        bare = lab.send(leads, rate=2000, warm=leads // 8, port=port)
        for key in ("p50", "p99", "p999"):
            figures.add(f"collector, 202 at 2,000/s, {key}", ours[f"{key}_ms"], "ms", bare[f"{key}_ms"])
        idle = scaled(10000)
        lab.stack("restart", "collector")
        lab.only("collector")
        ours = lab.send(idle, connections=idle, idle=3, pid=lab.pid("collector"))
        bare = lab.send(idle, connections=idle, idle=3, pid=floor.pid, port=port)
        figures.add("collector, 10,000 idle connections", ours["rss_mib"], "MiB", bare["rss_mib"])
    finally:
        lab.end(floor)
    lab.drain_rest()


# --- the stages behind it ---
def _fill(lab, *before):
    """New leads, carried to where the stage under measurement begins by the services before it."""
    leads = scaled(STAGE_LEADS)
    lab.up()
    lab.only("collector")
    lab.send(leads, batch=100, connections=16)
    topics = {"filter-worker": "leads.judged", "router": "leads.routed,leads.unsold", "delivery": "leads.outcomes"}
    for service in before:
        start = lab.count(topics[service])
        lab.only(service)
        _watch(lab, topics[service], leads, start)
    lab.only()
    return leads


def _watch_options(lab, topics, leads, start, warm, **processes):
    named = ",".join(f"{name}={process}" for name, process in processes.items())
    return ["--kafka", lab.kafka, "--topics", topics, "--leads", leads, "--from", start, "--warm", warm, "--pids", named]


def _watch(lab, topics, leads, start):
    lab.run("watch", *_watch_options(lab, topics, leads, start, 0))


def _measure(lab, service, topics, leads):
    """Starts the service under the eyes of the watcher."""
    processes = {"ours": lab.home / f"run/{service}@1.pid", "redis": lab.pid("redis"), "kafka": lab.pid("kafka")}
    watcher = lab.start("watch", *_watch_options(lab, topics, leads, lab.count(topics), leads // 10, **processes))
    lab.stack("start", service)
    return lab.result(watcher)


def filter_worker(lab, figures):
    leads = _fill(lab)
    ours = _measure(lab, "filter-worker", "leads.judged", leads)
    figures.add("filter-worker, resident memory", _resident_mib(lab.pid("filter-worker")), "MiB")
    lab.only()
    # The floor reads leads.raw from its beginning and writes to a topic that nobody reads.
    bare = lab.run("floor-worker", "--kafka", lab.kafka, "--redis-port", lab.redis_port, "--redis-pid", lab.pid("redis"),
                   "--from", "leads.raw", "--to", FLOOR_TOPIC, "--leads", leads)[0]
    figures.add("filter-worker, CPU", ours["cpu_us"]["ours"], "us/lead", bare["cpu_us"])
    figures.add("filter-worker, Redis CPU", ours["cpu_us"]["redis"], "us/lead", bare["redis_us"])
    figures.add("filter-worker, broker CPU", ours["cpu_us"]["kafka"], "us/lead")
    figures.add("filter-worker, throughput", ours["per_s"], "leads/s", bare["leads"] / bare["seconds"])
    figures.add("filter-worker, verdicts put back", _put_back_per_s(lab), "leads/s")
    lab.drain_rest()


def filter_scaling(lab, figures):
    """What a lead costs all workers together. They stand still while leads are sent, so that each number of workers has the
    same to do. Then each runs in its turn while the others stand still, as if it had a core to itself; and once more all at
    once, which on the bench's cores adds what workers cost that wait for a core, and what they take of each other's caches."""
    lab.up()
    lab.only("collector", "filter-worker")
    own_one = together_one = None
    for workers in SCALING_WORKERS:
        lab.stack("scale", f"filter-worker={workers}")
        time.sleep(SESSION_S + 2)  # whoever left is waited for, and partitions are given out
        flock = _Flock(lab, workers)
        _cpu_of_batch(flock, _at_once)  # warm
        own = min(_cpu_of_batch(flock, _in_turn) for _ in range(SCALING_BATCHES))  # the least disturbed one
        together = min(_cpu_of_batch(flock, _at_once) for _ in range(SCALING_BATCHES))
        own_one, together_one = own_one or own, together_one or together
        figures.add(f"filter-worker, CPU of {workers}, each in its turn", own, "us/lead", own_one)
        figures.add(f"filter-worker, {workers} by one", own / own_one, "times")
        figures.add(f"filter-worker, CPU of {workers} at once", together, "us/lead", together_one)
        figures.add("filter-worker, one without leads", flock.idle_ms_per_s() / workers, "ms/s")
    lab.stack("scale", "filter-worker=1")
    lab.drain_rest()


class _Flock:
    """Workers that are stopped and let run by signals."""

    def __init__(self, lab, workers):
        self.lab = lab
        self.pids = [int((lab.home / f"run/filter-worker@{n + 1}.pid").read_text()) for n in range(workers)]

    def stop(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)

    def go(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)

    def cpu_us(self):
        return sum(map(_cpu_ns, self.pids)) / 1000

    def idle_ms_per_s(self):
        before = self.cpu_us()
        time.sleep(IDLE_S)
        return (self.cpu_us() - before) / 1000 / IDLE_S

    def acknowledged(self, at):
        port = self.lab.port_base + WORKER_ADMIN_OFFSET + at
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            rows = answer.read().decode().splitlines()
        return int(next(row for row in rows if row.startswith("punnet_filter_worker_lead_age_seconds_count")).split()[-1])


def _at_once(flock, _deadline):
    flock.go()


def _in_turn(flock, deadline):
    """A turn is over when three looks see nothing new; they are short, for a worker without leads costs something, too. What one
    leaves behind is done at the end, by all at once."""
    for at, pid in enumerate(flock.pids):
        os.kill(pid, signal.SIGCONT)
        first = last = flock.acknowledged(at)
        same = 0
        while (last == first or same < 3) and time.monotonic() < deadline:
            time.sleep(0.02)
            now = flock.acknowledged(at)
            same = same + 1 if now == last else 0
            last = now
        os.kill(pid, signal.SIGSTOP)


def _cpu_of_batch(flock, run):
    for _ in range(SCALING_TRIES):
        cpu_us = _try_batch(flock, run)
        if cpu_us is not None:
            return cpu_us
        time.sleep(SESSION_S + 2)  # the group is made up again
    raise BenchError("bench: the machine is too slow: workers that wait for their turn lose their session")


def _try_batch(flock, run):
    """Leads are put before workers that are stopped, for less than their session; then they run until all is judged."""
    lab, leads = flock.lab, scaled(SCALING_LEADS)
    wanted = lab.count("leads.judged") + leads
    before, began = flock.cpu_us(), time.monotonic()
    flock.stop()
    try:
        lab.send(leads, batch=100, connections=16)
        run(flock, began + SESSION_S)
        late = time.monotonic() - began > SESSION_S - 1
        if late or lab.count("leads.judged") < wanted:
            flock.go()
            _wait_judged(lab, wanted)
        time.sleep(0.2)  # the last acknowledgements and commits
        return None if late else (flock.cpu_us() - before) / leads
    finally:
        flock.go()


def _wait_judged(lab, wanted):
    end = time.monotonic() + PATIENCE_S
    while lab.count("leads.judged") < wanted:
        if time.monotonic() > end:
            raise BenchError(f"bench: leads were not judged within {PATIENCE_S} s")
        time.sleep(0.05)


def _cpu_ns(pid):
    """All threads of a process that starts and ends none."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks)


def _resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS:"))


def _put_back_per_s(lab):
    """Redis is emptied while the worker is away; when it starts it puts back every verdict of the log, partition by partition."""
    log = lab.home / "logs/filter-worker@1.log"
    start = log.stat().st_size
    subprocess.run(["redis-cli", "-p", str(lab.redis_port), "FLUSHALL"], check=True, capture_output=True)
    lab.only("filter-worker")
    with open(log, encoding="utf-8") as file:
        file.seek(start)
        rows = [json.loads(line) for line in file if '"kv_restored"' in line]
    return sum(row["leads"] for row in rows) / (sum(row["ms"] for row in rows) / 1000)


def claims(lab, figures):
    lab.up()
    lab.only()
    for row in lab.run("claims", "--redis", lab.redis_port, "--redis-pid", lab.pid("redis"), "--claims", scaled(10000000)):
        figures.add(row["name"], row["value"], row["unit"], row.get("floor"))


def filter_memory(lab, figures):
    lab.up()
    lab.only()
    for row in lab.run("memory", "--redis", lab.redis_port, "--redis-pid", lab.pid("redis"), "--leads", scaled(100000)):
        figures.add(row["name"], row["value"], row["unit"], row.get("floor"))


def router(lab, figures):
    leads = _fill(lab, "filter-worker")
    ours = _measure(lab, "router", "leads.routed,leads.unsold", leads)
    figures.add("router, admit and decide, CPU", ours["cpu_us"]["ours"], "us/lead")
    figures.add("router, broker CPU", ours["cpu_us"]["kafka"], "us/lead")
    figures.add("router, throughput", ours["per_s"], "leads/s")
    lab.drain_rest()


def delivery(lab, figures):
    leads = _fill(lab, "filter-worker", "router")
    with lab.sink() as sink:
        ours = _measure(lab, "delivery", "leads.outcomes", leads)
        bare = lab.run("floor-delivery", "--port", lab.sink_port, "--count", leads, "--in-flight", 256)[0]
        if sink.poll() is not None:
            raise BenchError("bench: the advertiser's server ended")
    figures.add("delivery, CPU", ours["cpu_us"]["ours"], "us/webhook", bare["cpu_us"])
    figures.add("delivery, throughput", ours["per_s"], "webhooks/s", bare["per_s"])
    lab.drain_rest()


def payout(lab, figures):
    lab.up()
    with lab.sink():
        leads = _fill(lab, "filter-worker", "router", "delivery")
    before = lab.settled()
    began, from_count, cpu = time.monotonic(), before, 0
    lab.stack("start", "payout")
    pid = lab.pid("payout")
    while (settled := lab.settled()) < before + leads:
        if from_count == before and before + leads // 10 <= settled:  # warm: count from here
            began, from_count, cpu = time.monotonic(), settled, _cpu_us(pid)
        if time.monotonic() - began > PATIENCE_S:
            raise BenchError(f"bench: payout did not settle everything within {PATIENCE_S} s")
        time.sleep(0.02)
    done = before + leads - from_count
    figures.add("payout, CPU", (_cpu_us(pid) - cpu) / done, "us/outcome")
    figures.add("payout, throughput", done / (time.monotonic() - began), "outcomes/s")
    lab.drain_rest()


def _cpu_us(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000000 // os.sysconf("SC_CLK_TCK")


# --- the operator's tool ---
TRACES = 30


def trace(lab, figures):
    """A lead by its id among a million (BENCH_TRACE_LEADS), whole lives of which lie in the topics, 500 a second."""
    lab.up()
    lab.only()
    if not lab.filled:
        leads = int(os.environ.get("BENCH_TRACE_LEADS", scaled(1000000)))
        done = subprocess.run([str(lab.bin / "bench-fill"), "--kafka", lab.kafka, "--leads", str(leads), "--ids", str(TRACES)],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"bench: bench-fill: {done.stderr}")
        lab.filled = done.stdout.split()
    took = []
    for lead_id in lab.filled:
        began = time.monotonic()
        text = lab.punnet("trace", lead_id)
        took.append((time.monotonic() - began) * 1000)
        if "the market learns: delivered" not in text:
            raise BenchError(f"bench: trace {lead_id}: {text}")
    took.sort()
    figures.add("trace by id, median", took[len(took) // 2], "ms")
    figures.add("trace by id, slowest", took[-1], "ms")
