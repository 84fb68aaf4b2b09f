"""A PostgreSQL of a test's own. It refuses to run as root, so that `postgres` runs it there."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from .stack import free_port_base


def programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


needs_postgres = pytest.mark.skipif(not programs(), reason="no PostgreSQL server here")


class Postgres:
    def __init__(self, port=None, folder=None):
        """folder: an empty one that belongs to `postgres`; without it one is made, and is gone in the end."""
        self.bin = programs()
        self.folder = Path(folder or tempfile.mkdtemp(prefix="punnet-pg-"))
        self.port = port or free_port_base() + 90
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        self.run("initdb", "-D", self.folder / "data", "-A", "trust", "-U", "postgres")
        with open(self.folder / "data/postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{self.folder}'\n")
        self.control("start")
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "punnet")

    def url_at(self, port):
        return f"postgres://postgres@127.0.0.1:{port}/punnet"

    @property
    def url(self):
        return self.url_at(self.port)

    def run(self, program, *arguments):
        done = subprocess.run([*self._become(), str(self.bin / program), *map(str, arguments)], cwd=self.folder, capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    def control(self, verb, *more, check=True):
        done = subprocess.run([*self._become(), str(self.bin / "pg_ctl"), "-D", str(self.folder / "data"), "-l", str(self.folder / "log"),
                               "-w", *more, verb], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=check)
        return done.returncode == 0

    @staticmethod
    def _become():
        return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def close(self):
        self.control("stop", "-m", "immediate", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
