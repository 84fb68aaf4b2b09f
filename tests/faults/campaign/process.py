"""What can be done to a running process from outside: its sockets cut, its limits lowered. Linux; same user or root."""
import ctypes
import os
import re
import resource
import socket
from pathlib import Path

PIDFD_GETFD = 438
PREFERRED = -15
_libc = ctypes.CDLL(None, use_errno=True)


def descriptors(pid):
    return [int(name) for name in os.listdir(f"/proc/{pid}/fd")]


def cut_connections(pid, ports):
    """Shuts down the process's TCP connections with one of these remote or local ports, as a reset on the way would; how many."""
    inodes = _connections_with(pid, set(ports))
    handle, count = os.pidfd_open(pid), 0
    try:
        for number in descriptors(pid):
            try:
                link = os.readlink(f"/proc/{pid}/fd/{number}")
            except OSError:
                continue
            if link not in inodes:
                continue
            copy = _libc.syscall(PIDFD_GETFD, handle, number, 0)
            if copy < 0:
                continue
            with socket.socket(fileno=copy) as theirs:
                try:
                    theirs.shutdown(socket.SHUT_RDWR)
                    count += 1
                except OSError:
                    pass  # it ended by itself meanwhile
    finally:
        os.close(handle)
    return count


def _connections_with(pid, ports):
    found = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            local, remote = (int(fields[i].rpartition(":")[2], 16) for i in (1, 2))
            if fields[3] == "01" and (local in ports or remote in ports):
                found.add(f"socket:[{fields[9]}]")
    return found


def prefer(pid):
    """It goes before everybody else on the machine, all its threads. Only root may say so; False otherwise."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), PREFERRED)
        return True
    except PermissionError:
        return False


def limit_descriptors(pid, number):
    """The soft limit; returns the old pair. Those that are open already stay open."""
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (number, old[1]))
    return old


def limit_memory(pid, more_bytes=0):
    """No more address space than it has now: what it asks for from now on it does not get. Returns the old pair."""
    pages = int(re.match(r"\d+", Path(f"/proc/{pid}/statm").read_text())[0])
    old = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + more_bytes, old[1]))
    return old
