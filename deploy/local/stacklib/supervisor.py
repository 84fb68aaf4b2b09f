"""The supervisor: one process that starts the others, starts them again when they end, and takes orders on a socket.

An order is one line of JSON, its answer another. A process that ends is started again at once; one that ends within a
second of its start waits longer each time, up to PAUSE_MAX_S, so that a broken configuration does not burn the machine.
Children get SIGTERM when the supervisor itself dies, so that nothing is left behind.
"""
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field

from .housekeeping import Housekeeper

TERM_TIMEOUT_S = 15
PAUSE_MAX_S = 2.0
PR_SET_PDEATHSIG = 1
SOCKET_NAME = "supervisor.sock"


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    name: str
    command: list
    environment: dict = field(default_factory=dict)
    process: subprocess.Popen = None
    wanted: bool = True
    paused: bool = False
    started_at: float = 0.0
    restarts: int = 0
    pause_s: float = 0.0
    start_after: float = 0.0
    last_status: int = None


class Supervisor:
    def __init__(self, layout):
        self.layout = layout
        self.children = {}
        self.ending = False
        self.housekeeper = Housekeeper(layout)

    # --- children ---
    def add(self, name, command, environment=None):
        child = Child(name=name, command=[str(c) for c in command], environment=environment or {})
        self.children[name] = child
        self._start(child)
        return child

    def _start(self, child):
        log = open(self.layout.path("logs", f"{child.name}.log"), "ab", buffering=0)
        child.process = subprocess.Popen(
            child.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.layout.home,
            env={**os.environ, **child.environment}, preexec_fn=_die_with_parent, start_new_session=True)
        log.close()
        child.started_at = time.monotonic()
        child.paused = False
        self.layout.path("run", f"{child.name}.pid").write_text(str(child.process.pid))

    def reap(self):
        """Collects what has ended and starts again what is wanted. Returns seconds until the next start is due."""
        now = time.monotonic()
        due = []
        for child in self.children.values():
            if child.process and child.process.poll() is not None:
                child.last_status = child.process.returncode
                lived = now - child.started_at
                child.process = None
                child.pause_s = min(PAUSE_MAX_S, max(0.1, child.pause_s * 2)) if lived < 1.0 else 0.0
                child.start_after = now + child.pause_s
            if child.process is None and child.wanted and not self.ending:
                if now >= child.start_after:
                    child.restarts += 1
                    self._start(child)
                else:
                    due.append(child.start_after - now)
        return min(due, default=None)

    @staticmethod
    def _terminate(child):
        child.wanted = False
        if child.process is None:
            return
        child.process.terminate()
        if child.paused:
            child.process.send_signal(signal.SIGCONT)

    def end(self, child):
        """SIGTERM, time to drain, then SIGKILL. The child is not started again."""
        self._terminate(child)
        if child.process is None:
            return True
        try:
            child.process.wait(TERM_TIMEOUT_S)
            drained = True
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()
            drained = False
        child.last_status = child.process.returncode
        child.process = None
        self.layout.path("run", f"{child.name}.pid").unlink(missing_ok=True)
        return drained

    # --- orders ---
    def order(self, message):
        verb, name = message.get("verb"), message.get("name")
        if verb == "status":
            return {"ok": True, "services": [self._status(c) for c in self.children.values()]}
        if verb == "down":
            return self._down()
        if verb == "add":
            self.add(name, message["command"], message.get("environment"))
            return {"ok": True}
        child = self.children.get(name)
        if not child:
            return {"ok": False, "error": f"no service {name!r}; there are {', '.join(self.children)}"}
        return self._signal(verb, child)

    def _signal(self, verb, child):
        if verb == "remove":
            self.end(child)
            del self.children[child.name]
            return {"ok": True}
        if verb == "stop":
            return {"ok": True, "drained": self.end(child)}
        if verb in ("restart", "start"):
            drained = self.end(child)
            child.wanted, child.start_after = True, 0.0
            child.restarts += 1
            self._start(child)
            return {"ok": True, "drained": drained}
        if child.process is None:
            return {"ok": False, "error": f"{child.name} is not running"}
        if verb == "lose":
            child.wanted = False
            child.process.kill()
            return {"ok": True, "pid": child.process.pid}
        signals = {"kill": signal.SIGKILL, "pause": signal.SIGSTOP, "resume": signal.SIGCONT}
        if verb not in signals:
            return {"ok": False, "error": f"unknown order {verb!r}"}
        child.process.send_signal(signals[verb])
        child.paused = verb == "pause" or (child.paused and verb == "kill")
        return {"ok": True, "pid": child.process.pid}

    def _status(self, child):
        running = child.process is not None
        return {"name": child.name, "pid": child.process.pid if running else None,
                "state": ("paused" if child.paused else "running") if running else "stopped",
                "up_s": round(time.monotonic() - child.started_at, 1) if running else 0,
                "restarts": child.restarts, "last_status": child.last_status}

    def _down(self):
        """Front door first, engines last, so that everything in between can drain; those of one rank together, since
        a broker that goes down last of three would wait for a majority that is gone."""
        self.ending = True
        ranks = {"collector": 0, "redis": 2, "kafka": 3}
        drained = True
        for rank in range(4):
            children = [c for c in self.children.values() if ranks.get(c.name.split("@")[0], 1) == rank]
            for child in children:
                self._terminate(child)
            for child in children:
                drained = self.end(child) and drained
        return {"ok": True, "drained": drained}

    # --- the loop ---
    def run(self):
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._down())
        signal.signal(signal.SIGINT, lambda *_: self._down())
        os.chdir(self.layout.path("run"))  # a socket's path is limited to 107 bytes; a home's is not
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if os.path.exists(SOCKET_NAME):
            os.unlink(SOCKET_NAME)
        server.bind(SOCKET_NAME)
        server.listen(16)
        with selectors.DefaultSelector() as selector:
            selector.register(server, selectors.EVENT_READ)
            selector.register(wake_read, selectors.EVENT_READ)
            while not self.ending:
                waits = [s for s in (self.reap(), self.housekeeper.run()) if s is not None]
                for key, _ in selector.select(min(waits)):
                    if key.fileobj is server:
                        self._serve(server)
                    else:
                        os.read(wake_read, 4096)
        server.close()
        os.unlink(SOCKET_NAME)
        self.layout.path("run/supervisor.pid").unlink(missing_ok=True)

    def _serve(self, server):
        connection, _ = server.accept()
        with connection:
            connection.settimeout(5)
            try:
                line = connection.makefile("rb").readline()
                answer = self.order(json.loads(line))
            except (ValueError, KeyError, OSError) as error:
                answer = {"ok": False, "error": str(error)}
            try:
                connection.sendall(json.dumps(answer).encode() + b"\n")
            except OSError:
                pass


def ask(layout, **message):
    """Sends one order to the running supervisor; None when there is none."""
    run = layout.path("run")
    if not (run / SOCKET_NAME).exists():
        return None
    here = os.getcwd()
    try:
        os.chdir(run)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(SOCKET_NAME)
            connection.sendall(json.dumps(message).encode() + b"\n")
            return json.loads(connection.makefile("rb").readline() or b"null")
    except (ConnectionRefusedError, FileNotFoundError):
        return None
    finally:
        os.chdir(here)
