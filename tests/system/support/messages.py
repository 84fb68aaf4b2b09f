"""The messages of proto/, compiled by protoc for Python's own protobuf: a fault in our C codec can't hide itself."""
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_folder = tempfile.mkdtemp(prefix="punnet-proto-")
_files = sorted(str(p) for p in (ROOT / "proto").glob("*.proto"))
subprocess.run(["protoc", f"--proto_path={ROOT / 'proto'}", f"--python_out={_folder}", *_files], check=True)
sys.path.insert(0, _folder)

common = importlib.import_module("common_pb2")
raw = importlib.import_module("leads_raw_pb2")
judged = importlib.import_module("leads_judged_pb2")
market = importlib.import_module("market_pb2")
routed = importlib.import_module("leads_routed_pb2")
unsold = importlib.import_module("leads_unsold_pb2")
attempts = importlib.import_module("leads_attempts_pb2")
outcomes = importlib.import_module("leads_outcomes_pb2")
dead = importlib.import_module("dead_letters_pb2")
dead_acts = importlib.import_module("dead_letters_acts_pb2")
directory = importlib.import_module("directory_pb2")
verdicts = importlib.import_module("webmasters_verdicts_pb2")
status = importlib.import_module("status_events_pb2")
status_attempts = importlib.import_module("status_attempts_pb2")

BY_TOPIC = {
    "leads.raw": raw.RawLead, "leads.judged": judged.JudgedLead, "market": market.MarketEvent,
    "leads.routed": routed.RoutedLead, "leads.unsold": unsold.UnsoldLead, "leads.attempts": attempts.DeliveryAttempt,
    "leads.outcomes": outcomes.Outcome, "dead.letters": dead.DeadLetter, "dead.letters.acts": dead_acts.DeadLetterAct,
    "directory": directory.DirectoryEntry, "webmasters.verdicts": verdicts.WebmasterVerdicts,
    "status.events": status.StatusEvent, "status.attempts": status_attempts.StatusAttempt,
}
