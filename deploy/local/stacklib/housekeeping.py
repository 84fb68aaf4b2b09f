"""What the local stack does by itself once an hour: day keys made and destroyed (`punnet keys rotate`), logs cut by the day
(UTC) and deleted when they are older than `privacy.log_days`; advertisers who are past a rule of their scorecard paused or lowered
(`punnet scorecard apply`), webmasters put into their tiers (`punnet tiers apply`).

A service holds its log open, so a log is copied and cut, not renamed; a line that is written in between is lost."""
import datetime
import os
import re
import shutil
import subprocess
import time

FIRST_AFTER_S = 60  # the brokers must be up
EVERY_S = 3600
JOBS = {"keys": ("keys", "rotate", "--who", "stack"), "scorecard": ("scorecard", "apply"), "tiers": ("tiers", "apply")}
AT_ONCE = ("keys",)  # the others judge what an hour brought
LOG_DAYS = 30  # as lib/runtime/config.def
_DATED = re.compile(r"\.log\.(\d{4}-\d{2}-\d{2})$")


def log_days(layout):
    """The environment, else the stack's punnet.yaml, else the default."""
    text = os.environ.get("PUNNET_PRIVACY_LOG_DAYS")
    if text is None and layout.config_file.exists():
        found = re.search(r"^privacy:\n(?:[ #].*\n)*? +log_days: *\"?(\d+)", layout.config_file.read_text(), re.MULTILINE)
        text = found[1] if found else None
    return int(text) if text else LOG_DAYS


def cut_logs(folder, day):
    """What was written up to now is `day`'s."""
    for path in folder.glob("*.log"):
        if path.stat().st_size == 0:
            continue
        with open(path, "rb+") as log, open(f"{path}.{day}", "ab") as dated:
            shutil.copyfileobj(log, dated)
            log.truncate(0)


def delete_logs(folder, before):
    for path in folder.iterdir():
        dated = _DATED.search(path.name)
        if dated and datetime.date.fromisoformat(dated[1]) < before:
            path.unlink()


class Housekeeper:
    def __init__(self, layout):
        self.layout = layout
        self.due_at = time.monotonic() + FIRST_AFTER_S
        self.running = {}
        self.jobs = AT_ONCE

    def tidy(self, today):
        note = self.layout.path("logs/cut-on")
        last = note.read_text().strip() if note.exists() else ""
        if last and last < today.isoformat():
            cut_logs(self.layout.path("logs"), last)
        note.write_text(today.isoformat())
        delete_logs(self.layout.path("logs"), today - datetime.timedelta(days=log_days(self.layout)))

    def _start(self, job):
        """What it says goes to a log of its own. One that still runs is left alone."""
        if job in self.running and self.running[job].poll() is None:
            return
        with open(self.layout.path("logs", f"{job}.log"), "ab") as log:
            self.running[job] = subprocess.Popen([str(self.layout.bin / "punnet"), *JOBS[job], "--config", str(self.layout.config_file)],
                                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def run(self):
        """Returns seconds until there is something to do again."""
        if time.monotonic() >= self.due_at:
            self.due_at = time.monotonic() + EVERY_S
            self.tidy(datetime.datetime.now(datetime.timezone.utc).date())
            for job in self.jobs:
                self._start(job)
            self.jobs = tuple(JOBS)
        return self.due_at - time.monotonic()
