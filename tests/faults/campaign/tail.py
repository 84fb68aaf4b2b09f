"""Reads what the stages write while they write it, and remembers of every stage and source partition when each of the last
records was made. A record made before a moment may still arrive after it: the record's own time decides."""
import time
from collections import defaultdict

from confluent_kafka import Consumer, KafkaException, TopicPartition

from support import messages

from .beside import Beside

TOPICS = ("leads.raw", "leads.judged", "market", "leads.routed", "leads.unsold", "leads.outcomes")
STAGES = ("collector", "filter-worker", "router", "delivery", "payout")
REMEMBERED_S = 120


def stage_of(topic, partition, message):
    """Who wrote it, and which part of its work it belongs to; None: neither says anything."""
    if topic == "leads.raw":
        return "collector", partition
    if topic == "leads.judged":
        return "filter-worker", partition
    if topic in ("leads.routed", "leads.unsold"):
        return "router", message.source.partition
    if topic == "leads.outcomes" and message.source.topic == "leads.attempts":
        return "delivery", message.source.partition
    if topic == "market" and message.WhichOneof("event") == "settled":
        return "payout", message.source.partition
    return None


class Tail(Beside):
    def __init__(self, servers):
        self.servers = servers
        self.times = defaultdict(list)  # (stage, part) -> times in ms, in the order of arrival
        self.begin()

    def _run(self):
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "tail", "enable.auto.commit": False, "log_level": 0,
                             "auto.offset.reset": "latest", "fetch.wait.max.ms": 20, "reconnect.backoff.max.ms": 200})
        places = [TopicPartition(t, p) for t in TOPICS for p in consumer.list_topics(t, timeout=30).topics[t].partitions]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place, timeout=30)[1]
        consumer.assign(places)
        while not self.over.is_set():
            try:
                record = consumer.poll(0.2)
            except KafkaException:
                continue
            if record is not None and not record.error():
                self._one(record)
        consumer.close()

    def _one(self, record):
        message = messages.BY_TOPIC[record.topic()]()
        message.ParseFromString(record.value() or b"")
        where = stage_of(record.topic(), record.partition(), message)
        if where:
            times = self.times[where]
            times.append(record.timestamp()[1])
            if times[0] < (time.time() - REMEMBERED_S) * 1000:
                del times[:len(times) // 2]

    def parts(self, stage, since_ms):
        """The parts of a stage's work in which something was made since then."""
        return {part for (who, part), times in list(self.times.items()) if who == stage and any(t >= since_ms for t in reversed(times[-200:]))}

    def first_after(self, stage, part, at_ms):
        return min((t for t in self.times[(stage, part)] if t > at_ms), default=None)
