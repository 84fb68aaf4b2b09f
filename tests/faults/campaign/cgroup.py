"""A control group of its own for a process that is to run out of memory: the kernel's own out-of-memory kill, real and aimed.
Needs a memory controller, of version 1 or 2, that may be written to."""
import errno
import itertools
import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 10_000
PREFERRED_WEIGHT = 10  # times the usual one
EMPTY_S = 10  # a process that is dying leaves its group after a moment
_numbers = itertools.count()


def _leave(folder):
    """All processes go back to the parent, and the group is taken away."""
    until = time.monotonic() + EMPTY_S
    while True:
        for pid in (folder / "cgroup.procs").read_text().split():
            try:
                (folder.parent / "cgroup.procs").write_text(pid)
            except ProcessLookupError:
                pass
        try:
            return folder.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


class MemoryGroup:
    """A process that is put in has what it holds already; what it takes from then on is counted against the limit."""

    def __init__(self, limit_bytes):
        parent, self.limit_file, self.events_file = _place()
        self.folder = parent / f"punnet-{os.getpid()}-{next(_numbers)}"
        self.folder.mkdir()
        self.limit(limit_bytes)

    def limit(self, limit_bytes):
        (self.folder / self.limit_file).write_text(str(limit_bytes))

    def put(self, pid):
        (self.folder / "cgroup.procs").write_text(str(pid))

    @property
    def kills(self):
        """How many processes the kernel has ended here."""
        lines = (line.split() for line in (self.folder / self.events_file).read_text().splitlines())
        return sum(int(number) for name, number in lines if name == "oom_kill")

    def close(self):
        _leave(self.folder)


def _place():
    if (ROOT / "memory").is_dir():
        return ROOT / "memory", "memory.limit_in_bytes", "memory.oom_control"
    return ROOT, "memory.max", "memory.events"


class CpuGroup:
    """So much of one core for all processes that are put in, in slices of a few milliseconds, whoever else runs on the machine."""

    def __init__(self, name, share):
        self.folder = (ROOT / "cpu" if (ROOT / "cpu").is_dir() else ROOT) / f"punnet-{os.getpid()}-{name}"
        self.folder.mkdir()
        quota = int(PERIOD_US * share)
        if (ROOT / "cpu").is_dir():
            (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota))
            (self.folder / "cpu.shares").write_text(str(1024 * PREFERRED_WEIGHT))
        else:
            (self.folder / "cpu.max").write_text(f"{quota} {PERIOD_US}")
            (self.folder / "cpu.weight").write_text(str(100 * PREFERRED_WEIGHT))

    def put(self, pid):
        (self.folder / "cgroup.procs").write_text(str(pid))

    def close(self):
        _leave(self.folder)


def can_group():
    parent, limit_file, _ = _place()
    probe = parent / f"punnet-probe-{os.getpid()}"
    try:
        probe.mkdir()
        fine = (probe / limit_file).exists()
        probe.rmdir()
        return fine
    except OSError:
        return False
