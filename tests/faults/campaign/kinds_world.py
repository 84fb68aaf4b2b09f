"""Faults of the world outside: too many leads, records that can't be read, advertisers that are away."""
from confluent_kafka import Producer

from .buyers import ANSWER, CLOSED, DROP, FAIL, HANG, OPEN

OVERLOAD = 3
MEANWHILE = 400
POISONS = (b"\xff\xfe\xfd not protobuf \x00\x01", b"", b"\x0a\x10\x01\x9a", b"\x08\x96\x01")
PLACES = (("leads.raw", 8, "RawLead"), ("leads.judged", 8, "JudgedLead"), ("market", 4, "MarketEvent"),
          ("leads.routed", 8, "RoutedLead"), ("leads.outcomes", 8, "Outcome"))


def overload(net, _target, _dice):
    """Three times as many leads at once; what can't be taken is told so, and comes again."""
    rate, told = net.traffic.rate.value, net.traffic.told_off.value
    net.traffic.rate.value = OVERLOAD * rate
    try:
        net.meanwhile(int(OVERLOAD * rate * 3))
    finally:
        net.traffic.rate.value = rate
    net.flows()
    return f"{OVERLOAD * rate:.0f}/s, {net.traffic.told_off.value - told} were told 429 or 503"


def poison(net, _target, dice):
    before, failed, count = net.ends["dead.letters"], [], 0
    producer = Producer({"bootstrap.servers": net.stack.kafka, "acks": "all", "log_level": 0})
    for topic, partitions, message in PLACES:
        for value in POISONS:
            producer.produce(topic, value=value, key=b"poison", partition=dice.randrange(partitions),
                             headers=[("message", f"punnet.v1.{message}".encode())], on_delivery=lambda error, _: error and failed.append(error))
            count += 1
    if producer.flush(60) or failed:
        return f"{len(failed)} could not be stored"
    net.wait(lambda: net.ends["dead.letters"] >= before + count, f"{count} records are set aside")
    net.flows()
    return f"{count} records"


def _advertiser(net, name, mode):
    taken = net.buyers.taken.value
    net.buyers.set_mode(name, mode)
    try:
        net.meanwhile(2 * MEANWHILE)
    finally:
        net.buyers.set_mode(name, ANSWER)
    net.flows()
    return f"{net.buyers.taken.value - taken} leads were taken by the others"


def advertiser_hangs(net, name, _dice):
    return _advertiser(net, name, HANG)


def advertiser_fails(net, name, _dice):
    return _advertiser(net, name, FAIL)


def advertiser_drops(net, name, _dice):
    """It takes the lead and hangs up without a word."""
    return _advertiser(net, name, DROP)


def advertisers_down(net, _target, _dice):
    net.buyers.door.value = CLOSED
    try:
        net.wait(lambda: net.buyers.is_open.value == CLOSED, "nobody listens", 30)
        net.meanwhile(MEANWHILE)
    finally:
        net.buyers.door.value = OPEN
    net.wait(lambda: net.buyers.is_open.value == OPEN, "they listen again", 30)
    net.flows()
    return "all of them"
