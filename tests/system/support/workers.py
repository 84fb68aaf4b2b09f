"""The filter workers of a stack from outside: who owns which partition, when verdicts came, deaths that come once."""
import json
import os
import signal
import time
from pathlib import Path

from . import log
from .stack import wait_until

PARTITIONS = 8
WORKERS = ("filter-worker@1", "filter-worker@2")
ONCE_TIMEOUT_S = 30


def judged_records(stack):
    return log.read_topic(stack.kafka, "leads.judged")


def judged_count(stack):
    """Different records of leads.raw that have a verdict."""
    return len({(p, r.message.source.offset) for p, records in judged_records(stack).items() for r in records})


def records_in(stack, topic):
    consumer = log._consumer(stack.kafka)
    try:
        return sum(log.ends(consumer, topic, p)[1] for p in consumer.list_topics(topic, timeout=30).topics[topic].partitions)
    finally:
        consumer.close()


def repeat_verdicts(stack, count):
    """The last verdicts of each partition once more, as a worker leaves them that was thought dead and was not."""
    from confluent_kafka import Producer
    producer, failed = Producer({"bootstrap.servers": stack.kafka, "acks": "all"}), []
    for partition, records in judged_records(stack).items():
        for record in records[-count:]:
            producer.produce("leads.judged", value=record.value, key=record.key, partition=partition,
                             headers=[("message", record.type.encode())], on_delivery=lambda error, _: error and failed.append(error))
    assert producer.flush(30) == 0 and not failed, failed


def wait_judged(stack, count, timeout_s=60):
    wait_until(lambda: judged_count(stack) >= count, timeout_s, f"{count} leads are judged")


def events(stack, worker):
    path = stack.home / "logs" / f"{worker}.log"
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.startswith("{"):
            yield json.loads(line)


def owners(stack, workers):
    """{partition: worker}, after what the workers' logs say. One that is not running owns nothing."""
    seen = []
    for worker in workers:
        owned, pid = set(), None
        for event in events(stack, worker):
            if event["event"] == "started":
                owned, pid = set(), event["pid"]
            elif event["event"] == "partition_assigned":
                owned.add(event["partition"])
            elif event["event"] == "partition_revoked":
                owned.discard(event["partition"])
        if pid is not None and pid == stack.pid(worker):
            seen += [(partition, worker) for partition in owned]
    return dict(seen) if len(dict(seen)) == len(seen) else {}


def wait_owned(stack, workers):
    return wait_until(lambda: len(found := owners(stack, workers)) == PARTITIONS and set(found.values()) == set(workers) and found,
                      30, "each partition has one owner, each worker a partition")


def order_death(folder, point, passage=1):
    """The first worker to pass the point for the n-th time from now on dies there, and nobody after it."""
    path = Path(folder) / f".{point}"
    path.write_text(f"{passage}\n")
    path.rename(Path(folder) / point)


def wait_died(folder, point):
    wait_until(lambda: not (Path(folder) / point).exists(), ONCE_TIMEOUT_S, f"a worker dies at {point}")


def kill_and_wait(stack, worker):
    """SIGKILL to one worker; returns when it was, in ms, once the supervisor has started the next process."""
    pid = stack.pid(worker)
    at_ms = int(time.time() * 1000)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: stack.pid(worker) not in (None, pid), 20, f"{worker} runs again")
    return at_ms


def longest_gaps_ms(records, from_ms, until_ms):
    """{partition: the longest time without a verdict in it}."""
    gaps = {}
    for partition, all_of_it in records.items():
        times = sorted(r.timestamp_ms for r in all_of_it if from_ms <= r.timestamp_ms <= until_ms)
        times = [from_ms, *times, until_ms]
        gaps[partition] = max(b - a for a, b in zip(times, times[1:]))
    return gaps
