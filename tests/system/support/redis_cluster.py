"""A Redis Cluster of a test's own: three masters on loopback that keep their data over a restart."""
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from .stack import _taken

MASTERS = 3
BUS = 10000        # a node's second port, after its first
START_TIMEOUT_S = 20
NODE_TIMEOUT_MS = 2000


def _free_ports():
    for base in range(8000, 11000, 10):
        ports = range(base, base + MASTERS)
        if not any(_taken(port) or _taken(port + BUS) for port in ports):
            return list(ports)
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
