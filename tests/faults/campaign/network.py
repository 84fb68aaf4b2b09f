"""The network under test: the local stack with every service twice, three brokers, Redis with a replica and a ledger behind
proxies, disks with an end, clocks that can be set wrong. Also what a fault waits for: readiness, leads that flow, whole replicas."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from support.postgres import Postgres
from support.stack import Stack, wait_until

from .disks import BALLAST, Disk, can_mount
from .proxy import Proxy
from .redis_pair import RedisPair

SERVICES = ("collector", "filter-worker", "router", "delivery", "payout")
GROUPS = {"filter-worker": ("filter-worker",), "router": ("router-admit", "router-decide"), "delivery": ("delivery",),
          "payout": ("payout",)}
ADMIN_OFFSETS = {"collector": 10, "filter-worker": 20, "router": 30, "delivery": 40, "payout": 50, "auditor": 90}
COPIES = 2
# A broker that stands still must not hold up those who look on.
IMPATIENT = {"log_level": 0, "socket.timeout.ms": 2000, "socket.connection.setup.timeout.ms": 2000, "api.version.request.timeout.ms": 2000,
             "reconnect.backoff.max.ms": 500, "topic.metadata.refresh.interval.ms": 1000}
RECOVER_TIMEOUT_S = 180      # generous: other things may run on the machine; it ends a campaign that hangs
KAFKA_PORT, CONTROLLER_PORT, REDIS_PORT, LEDGER_PORT = 60, 65, 70, 95
KAFKA_BEHIND = 4
MEMBERS_PAUSE_S = 0.7        # to ask costs a process
LEADS_MIN = 40               # that a fault is given at least
PULSE_S, PULSE_RECORDS = 0.3, 2000
PULSE_TOPICS = ("leads.raw", "leads.judged", "market", "leads.routed", "leads.unsold", "leads.attempts", "leads.outcomes", "dead.letters")
DISK_MIB, LOG_DISK_MIB = 64 * 1024, 512
SETTINGS = {"PUNNET_DELIVERY_RETRY_SCHEDULE": "0s,300ms,1s,2s", "PUNNET_DELIVERY_ANSWER_TIMEOUT": "2s",
            "PUNNET_PAYOUT_DB_TIMEOUT": "1s", "PUNNET_COMMON_ACK_WATCHDOG": "20s"}


class NotRecovered(Exception):
    """What a fault waited for did not come: as bad as a lost lead."""


class Network:
    def __init__(self, brokers=3, ledger="postgres", bin_folder="release", settings=None, copies=COPIES, auditors=0, narrow=False):
        self.brokers, self.ledger, self.copies, self.auditors = brokers, ledger, copies, auditors
        self.narrow = narrow  # the way to Kafka can be: one broker only
        self.in_hand_share = 1.0  # a short campaign has fewer leads for each fault
        self.home = Path(tempfile.mkdtemp(prefix="punnet-campaign-"))
        self.stack = Stack(self.home, bin_folder)
        self.stack.environment.update(SETTINGS)
        self.stack.environment.update(settings or {})
        self.ending = contextlib.ExitStack()
        self.locks = {}
        self.disks, self.mounts = {}, can_mount()
        self.traffic = None
        self.ends, self._pulse_over = Counter(), threading.Event()

    # --- up and down ---
    def up(self):
        try:
            if self.mounts:
                self._mount()
            self._start_redis()
            self._start_ledger()
            self._set_clocks()
            if self.narrow:
                self._start_way()
            self.ending.callback(self.stack.down)
            scale = [word for service in SERVICES for word in ("--scale", f"{service}={self.copies}")]
            scale += ["--scale", f"auditor={self.auditors}"]
            self.stack.up("--brokers", str(self.brokers), *scale)
            self.admin = AdminClient({"bootstrap.servers": self.stack.kafka, **IMPATIENT})
            thread = threading.Thread(target=self._pulse, daemon=True)
            thread.start()
            self.ending.callback(thread.join)
            self.ending.callback(self._pulse_over.set)
        except BaseException:
            self.down(keep=False)
            raise

    def end_pulse(self):
        """For who measures: reading along takes its time from what goes through our own threads. Nothing can be waited for any more."""
        self._pulse_over.set()

    def down(self, keep):
        """What is kept: orders, keys and configuration, what the brokers hold, and the logs. Some lie on disks that go away: copies are kept."""
        self.end_pulse()
        if keep:
            self.stack.down()
            self._copy("logs", "kept-logs")
            for folder in (self.home / "data").glob("kafka*"):
                self._copy(f"data/{folder.name}", f"kept-{folder.name}")
        self.ending.close()
        if not keep:
            shutil.rmtree(self.home, ignore_errors=True)

    def _copy(self, folder, to):
        shutil.copytree(self.home / folder, self.home / to, ignore=shutil.ignore_patterns(BALLAST), dirs_exist_ok=True)

    def _mount(self):
        """The logs and the last of several brokers get a disk that can be full; the ledger gets its own."""
        self._disk("logs", self.home / "logs", LOG_DISK_MIB)
        if self.brokers > 1:
            self._disk("broker", self.home / f"data/kafka-{self.brokers}", DISK_MIB)

    def _disk(self, name, folder, size_mib, owner=None):
        disk = Disk(self.home / f"{name}.image", folder, size_mib, owner)
        self.disks[name] = disk
        self.ending.callback(disk.close)
        return disk

    def _start_redis(self):
        port = self.stack.port_base + REDIS_PORT
        self.redis = RedisPair(self.home / "data", (port + 1, port + 2))
        self.ending.callback(self.redis.close)
        self.redis_link = Proxy(port, self.redis.port)
        self.ending.callback(self.redis_link.close)
        self.stack.environment["PUNNET_REDIS"] = f"redis://127.0.0.1:{port}/0"

    def _start_ledger(self):
        self.postgres, self.ledger_link = None, None
        if self.ledger == "sqlite":
            folder = self.home / "data/ledger"
            folder.mkdir(parents=True, exist_ok=True)
            if self.mounts:
                self._disk("ledger", folder, DISK_MIB)
            self.db = f"sqlite:{folder}/ledger.db"
            self.stack.environment["PUNNET_DB"] = self.db
            return
        port = self.stack.port_base + LEDGER_PORT
        folder = Path(tempfile.mkdtemp(prefix="punnet-pg-"))
        self.ending.callback(shutil.rmtree, folder, ignore_errors=True)
        if os.geteuid() == 0:
            os.chmod(folder, 0o755)  # `postgres` has to pass
        inner = folder / "disk"
        inner.mkdir()
        if self.mounts:
            self._disk("ledger", inner, DISK_MIB, "postgres")
        self.postgres = Postgres(port + 1, inner)
        self.ending.callback(self.postgres.control, "stop", "-m", "immediate", check=False)
        self.ledger_link = Proxy(port, port + 1)
        self.ending.callback(self.ledger_link.close)
        self.db = self.postgres.url
        self.stack.environment["PUNNET_DB"] = self.postgres.url_at(port)

    def _start_way(self):
        """The broker stands behind a proxy, which its clients don't know."""
        assert self.brokers == 1
        port = self.stack.port_base + KAFKA_PORT
        self.stack.environment["PUNNET_KAFKA_BEHIND"] = str(KAFKA_BEHIND)
        self.kafka_link = Proxy(port, port + KAFKA_BEHIND)
        self.ending.callback(self.kafka_link.close)

    def _set_clocks(self):
        """The second instance of each service has a clock of its own, right so far."""
        self.clocks = self.home / "clocks"
        self.clocks.mkdir()
        for service in SERVICES:
            self.set_clock(f"{service}@{COPIES}", 0)
        self.stack.environment["PUNNET_CLOCKS"] = str(self.clocks)

    def set_clock(self, instance, wrong_by_s):
        path = self.clocks / instance
        path.with_suffix(".new").write_text(f"{wrong_by_s:+d}\n")
        path.with_suffix(".new").rename(path)

    # --- who and where ---
    @property
    def instances(self):
        return [f"{service}@{number}" for service in SERVICES for number in range(1, self.copies + 1)]

    @property
    def broker_names(self):
        return ["kafka"] if self.brokers == 1 else [f"kafka@{n + 1}" for n in range(self.brokers)]

    @property
    def broker_ports(self):
        return [self.stack.port_base + KAFKA_PORT + n for n in range(self.brokers)]

    @property
    def front_doors(self):
        return [("127.0.0.1", self.stack.port_base + n) for n in range(self.copies)]

    @property
    def clocks_work(self):
        """Is the second collector's process run with a clock of its own?"""
        return "libfaketime" in Path(f"/proc/{self.running(f'collector@{COPIES}')}/maps").read_text()

    def pid(self, name):
        return self.stack.pid(name)

    def running(self, name):
        """The pid; waits for it while the supervisor holds back a process that ended."""
        return self.wait(lambda: self.pid(name), f"{name} runs")

    @contextlib.contextmanager
    def holding(self, *names):
        """Nobody else breaks these meanwhile."""
        locks = [self.locks.setdefault(name, threading.RLock()) for name in sorted(names)]
        with contextlib.ExitStack() as held:
            for lock in locks:
                held.enter_context(lock)
            yield

    # --- what a fault waits for ---
    def wait(self, condition, what, timeout_s=RECOVER_TIMEOUT_S):
        try:
            return wait_until(condition, timeout_s, what)
        except AssertionError as error:
            raise NotRecovered(str(error)) from None

    def admin_url(self, instance):
        service, _, number = instance.partition("@")
        return f"http://127.0.0.1:{self.stack.port_base + ADMIN_OFFSETS[service] + int(number) - 1}"

    def ready(self, instance):
        return self._answers(f"{self.admin_url(instance)}/readyz")

    def alive(self, instance):
        return self._answers(f"{self.admin_url(instance)}/healthz")

    @staticmethod
    def _answers(url):
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def wait_new(self, name, old_pid):
        return self.wait(lambda: self.pid(name) not in (None, old_pid), f"{name} is started again")

    def wait_ready(self, *instances):
        for instance in instances:
            self.wait(lambda i=instance: self.ready(i), f"{instance} is ready")

    def meanwhile(self, leads):
        """So many more leads are acknowledged, or there are no more. For them the traffic is not held back."""
        leads = max(LEADS_MIN, int(leads * self.in_hand_share))
        goal = self.traffic.acknowledged.value + leads
        self.traffic.wanted.value = max(self.traffic.wanted.value, goal + LEADS_MIN)
        self.wait(lambda: self.traffic.acknowledged.value >= goal or self.traffic.done, f"{leads} more leads are taken in")

    def flows(self):
        """Leads come out at the far end again."""
        before = self.ends["leads.outcomes"]
        self.wait(lambda: self.ends["leads.outcomes"] > before or self.traffic.done, "leads come out at the end")

    def in_sync(self):
        """How many replicas of how many are in step, over all topics."""
        try:
            topics = self.admin.list_topics(timeout=5).topics.values()
        except KafkaException:
            return 0, 1
        partitions = [p for topic in topics for p in topic.partitions.values()]
        return sum(len(p.isrs) for p in partitions), sum(len(p.replicas) for p in partitions)

    def wait_listening(self, broker):
        port = self.broker_ports[int(broker.partition("@")[2] or 1) - 1]

        def listening():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return True
            except OSError:
                return False
        self.wait(listening, f"{broker} listens")

    def wait_whole(self):
        for broker in self.broker_names:
            self.wait_listening(broker)

        def whole():
            have, want = self.in_sync()
            return have == want and want > 1
        self.wait(whole, "every replica is in step")

    def wait_dropped(self, number):
        """The cluster goes on without broker `number`."""
        def dropped():
            try:
                topics = self.admin.list_topics(timeout=5).topics
            except KafkaException:
                return False
            return all(number not in p.isrs for name in ("leads.raw", "market") for p in topics[name].partitions.values())
        self.wait(dropped, f"the cluster goes on without broker {number}")

    def controller(self):
        """The number of the active controller, as its own files say."""
        newest = (-1, 1)
        for number in range(1, self.brokers + 1):
            path = self.home / f"data/kafka-{number}/__cluster_metadata-0/quorum-state"
            try:
                state = json.loads(path.read_text())
            except (OSError, ValueError):
                continue
            if state.get("leaderId", -1) > 0:
                newest = max(newest, (state["leaderEpoch"], state["leaderId"]))
        return newest[1]

    def members(self, group):
        """The instances that the group has; None when nobody can say."""
        done = subprocess.run([sys.executable, "-m", "campaign.members", self.stack.kafka, group], capture_output=True, text=True,
                              check=False)
        return set(done.stdout.split()) if done.returncode == 0 else None

    def wait_expelled(self, instance):
        """Its groups have given it up."""
        for group in GROUPS[instance.partition("@")[0]]:
            def gone(group=group):
                time.sleep(MEMBERS_PAUSE_S)
                members = self.members(group)
                return members is not None and not any(instance in member for member in members)
            self.wait(gone, f"{group} goes on without {instance}")

    # --- the ends of the topics, looked at all the time ---
    def _pulse(self):
        """By reading along: to ask for the ends would wait for a broker that stands still."""
        consumer = Consumer({"bootstrap.servers": self.stack.kafka, "group.id": "pulse", "enable.auto.commit": False,
                             "auto.offset.reset": "earliest", "queued.max.messages.kbytes": 4096, **IMPATIENT})
        # From the first record on: an end that is asked for while a broker is away is told late, and what came meanwhile is missed.
        consumer.assign([TopicPartition(topic, partition, 0) for topic in PULSE_TOPICS
                         for partition in consumer.list_topics(topic, timeout=30).topics[topic].partitions])
        while not self._pulse_over.is_set():
            for record in consumer.consume(PULSE_RECORDS, timeout=PULSE_S):
                if not record.error():
                    self.ends[record.topic()] += 1
        consumer.close()

    def rest(self, still_s, timeout_s):
        """Nothing has been written to any topic for so long; false when that does not come."""
        end, last, since = time.monotonic() + timeout_s, None, time.monotonic()
        while time.monotonic() < end:
            now = dict(self.ends)
            if now != last:
                last, since = now, time.monotonic()
            if time.monotonic() - since > still_s:
                return True
            time.sleep(PULSE_S)
        return False
