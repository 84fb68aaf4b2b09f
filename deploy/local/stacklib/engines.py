"""Kafka and Redis: their configuration files, command lines, and when they are ready."""
import base64
import os
import socket
import subprocess
import time
import uuid

from .layout import CONTROLLER_PORT, KAFKA_PORT, REDIS_PORT

KAFKA_HEAP = "512m"
REDIS_REWRITE = "256mb"  # of the file; while Redis writes it anew, each page of memory that it changes is copied first
# One thread collects a heap of this size in milliseconds, and asks the program for no barriers meanwhile: a record costs a
# third less than with the collector that Java chooses by itself.
KAFKA_COLLECTOR = ("-XX:+UseSerialGC", "-Xmn300m")
READY_TIMEOUT_S = 120

_LOG4J = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders><Console name="out" target="SYSTEM_OUT"><PatternLayout pattern="%d %p %c %m%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root>
  <Logger name="kafka.server.KafkaRaftServer" level="INFO"/></Loggers>
</Configuration>
"""


# How long a broker, or the controller, may say nothing before the others go on without it. When both are gone with one host, first
# the one passes, then an election, then the other: with Kafka's own figures (9 s, 2 s, 1 s) that takes 12 s.
BROKER_SESSION_MS, CONTROLLER_SILENT_MS = 2000, 1500


def _kafka_properties(layout, number):
    """KRaft, broker and controller in one. With three brokers everything is replicated and losing one is survived."""
    brokers = layout.brokers
    replicas = 3 if brokers >= 3 else 1
    voters = ",".join(f"{n + 1}@127.0.0.1:{layout.port(CONTROLLER_PORT + n)}" for n in range(brokers))
    client, controller = layout.port(KAFKA_PORT + number), layout.port(CONTROLLER_PORT + number)
    behind = client + int(os.environ.get("PUNNET_KAFKA_BEHIND", "0"))  # somebody else answers on the port and leads there
    return f"""process.roles=broker,controller
node.id={number + 1}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{client}
controller.listener.names=CONTROLLER
log.dirs={layout.path('data', f'kafka-{number + 1}')}
auto.create.topics.enable=false
default.replication.factor={replicas}
min.insync.replicas={2 if replicas == 3 else 1}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=8
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={2 if replicas == 3 else 1}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={2 if replicas == 3 else 1}
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms={BROKER_SESSION_MS}
broker.heartbeat.interval.ms={BROKER_SESSION_MS // 6}
controller.quorum.fetch.timeout.ms={CONTROLLER_SILENT_MS}
controller.quorum.election.timeout.ms={CONTROLLER_SILENT_MS // 2}
controller.quorum.election.backoff.max.ms={CONTROLLER_SILENT_MS // 2}
log.cleaner.dedupe.buffer.size=16777216
"""


def kafka_prepare(layout, number):
    """Writes the configuration of a broker and formats its folder the first time."""
    conf = layout.path("conf", f"kafka-{number + 1}.properties")
    conf.write_text(_kafka_properties(layout, number))
    layout.path("conf/log4j2.xml").write_text(_LOG4J)
    if layout.path("data", f"kafka-{number + 1}", "meta.properties").exists():
        return
    command = _java(layout) + ["kafka.tools.StorageTool", "format", "-t", _cluster_id(layout), "-c", str(conf)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"stack: Kafka's storage could not be formatted: {done.stdout}{done.stderr}")


def _cluster_id(layout):
    """The same for all brokers of a stack: derived from its folder, in the form that Kafka wants. One that begins with a
    dash would be read as an option by Kafka's own tools, which never make such an id either."""
    name = uuid.uuid5(uuid.NAMESPACE_URL, str(layout.home))
    text = base64.urlsafe_b64encode(name.bytes).decode().rstrip("=")
    return text if text[0] != "-" else f"A{text[1:]}"


def _java(layout):
    archive = layout.jars.parent / "kafka.jsa"  # made by deploy/setup/kafka-archive; a JVM that it does not fit passes over it
    shared = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
    return ["java", *shared, f"-Xmx{KAFKA_HEAP}", f"-Xms{KAFKA_HEAP}", *KAFKA_COLLECTOR, *os.environ.get("PUNNET_JAVA_OPTIONS", "").split(),
            f"-Dlog4j2.configurationFile={layout.path('conf/log4j2.xml')}",
            "-cp", f"{layout.jars}/*"]


def kafka_command(layout, number):
    return _java(layout) + ["kafka.Kafka", str(layout.path("conf", f"kafka-{number + 1}.properties"))]


def redis_command(layout):
    """Append-only, so that a restart brings every claim back: a reply is sent after the write to the file."""
    folder = layout.path("data/redis")
    folder.mkdir(parents=True, exist_ok=True)
    return ["redis-server", "--bind", "127.0.0.1", "--port", str(layout.port(REDIS_PORT)), "--dir", str(folder),
            "--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-min-size", REDIS_REWRITE, "--save", "",
            "--daemonize", "no"]


def wait_for_port(port, what, alive, timeout_s=READY_TIMEOUT_S):
    """Returns when something answers on the port; ends the start when `alive()` says that it never will."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.5):
                return
        except OSError:
            if not alive():
                raise SystemExit(f"stack: {what} ended while starting; see its log") from None
            time.sleep(0.05)
    raise SystemExit(f"stack: {what} did not answer on port {port} within {timeout_s} s")


def kafka_ports(layout):
    return [layout.port(KAFKA_PORT + n) for n in range(layout.brokers)]


def redis_port(layout):
    return layout.port(REDIS_PORT)
