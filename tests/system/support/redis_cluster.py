"""A Redis Cluster of a test's own: three masters on loopback that keep their data over a restart, and replicas where asked for."""
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .stack import _taken

MASTERS = 3
REPLICAS = 1       # at most: the port behind the masters'
BUS = 10000        # a node's second port, after its first
START_TIMEOUT_S = 20
NODE_TIMEOUT_MS = 2000


def _free_ports():
    for base in range(8000, 11000, 10):
        ports = range(base, base + MASTERS + REPLICAS)
        if not any(_taken(port) or _taken(port + BUS) for port in ports):
            return list(ports)[:MASTERS]
    raise RuntimeError("no free ports")


class RedisCluster:
    def __init__(self):
        self.home = Path(tempfile.mkdtemp(prefix="punnet-redis-"))
        self.ports = _free_ports()
        self.running = {}
        self.url = "redis://" + ",".join(f"127.0.0.1:{port}" for port in self.ports)
        try:
            for port in self.ports:
                self.start(port)
            addresses = [f"127.0.0.1:{port}" for port in self.ports]
            self._cli("--cluster", "create", *addresses, "--cluster-yes")
            self.wait_ok()
        except BaseException:
            self.close()
            raise

    def start(self, port):
        folder = self.home / str(port)
        folder.mkdir(exist_ok=True)
        self.running[port] = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "",
             "--appendonly", "yes", "--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS)],
            stdout=(folder / "log").open("a"), stderr=subprocess.STDOUT)
        self._until(lambda: self.ask(port, "PING") == "PONG", f"redis on {port} answers")

    def kill(self, port):
        self.running[port].kill()
        self.running.pop(port).wait()

    def add_replica(self, master):
        """Another node that follows this one. Returns its port."""
        port = self.ports[-1] + 1
        self.start(port)
        self._cli("--cluster", "add-node", f"127.0.0.1:{port}", f"127.0.0.1:{master}", "--cluster-slave",
                  "--cluster-master-id", self.ask(master, "CLUSTER", "MYID"))
        self._until(lambda: "master_link_status:up" in self.ask(port, "INFO", "replication"), f"{port} follows {master}")
        return port

    def fail_over(self, master, replica, written):
        """The replica is cut off, the master takes at least so many bytes more and dies, and the replica takes its place without
        them. Returns how many bytes it lacks."""
        self.running[replica].send_signal(signal.SIGSTOP)
        self.ask(master, "CLIENT", "KILL", "TYPE", "replica")
        start = self.offset(master, "master_repl_offset")
        self._until(lambda: self.offset(master, "master_repl_offset") >= start + written, "the master has taken more")
        last = self.offset(master, "master_repl_offset")
        self.kill(master)
        self.running[replica].send_signal(signal.SIGCONT)
        lacking = last - self.offset(replica, "slave_repl_offset")
        self._until(lambda: self.ask(replica, "CLUSTER", "FAILOVER", "TAKEOVER") == "OK", "the replica takes over")
        self.ports[self.ports.index(master)] = replica
        self.wait_ok()
        return lacking

    def offset(self, port, name):
        return int(dict(line.split(":", 1) for line in self.ask(port, "INFO", "replication").splitlines() if ":" in line)[name])

    def wait_ok(self):
        for port in self.ports:
            self._until(lambda p=port: "cluster_state:ok" in self.ask(p, "CLUSTER", "INFO")
                        and "cluster_slots_ok:16384" in self.ask(p, "CLUSTER", "INFO"), f"{port} has the whole cluster")

    def reshard(self, giver, taker, slots):
        """Moves so many of a node's slots, its first ones, with their keys."""
        self._cli("--cluster", "reshard", f"127.0.0.1:{giver}", "--cluster-from", self.ask(giver, "CLUSTER", "MYID"),
                  "--cluster-to", self.ask(taker, "CLUSTER", "MYID"), "--cluster-slots", str(slots), "--cluster-yes")

    def ask(self, port, *words):
        done = subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, check=False)
        return done.stdout.decode(errors="replace").strip()

    def close(self):
        for port in list(self.running):
            self.kill(port)
        shutil.rmtree(self.home, ignore_errors=True)

    @staticmethod
    def _cli(*words):
        done = subprocess.run(["redis-cli", *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"redis-cli {' '.join(words)}: {done.stdout[-2000:]}{done.stderr}")

    @staticmethod
    def _until(condition, what):
        end = time.monotonic() + START_TIMEOUT_S
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not within {START_TIMEOUT_S} s")
            time.sleep(0.05)
