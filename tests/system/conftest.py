"""Fixtures: a fresh stack per test module, ended by its own supervisor; its logs are kept when a test fails.

Two modules run side by side. Those marked `alone`, which look at how long something takes, come last, one at a time."""
import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support.advertiser import Advertiser  # noqa: E402
from support.stack import ROOT, Stack  # noqa: E402


def make_stack(bin_folder="release", environment=None, up=()):
    home = tempfile.mkdtemp(prefix="punnet-test-")
    stack = Stack(home, bin_folder, environment)
    try:
        stack.up(*up)
    except BaseException:
        stack.down()
        raise
    return stack


def end_stack(stack, failed):
    stack.down()
    if failed:
        print(f"the stack's data and logs are kept in {stack.home}")
    else:
        shutil.rmtree(stack.home, ignore_errors=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.module.__dict__["_failed"] = True


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: nothing else runs meanwhile, because times are looked at")


# The longest first, so that nobody waits long for the last of those that may run side by side.
LONG = ("test_faults", "test_three_brokers", "test_quarantine", "test_money_trouble", "test_deliveries",
        "test_filter_crashes", "test_audit", "test_money_crashes", "test_verdict_sums", "test_redis_state", "test_filter_records")


def pytest_collection_modifyitems(items):
    def place(item):
        name = item.module.__name__
        return item.get_closest_marker("alone") is not None, LONG.index(name) if name in LONG else len(LONG)
    items.sort(key=place)


@pytest.fixture(scope="module", autouse=True)
def turn(request):
    """Whoever wants to be alone waits for who is there, and holds off who comes after."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if not run:
        yield
        return
    is_alone = any(mark.name == "alone" for mark in request.node.iter_markers())
    path = Path(tempfile.gettempdir()) / f"punnet-turn-{run}"
    with open(f"{path}.gate", "w", encoding="ascii") as gate, open(f"{path}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield


@pytest.fixture(scope="module")
def stack(request):
    """One broker, one of each service, the sample directory."""
    stack = make_stack()
    yield stack
    end_stack(stack, request.module.__dict__.get("_failed"))


@pytest.fixture(scope="module")
def advertiser():
    endpoint = Advertiser()
    yield endpoint
    endpoint.close()


def apply_orders(stack, advertiser, **changes):
    """The sample demand, delivered to the test's own endpoint."""
    text = (ROOT / "rules/orders.yaml").read_text().replace("http://127.0.0.1:7080", advertiser.url)
    path = Path(stack.home) / "orders.yaml"
    path.write_text(text)
    stack.punnet("order", "apply", str(path))
    return path
