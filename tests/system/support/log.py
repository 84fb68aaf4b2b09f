"""Reads whole topics with librdkafka's Python client, which shares nothing with our own bus."""
import time
import uuid
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from . import messages

READ_TIMEOUT_S = 60
NO_LEADER = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE,
             KafkaError._UNKNOWN_PARTITION)  # what was listed a moment ago, of a broker that woke up since
READ_TURN_S = 0.1


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    type: str
    timestamp_ms: int

    @property
    def is_of_no_lead(self):
        """In leads.attempts: another owner of the partition from here on, or what the owner may send from now on."""
        return self.type in ("punnet.v1.TakeOver", "punnet.v1.Taking")

    @property
    def message(self):
        parsed = messages.BY_TOPIC[self.topic]()
        parsed.ParseFromString(self.value)
        return parsed


def _consumer(servers):
    return Consumer({"bootstrap.servers": servers, "group.id": f"checker-{uuid.uuid4()}", "enable.auto.commit": False,
                     "auto.offset.reset": "earliest", "enable.partition.eof": False, "log_level": 0})


def partitions(servers, topic):
    consumer = _consumer(servers)
    try:
        return sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
    finally:
        consumer.close()


def ends(consumer, topic, partition):
    """The first and the next offset; asked again while a broker that was just started, or just woke up, has no leader to name."""
    give_up = time.monotonic() + READ_TIMEOUT_S
    while True:
        try:
            return consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
        except KafkaException as error:
            passes = error.args[0].retriable() or error.args[0].code() in NO_LEADER
            if not passes or time.monotonic() > give_up:
                raise
            time.sleep(0.1)


def stream_topic(servers, topic, at_once=5000):
    """Every record of a topic up to its present end, in offset order within a partition; the partitions take turns. No more than
    one answer of Kafka is in memory."""
    consumer = _consumer(servers)
    try:
        remaining = {}
        for partition in sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions):
            low, high = ends(consumer, topic, partition)
            if high > low:
                remaining[partition] = high
        consumer.assign([TopicPartition(topic, p, 0) for p in remaining])
        last = time.monotonic()
        while remaining:
            batch = consumer.consume(at_once, timeout=READ_TURN_S)  # waits for all of them until the time is over
            if batch:
                last = time.monotonic()
            elif time.monotonic() - last > READ_TIMEOUT_S:
                raise AssertionError(f"{topic}: nothing came for {READ_TIMEOUT_S} s, {remaining} still to read")
            for item in batch:
                if item.error():
                    raise AssertionError(f"{topic}: {item.error()}")
                headers = dict(item.headers() or [])
                yield Record(topic, item.partition(), item.offset(), item.key() or b"", item.value() or b"",
                             headers.get("message", b"").decode(errors="replace"), item.timestamp()[1])
                if item.offset() + 1 >= remaining.get(item.partition(), 0):
                    remaining.pop(item.partition(), None)
    finally:
        consumer.close()


def read_topic(servers, topic):
    """Every record of a topic up to its present end: {partition: [Record]} in offset order."""
    result = {partition: [] for partition in partitions(servers, topic)}
    for record in stream_topic(servers, topic):
        result[record.partition].append(record)
    return result
