"""Faults of our own processes: killed, frozen, expelled, without memory, descriptors or room for logs, with a wrong clock."""
import os
import signal
import socket
import time

from .cgroup import MemoryGroup
from .network import COPIES, SERVICES
from .process import cut_connections, descriptors, limit_descriptors, limit_memory

CLOCKS_WRONG_BY_S = (3600, -3600, 86400, -600, 30)
MEANWHILE = 400        # leads that are taken in while a fault lasts
STRANGERS = 20         # connections that are opened when there are no descriptors left
CONNECT_TIMEOUT_S = 3
HEALTH_PATIENCE_S, HEALTH_PAUSE_S = 30, 0.2
OOM_LIMIT_BYTES, OOM_PATIENCE_S = 256 << 10, 3


def killed(net, name, _dice):
    old = net.running(name)
    os.kill(old, signal.SIGKILL)
    net.wait_new(name, old)
    net.wait_ready(name)
    net.flows()
    return f"pid {old}"


def restarted(net, name, _dice):
    old = net.running(name)
    os.kill(old, signal.SIGTERM)  # whoever ends is started again by the supervisor
    net.wait_new(name, old)
    net.wait_ready(name)
    return f"pid {old}"


def rolling_upgrade(net, _target, dice):
    for service in SERVICES:
        for number in range(1, COPIES + 1):
            with net.holding(f"{service}@{number}"):
                net.wait_ready(f"{service}@{number}")
                restarted(net, f"{service}@{number}", dice)
    net.flows()
    return f"{len(SERVICES) * COPIES} processes"


def zombie(net, name, _dice):
    """Frozen until the others have given it up; then it goes on as if nothing had been."""
    pid = net.running(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        if name.startswith("collector"):
            net.meanwhile(MEANWHILE)
        else:
            net.wait_expelled(name)
    finally:
        os.kill(pid, signal.SIGCONT)
    net.wait_ready(name)
    net.flows()
    return f"pid {pid}"


def paused(net, name, _dice):
    """Shorter than anybody's patience."""
    pid = net.running(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        net.meanwhile(MEANWHILE // 2)
    finally:
        os.kill(pid, signal.SIGCONT)
    net.wait_ready(name)
    return f"pid {pid}"


def host_lost(net, name, _dice):
    """Killed, and nobody starts it again until the others have taken over."""
    net.stack.run("lose", name)
    try:
        if name.startswith("collector"):
            net.meanwhile(MEANWHILE)
        else:
            net.wait_expelled(name)
        net.flows()
    finally:
        net.stack.run("start", name)
    net.wait_ready(name)
    return "taken over"


def oom_killed(net, name, _dice):
    """The kernel ends it for want of memory when it starts, until there is some."""
    group, old = MemoryGroup(OOM_LIMIT_BYTES), net.running(name)
    tried = {}
    try:
        os.kill(old, signal.SIGKILL)  # one that runs takes no new page for minutes; one that starts does at once
        net.wait_new(name, old)
        net.wait(lambda: _starve(group, net.pid(name), tried), f"{name} is killed by the kernel")
        kills = group.kills
        group.limit(1 << 40)
    finally:
        group.close()
    net.wait_ready(name)
    net.flows()
    return f"{kills} times, of {len(tried)} starts"


def _starve(group, pid, tried):
    """One that had all it needs before it was put into the group has to start once more."""
    try:
        if pid and pid not in tried:
            tried[pid] = time.monotonic()
            group.put(pid)
        elif pid and time.monotonic() - tried[pid] > OOM_PATIENCE_S:
            os.kill(pid, signal.SIGKILL)
    except OSError:
        pass  # it is gone already
    return group.kills > 0


def memory_exhausted(net, name, _dice):
    """It gets no page more than it has. Whether it dies of it or lives within it is its own affair."""
    pid = net.running(name)
    limit_memory(pid)
    net.meanwhile(MEANWHILE)
    if net.pid(name) == pid:
        try:
            limit_memory(pid, 1 << 40)
            return "lived within what it had"
        except ProcessLookupError:
            pass  # it died just now
    net.wait_new(name, pid)
    net.wait_ready(name)
    net.flows()
    return "died, and was started again"


def descriptors_exhausted(net, name, _dice):
    pid = net.running(name)
    old = limit_descriptors(pid, max(descriptors(pid)) + 1)
    strangers = []
    try:
        if name.startswith("collector"):
            strangers = [_connect(net, name) for _ in range(STRANGERS)]
        net.meanwhile(MEANWHILE)
    finally:
        if net.pid(name) == pid:
            limit_descriptors(pid, old[0])
        for stranger in strangers:
            if stranger:
                stranger.close()
    net.wait_ready(name)
    net.flows()
    return f"limit {max(descriptors(net.running(name))) + 1}, {len(strangers)} strangers"


def _connect(net, name):
    try:
        return socket.create_connection(net.front_doors[int(name.partition("@")[2]) - 1], timeout=CONNECT_TIMEOUT_S)
    except OSError:
        return None


def clock_jumped(net, name, dice):
    """The process's clock goes wrong, and right again later. One that started meanwhile may wait for an hour of tomorrow: librdkafka's
    time-outs are hours of the clock. Such a one does not answer, and is started anew, as whoever watches over /healthz would do."""
    wrong = dice.choice(CLOCKS_WRONG_BY_S)
    net.set_clock(name, wrong)
    try:
        net.meanwhile(2 * MEANWHILE)
    finally:
        net.set_clock(name, 0)
    asleep, until = False, time.monotonic() + HEALTH_PATIENCE_S
    while not net.alive(name) and not asleep:
        asleep = time.monotonic() > until
        time.sleep(HEALTH_PAUSE_S)
    if asleep:
        os.kill(net.running(name), signal.SIGKILL)
    net.wait_ready(name)
    net.flows()
    return f"{wrong:+d} s{', started anew: it slept' if asleep else ''}"


def log_disk_full(net, _target, _dice):
    """Nobody may mind that it can't log."""
    disk, before = net.disks["logs"], {name: net.pid(name) for name in net.instances}
    room = disk.fill()
    try:
        net.meanwhile(MEANWHILE)
        net.flows()
        full = disk.is_full
    finally:
        disk.free()
    net.wait_ready(*net.instances)
    same = sum(net.pid(name) == pid for name, pid in before.items())
    return f"{room} MiB were left, {'full' if full else 'NOT FULL'}, {same} of {len(before)} lived on or were not touched"


def _cut(net, name, ports):
    """Waits for a connection to cut: a process that has just begun may have none."""
    counts = []

    def cut():
        counts.append(cut_connections(net.running(name), ports))
        return counts[-1]
    net.wait(cut, f"{name} has connections")
    net.wait_ready(name)
    net.flows()
    return f"{counts[-1]} connections"


def kafka_cut(net, name, _dice):
    """Every connection between one of our processes and the brokers ends."""
    return _cut(net, name, net.broker_ports)


def clients_cut(net, name, _dice):
    """Every connection of a front door ends, in the middle of whatever it did."""
    return _cut(net, name, [net.front_doors[int(name.partition("@")[2]) - 1][1]])
