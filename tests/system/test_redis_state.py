"""Redis comes back empty, in mid-flow: it is noticed before the next verdict, what it knew is put back from the log, and a
person who was accepted before is a duplicate after."""
import subprocess

from conftest import apply_orders, end_stack, make_stack
from support.advertiser import Advertiser
from support.twice import Twice

LEADS, RATE_PER_S = 1500, 500


def flush(stack):
    port = stack.exports["PUNNET_REDIS"].rsplit(":", 1)[1].split("/")[0]
    subprocess.run(["redis-cli", "-p", port, "FLUSHALL"], check=True, capture_output=True)


def restart_without_data(stack):
    stack.run("stop", "redis")
    for path in (stack.home / "data" / "redis").rglob("*"):
        if path.is_file():
            path.unlink()
    stack.run("start", "redis")


def run(bin_folder, environment, lose):
    stack, advertiser, failed = make_stack(bin_folder, environment, ("--scale", "filter-worker=2")), Advertiser(), True
    try:
        apply_orders(stack, advertiser)
        seen = Twice(stack, advertiser, LEADS, 61, RATE_PER_S, LEADS // 2, lambda: lose(stack), check=not environment)
        failed = False
        return seen
    finally:
        advertiser.close()
        end_stack(stack, failed)


def test_an_emptied_redis_is_filled_again_from_the_log():
    seen = run("release", None, flush)
    assert len(seen.accepted) == seen.count and not seen.twice


def test_a_redis_that_lost_its_files_is_filled_again_from_the_log():
    seen = run("release", None, restart_without_data)
    assert len(seen.accepted) == seen.count and not seen.twice


def test_a_build_that_does_not_restore_is_found():
    seen = run("dev", {"PUNNET_FAULT": "restore_off"}, flush)
    assert len(seen.accepted) == seen.count and seen.twice and seen.restored == 0
