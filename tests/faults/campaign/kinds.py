"""Every kind of fault, declared once: what it is called, in which lane it runs, whom it may hit, and how. Lanes run side by side,
the faults of one lane one after the other; who is being broken is not broken by another lane at the same time."""
from dataclasses import dataclass
from typing import Callable

from . import kinds_engines as engines
from . import kinds_services as services
from . import kinds_world as world
from .cgroup import can_group
from .network import COPIES, SERVICES


@dataclass
class Kind:
    name: str
    lane: str
    run: Callable          # (network, target, dice) -> what was done, in words; raises NotRecovered
    targets: Callable      # network -> names; empty: it can't be had here
    weight: int = 2        # how often, compared with others of its lane
    holds_target: bool = True


def _instances(*which):
    return lambda net: [f"{service}@{n}" for service in which or SERVICES for n in range(1, COPIES + 1)]


def _all_instances(net):
    return _instances()(net) + [f"auditor@{n + 1}" for n in range(net.auditors)]


def _second(net):
    """Those whose clock can be set."""
    return [f"{service}@{COPIES}" for service in SERVICES] if net.clocks_work else []


def _brokers(net):
    return net.broker_names


def _several_brokers(net):
    return net.broker_names if net.brokers > 1 else []


def _only(name, condition=lambda net: True):
    return lambda net: [name] if condition(net) else []


def _links(net):
    return ["redis"] + (["ledger"] if net.ledger_link else [])


CONSUMERS = ("filter-worker", "router", "delivery", "payout")

KINDS = (
    Kind("service_killed", "services", services.killed, _all_instances, 8),
    Kind("zombie", "services", services.zombie, _instances(*CONSUMERS), 2),
    Kind("service_paused", "services", services.paused, _instances(), 2),
    Kind("service_restarted", "services", services.restarted, _instances(), 3),
    Kind("host_lost", "services", services.host_lost, _instances(), 2),
    Kind("oom_killed", "services", services.oom_killed, lambda net: _instances()(net) if can_group() else [], 2),
    Kind("memory_exhausted", "services", services.memory_exhausted, _instances(), 1),
    Kind("descriptors_exhausted", "services", services.descriptors_exhausted, _instances("collector", "delivery"), 2),
    Kind("clock_jumped", "services", services.clock_jumped, _second, 3),
    Kind("kafka_cut", "links", services.kafka_cut, _instances(), 4),
    Kind("clients_cut", "links", services.clients_cut, _instances("collector"), 2),
    Kind("link_cut", "links", engines.link_cut, _links, 4, False),
    Kind("link_away", "links", engines.link_away, _links, 2, False),
    Kind("link_slow", "links", engines.link_slow, _links, 2, False),
    Kind("rolling_upgrade", "upgrades", services.rolling_upgrade, _only("all"), 1, False),
    Kind("log_disk_full", "upgrades", services.log_disk_full, _only("logs", lambda net: "logs" in net.disks), 1, False),
    Kind("broker_killed", "brokers", engines.broker_killed, _brokers, 3),
    Kind("broker_restarted", "brokers", engines.broker_restarted, _brokers, 2),
    Kind("controller_killed", "brokers", engines.controller_killed, _only("controller", lambda net: net.brokers > 1), 2, False),
    Kind("broker_frozen", "brokers", engines.broker_frozen, _several_brokers, 1),
    Kind("killed_over_frozen_broker", "brokers", engines.killed_over_frozen_broker, _instances(), 1),
    Kind("broker_disk_full", "brokers", engines.broker_disk_full, _only("disk", lambda net: "broker" in net.disks), 1, False),
    Kind("redis_killed", "engines", engines.redis_killed, _only("redis")),
    Kind("redis_flushed", "engines", engines.redis_flushed, _only("redis")),
    Kind("redis_fail_over", "engines", engines.redis_fail_over, _only("redis")),
    Kind("redis_frozen", "engines", engines.redis_frozen, _only("redis")),
    Kind("postgres_restarted", "engines", engines.postgres_restarted, _only("ledger", lambda net: net.postgres)),
    Kind("ledger_disk_full", "engines", engines.ledger_disk_full, _only("ledger", lambda net: "ledger" in net.disks), 1),
    Kind("overload", "world", world.overload, _only("front door"), 1),
    Kind("poison", "world", world.poison, _only("topics"), 3),
    Kind("advertiser_hangs", "world", world.advertiser_hangs, lambda net: net.buyers.names),
    Kind("advertiser_fails", "world", world.advertiser_fails, lambda net: net.buyers.names),
    Kind("advertiser_drops", "world", world.advertiser_drops, lambda net: net.buyers.names),
    Kind("advertisers_down", "world", world.advertisers_down, _only("all"), 1, False),
)

# Of all faults, those of a lane; in what is left over the services' lane is the longest.
LANES = {"services": 5, "links": 5, "upgrades": 1, "brokers": 3, "engines": 5, "world": 4}
