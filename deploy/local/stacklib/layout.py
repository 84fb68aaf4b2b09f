"""Where everything of one stack lives: folders, ports, URLs, and the files that the processes read."""
import os
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# In the order of starting. The auditor only reads: nothing waits for it.
SERVICES = ("filter-worker", "router", "delivery", "payout", "collector", "auditor")
ENGINES = ("redis", "kafka")

# Offsets from PUNNET_PORT_BASE. Instance n of a service has its admin port at its offset + n.
COLLECTOR_PORT = 0
ADMIN_OFFSETS = {"collector": 10, "filter-worker": 20, "router": 30, "delivery": 40, "payout": 50, "auditor": 90}
KAFKA_PORT, CONTROLLER_PORT, REDIS_PORT, ADVERTISER_PORT = 60, 65, 70, 80
INSTANCES_MAX = 8
BROKERS_MAX = 3
FAKE_CLOCK = next(map(str, Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


@dataclass
class Layout:
    home: Path
    port_base: int
    brokers: int = 1
    bin: Path = field(default_factory=lambda: ROOT / "build/release/bin")
    jars: Path = field(default_factory=lambda: ROOT / ".cache/kafka")

    @staticmethod
    def from_environment():
        home = Path(os.environ.get("PUNNET_HOME") or ROOT / ".local").resolve()
        layout = Layout(home=home, port_base=int(os.environ.get("PUNNET_PORT_BASE") or 7000))
        if os.environ.get("PUNNET_BIN"):
            layout.bin = Path(os.environ["PUNNET_BIN"]).resolve()
        remembered = home / "run/brokers"
        if remembered.exists():
            layout.brokers = int(remembered.read_text())
        return layout

    # --- folders and files ---
    def path(self, *parts):
        return self.home.joinpath(*parts)

    def make_folders(self):
        for name in ("data", "logs", "run", "conf", "keys"):
            self.path(name).mkdir(parents=True, exist_ok=True)

    @property
    def keys_file(self):
        return self.path("keys/keys.csv")

    @property
    def config_file(self):
        return self.path("conf/punnet.yaml")

    # --- addresses ---
    def port(self, offset):
        return self.port_base + offset

    def admin_port(self, service, number=1):
        return self.port(ADMIN_OFFSETS[service] + number - 1)

    @property
    def own_kafka(self):
        return "PUNNET_KAFKA" not in os.environ

    @property
    def own_redis(self):
        return "PUNNET_REDIS" not in os.environ

    @property
    def kafka_url(self):
        hosts = ",".join(f"127.0.0.1:{self.port(KAFKA_PORT + n)}" for n in range(self.brokers))
        return os.environ.get("PUNNET_KAFKA") or f"kafka://{hosts}"

    @property
    def redis_url(self):
        return os.environ.get("PUNNET_REDIS") or f"redis://127.0.0.1:{self.port(REDIS_PORT)}/0"

    @property
    def db_url(self):
        return os.environ.get("PUNNET_DB") or f"sqlite:{self.path('data/ledger.db')}"

    @property
    def collector_url(self):
        return f"http://127.0.0.1:{self.port(COLLECTOR_PORT)}"

    # --- what the services read ---
    def instance_environment(self, service, number):
        """What an instance is told beside the configuration that all share: a front door of its own, and, where PUNNET_CLOCKS
        names a folder, a clock that is wrong by what stands in its file there."""
        environment = {}
        if service == "collector" and number > 1:
            environment["PUNNET_COLLECTOR_LISTEN"] = f"127.0.0.1:{self.port(COLLECTOR_PORT + number - 1)}"
        clock = os.environ.get("PUNNET_CLOCKS") and Path(os.environ["PUNNET_CLOCKS"]) / f"{service}@{number}"
        if FAKE_CLOCK and clock and clock.exists():
            environment |= {"LD_PRELOAD": FAKE_CLOCK, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_CACHE_DURATION": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        return environment

    def write_config(self):
        """punnet.yaml of this stack. Kept as it is when the operator has changed it (no marker in its first line)."""
        marker = "# made by the local stack; take this line away to keep your own changes\n"
        if self.config_file.exists() and not self.config_file.read_text().startswith(marker):
            return
        self.config_file.write_text(
            marker
            + f"""common:
  kafka: {self.kafka_url}
  redis: {self.redis_url}
  db: {self.db_url}
  keys_dir: {self.path('keys')}
collector:
  listen: 127.0.0.1:{self.port(COLLECTOR_PORT)}
filter-worker:
  dns: "off" # sample leads' domains are nobody's business; PUNNET_FILTER_WORKER_DNS names servers
delivery:
  allow_private_addresses: true
"""
        )

    def exports(self):
        """Name and value of everything that `stack env` prints."""
        pairs = {
            "PUNNET_HOME": self.home,
            "PUNNET_PORT_BASE": self.port_base,
            "PUNNET_CONFIG": self.config_file,
            "PUNNET_COLLECTOR_URL": self.collector_url,
            "PUNNET_KAFKA": self.kafka_url,
            "PUNNET_REDIS": self.redis_url,
            "PUNNET_DB": self.db_url,
            "PUNNET_KEYS_FILE": self.keys_file,
        }
        for service in SERVICES:
            name = service.upper().replace("-", "_")
            pairs[f"PUNNET_{name}_ADMIN_URL"] = f"http://127.0.0.1:{self.admin_port(service)}"
        for role in ("webmaster", "advertiser", "operator"):
            key = self.sample_key(role)
            if key:
                pairs[f"PUNNET_{role.upper()}_KEY"] = key
        return pairs

    def sample_key(self, role):
        if not self.keys_file.exists():
            return None
        for line in self.keys_file.read_text().splitlines()[1:]:
            parts = line.split(",")
            if len(parts) >= 3 and parts[0] == role:
                return parts[2]
        return None
