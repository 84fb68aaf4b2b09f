"""Redis and its replica, for the campaign to kill, freeze, empty, and to let the one take the other's place."""
import os
import shutil
import signal
import subprocess
from pathlib import Path

import redis

from support.stack import wait_until

START_TIMEOUT_S = 180   # generous: other things may run on the machine, and it has all it wrote to read
ANSWER_TIMEOUT_S = 60


class RedisPair:
    def __init__(self, folder, ports):
        self.folder, self.ports = Path(folder), list(ports)
        self.running = [None, None]
        self.master = 0
        for number in (0, 1):
            self._start(number)
        self._follow(1)

    @property
    def port(self):
        return self.ports[self.master]

    @property
    def pid(self):
        return self.running[self.master].pid

    def client(self, number=None):
        return redis.Redis(port=self.ports[self.master if number is None else number], socket_timeout=ANSWER_TIMEOUT_S)

    def _start(self, number):
        """Append-only: what was answered before a kill is there after it."""
        folder = self.folder / f"redis-{number + 1}"
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "log", "ab") as log:
            self.running[number] = subprocess.Popen(
                ["redis-server", "--bind", "127.0.0.1", "--port", str(self.ports[number]), "--dir", str(folder), "--save", "",
                 "--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self._answers(number), START_TIMEOUT_S, f"redis {number + 1} answers")

    def _answers(self, number):
        try:
            return self.client(number).ping()
        except redis.RedisError:
            return False

    def _follow(self, number):
        self.client(number).replicaof("127.0.0.1", self.port)
        self.wait_in_step()

    def wait_in_step(self):
        other = self.client(1 - self.master)
        wait_until(lambda: other.info("replication").get("master_link_status") == "up", START_TIMEOUT_S, "the replica is in step")

    def kill_master(self):
        """SIGKILL, and started again over what it had written."""
        self._kill(self.master)
        self._start(self.master)
        self.wait_in_step()

    def _kill(self, number):
        self.running[number].kill()
        self.running[number].wait()

    def fail_over(self):
        """The master dies, the replica takes its place; the old one comes back as the replica. Returns the new master's port."""
        self.wait_in_step()
        self._kill(self.master)
        self.master = 1 - self.master
        self.client().replicaof("NO", "ONE")
        return self.port

    def bring_back_other(self):
        self._start(1 - self.master)
        self._follow(1 - self.master)

    def freeze(self):
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def close(self):
        for process in self.running:
            if process and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
