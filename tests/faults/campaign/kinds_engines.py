"""Faults of what our processes lean on: brokers, Redis, the ledger's database, their disks and the ways to them."""
import contextlib
import os
import signal

MEANWHILE = 400
IN_HAND = 40  # leads that go the way of the other brokers meanwhile
LATE_S, SLOW_BYTES_PER_S = 0.03, 200_000


# --- Kafka ---
def _broker_number(name):
    return int(name.partition("@")[2] or 1)


def broker_killed(net, name, _dice):
    net.wait_whole()
    old = net.running(name)
    os.kill(old, signal.SIGKILL)
    net.wait_new(name, old)
    net.wait_whole()
    net.flows()
    return f"pid {old}"


def broker_restarted(net, name, _dice):
    net.wait_whole()
    old = net.running(name)
    os.kill(old, signal.SIGTERM)
    net.wait_new(name, old)
    net.wait_whole()
    net.flows()
    return f"pid {old}"


def controller_killed(net, _target, dice):
    net.wait_whole()
    number = net.controller()
    broker_killed(net, net.broker_names[number - 1], dice)
    return f"broker {number} led the quorum, now {net.controller()}"


def broker_frozen(net, name, _dice):
    """Until the cluster goes on without it."""
    net.wait_whole()
    pid = net.running(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        if net.brokers > 1:
            net.wait_dropped(_broker_number(name))
            net.flows()
    finally:
        os.kill(pid, signal.SIGCONT)
    net.wait_whole()
    return f"pid {pid}"


def killed_over_frozen_broker(net, name, dice):
    """A process dies while a broker keeps it waiting: what it had in hand is in its memory only."""
    net.wait_whole()
    broker = dice.choice(net.broker_names)
    frozen, old = net.running(broker), net.running(name)
    os.kill(frozen, signal.SIGSTOP)
    try:
        net.meanwhile(IN_HAND)
        os.kill(old, signal.SIGKILL)
        net.wait_new(name, old)
    finally:
        os.kill(frozen, signal.SIGCONT)
    net.wait_ready(name)
    net.wait_whole()
    net.flows()
    return f"pid {old}, while {broker} stood still"


def broker_disk_full(net, _target, _dice):
    """It ends itself over it, and can't start again before there is room. One that began meanwhile may wait for itself in its own
    shut-down hook for ever (a page of an index that can't be had ends the JVM in the thread that the hook waits for): whoever makes
    room starts it anew."""
    net.wait_whole()
    disk, name = net.disks["broker"], net.broker_names[-1]
    room = disk.fill()
    try:
        net.wait_dropped(net.brokers)
        net.flows()
    finally:
        disk.free()
    hanging = net.pid(name)
    if hanging:
        with contextlib.suppress(ProcessLookupError):
            os.kill(hanging, signal.SIGKILL)
    net.wait_whole()
    return f"{room} MiB were left; {'it was started anew' if hanging else 'it was down'} when there was room"


# --- Redis ---
def redis_killed(net, _target, _dice):
    net.redis.kill_master()
    net.flows()
    return f"port {net.redis.port}"


def redis_flushed(net, _target, _dice):
    keys = net.redis.client().dbsize()
    net.redis.client().flushall()
    net.flows()
    return f"{keys} keys gone"


def redis_fail_over(net, _target, _dice):
    net.redis_link.refusing = True
    try:
        old = net.redis.port
        new = net.redis.fail_over()
        net.redis_link.lead_to(new)
    finally:
        net.redis_link.refusing = False
    net.redis.bring_back_other()
    net.flows()
    return f"from {old} to {new}"


def redis_frozen(net, _target, _dice):
    net.redis.freeze()
    try:
        net.meanwhile(MEANWHILE)
    finally:
        net.redis.thaw()
    net.flows()
    return f"port {net.redis.port}"


# --- the ways to Redis and the ledger ---
def _link(net, target):
    return {"redis": net.redis_link, "ledger": net.ledger_link}[target]


def link_cut(net, target, _dice):
    counts = []
    net.wait(lambda: counts.append(_link(net, target).cut()) or counts[-1], "there are connections to cut")
    net.flows()
    return f"{counts[-1]} connections"


def link_away(net, target, _dice):
    link = _link(net, target)
    link.refusing = True
    try:
        count = link.cut()
        net.meanwhile(MEANWHILE)
    finally:
        link.refusing = False
    net.flows()
    return f"{count} connections"


def link_slow(net, target, _dice):
    link = _link(net, target)
    link.delay_s, link.bytes_per_s = LATE_S, SLOW_BYTES_PER_S
    try:
        net.meanwhile(MEANWHILE)
    finally:
        link.delay_s, link.bytes_per_s = 0.0, 0
    net.flows()
    return f"{LATE_S * 1000:.0f} ms late, {SLOW_BYTES_PER_S // 1000} kB/s"


# --- the ledger ---
def postgres_restarted(net, _target, _dice):
    net.postgres.control("restart", "-m", "immediate")
    net.flows()
    return "immediate: it recovers from its log"


def ledger_disk_full(net, _target, _dice):
    disk = net.disks["ledger"]
    room = disk.fill()
    try:
        net.meanwhile(MEANWHILE)
        full = disk.is_full
    finally:
        disk.free()
    if net.postgres:
        net.wait(lambda: net.postgres.control("status", check=False) or net.postgres.control("start", check=False), "the database runs")
    net.flows()
    return f"{room} MiB were left, {'full' if full else 'NOT FULL'}"
