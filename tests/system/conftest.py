"""Fixtures: a fresh stack per test module, ended by its own supervisor; its logs are kept when a test fails."""
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
