"""The bus's contract suite, which runs over memory among the unit tests, here over a real broker; and the broker killed
under a producer and a consumer."""
import subprocess

import pytest
from conftest import end_stack, make_stack
from support.stack import ROOT, STACK

TESTS = ROOT / "build/asan/tests"
TIMEOUT_S = 180


@pytest.fixture(scope="module")
def broker(request):
    stack = make_stack(up=("--engines-only",))
    yield stack
    end_stack(stack, request.module.__dict__.get("_failed"))


@pytest.mark.parametrize("program", ["bus_kafka_test", "bus_kafka_outage_test"])
def test_the_contract_holds_on_a_real_broker(broker, program):
    environment = {**broker.environment, "PUNNET_TEST_KAFKA": broker.kafka, "PUNNET_TEST_KAFKA_RESTART": f"{STACK} kill kafka"}
    done = subprocess.run([TESTS / program], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "PASSED" in done.stdout + done.stderr
