"""The parts of the fault campaign that judge, each seen to go red: caps at every prefix, one lead's rows, the plan of a seed, what the
auditor said, the record of a soak. No servers but a page of metrics."""
import http.server
import sys
import threading
import uuid
from collections import Counter
from types import SimpleNamespace

import pytest
from support import messages, one_lead
from support.caps import CapWalk
from support.one_lead import OneLead
from support.rows import Rows, read_bucket
from support.stack import ROOT
from support.stream_checker import class_of

sys.path.insert(0, str(ROOT / "tests/faults"))

from campaign import demand, plan, recovery, series  # noqa: E402
from campaign.kinds import KINDS  # noqa: E402
from campaign.watch import AuditorWatch  # noqa: E402

HOUR_MS = 3600_000
MIDNIGHT_MS = 1_800_000_000_000 // (24 * HOUR_MS) * 24 * HOUR_MS
LEAD = uuid.UUID(int=7).bytes


# --- caps ---
class Market:
    def __init__(self, offset_minutes=0, **caps):
        self.found = []
        self.walk = CapWalk(self.found.append)
        event = messages.market.MarketEvent()
        event.order.revision = 1
        event.order.terms.order_id = "o"
        event.order.terms.utc_offset_minutes = offset_minutes
        for name, cap in caps.items():
            setattr(event.order.terms.caps, name, cap)
        self.walk.event(event, MIDNIGHT_MS, True)

    def sell(self, number, at_ms, round_=0):
        event = messages.market.MarketEvent(lead_id=bytes([number]) * 16)
        event.due.SetInParent()
        self.walk.event(event, at_ms, True)
        self.walk.decided(event.lead_id, round_, "o")

    def settle(self, number, settlement, at_ms):
        event = messages.market.MarketEvent(lead_id=bytes([number]) * 16)
        event.settled.order_id, event.settled.settlement = "o", settlement
        self.walk.event(event, at_ms, True)


def test_one_more_than_the_total_is_over_cap():
    market = Market(total=2)
    for number in range(2):
        market.sell(number, MIDNIGHT_MS)
    assert not market.found
    market.sell(3, MIDNIGHT_MS + 40 * HOUR_MS)
    assert market.found and class_of(market.found[0]) == "over cap"


def test_a_refused_lead_gives_its_place_back_and_a_sold_one_does_not():
    market = Market(total=1)
    market.sell(1, MIDNIGHT_MS)
    market.settle(1, 2, MIDNIGHT_MS)
    market.sell(2, MIDNIGHT_MS)
    market.settle(2, 1, MIDNIGHT_MS)
    market.settle(2, 2, MIDNIGHT_MS)
    assert not market.found
    market.sell(3, MIDNIGHT_MS)
    assert market.found


def test_an_hour_and_a_day_begin_by_the_orders_own_clock():
    market = Market(offset_minutes=30, hour=1, day=2)
    market.sell(1, MIDNIGHT_MS + 29 * 60_000)
    market.sell(2, MIDNIGHT_MS + 30 * 60_000)  # 01:00 there
    assert not market.found
    market.sell(3, MIDNIGHT_MS + HOUR_MS)
    assert len(market.found) == 2, market.found  # the same hour, and the third of the day


def test_time_does_not_run_backwards():
    market = Market(hour=1)
    market.sell(1, MIDNIGHT_MS + HOUR_MS)
    market.sell(2, MIDNIGHT_MS)  # its broker's clock was put back: it counts in the later hour
    assert market.found


# --- one lead ---
def good():
    """A lead that was refused by one buyer, and sold to the next, and approved."""
    def told(number, kind):
        return (one_lead.SETTLED, number, kind)
    return [(one_lead.ACKNOWLEDGED,), (one_lead.RAW, 1, 10), (one_lead.VERDICT, 1, 11, 10, one_lead.ACCEPTED),
            (one_lead.ADMITTED, 2, 20, 1, 11, False), (one_lead.EVENT, 2, 20, "admitted"), (one_lead.EVENT, 2, 21, "settled"),
            (one_lead.DECISION, 2, 20, 0, "routed", 0, "a", 900, 600), (one_lead.DECISION, 2, 21, 0, "routed", 1, "b", 800, 500),
            (one_lead.ATTEMPT, 0, True), (one_lead.ATTEMPT, 1, True),
            (one_lead.OUTCOME, 0, one_lead.REFUSED), (one_lead.OUTCOME, 1, one_lead.DELIVERED),
            told(0, one_lead.REFUSED), told(1, one_lead.DELIVERED),
            (one_lead.BUYER, "x", "b", "key.1"), (one_lead.SAID, "approved"),
            (one_lead.ENTRY, 1, one_lead.CREDIT, "advertisers:x:receivable", 800, "RUB"),
            (one_lead.ENTRY, 1, one_lead.CREDIT, "webmasters:w:hold", -500, "RUB"),
            (one_lead.ENTRY, 1, one_lead.CREDIT, "network:margin", -300, "RUB"),
            (one_lead.ENTRY, 1, one_lead.APPROVE, "webmasters:w:hold", 500, "RUB"),
            (one_lead.ENTRY, 1, one_lead.APPROVE, "webmasters:w:payable", -500, "RUB")]


def findings(rows):
    found = []
    OneLead("it", rows, found.append, Counter()).check()
    return found


def test_a_good_lead_is_fine():
    assert not findings(good())


@pytest.mark.parametrize("gone", range(1, len(good())))
def test_whatever_is_missing_is_found(gone):
    """But for what the buyer said, which nothing else of the lead needs."""
    rows = good()
    left = rows[:gone] + rows[gone + 1:]
    needless = rows[gone][0] == one_lead.SAID
    assert bool(findings(left)) != needless, rows[gone]


DOUBLES = (
    ((one_lead.VERDICT, 1, 12, 10, one_lead.ACCEPTED), "double"),
    ((one_lead.ADMITTED, 3, 1, 1, 11, False), "double"),
    ((one_lead.DECISION, 2, 20, 1, "routed", 1, "b", 800, 500), "double"),
    ((one_lead.DECISION, 2, 20, 0, "routed", 0, "c", 900, 600), "two decisions about market/2@20"),
    ((one_lead.OUTCOME, 0, one_lead.DELIVERED), "sold twice"),
    ((one_lead.SETTLED, 1, one_lead.DELIVERED), "double"),
    ((one_lead.BUYER, "y", "a", "key.0"), "sold twice"),
    ((one_lead.ENTRY, 0, one_lead.CREDIT, "advertisers:x:receivable", 0, "RUB"), "paid twice"),
    ((one_lead.ENTRY, 1, one_lead.REVERSE, "webmasters:w:hold", 0, "RUB"), "paid twice"),
    ((one_lead.ENTRY, 1, one_lead.CREDIT, "webmasters:w:hold", 1, "RUB"), "unbalanced"),
)


@pytest.mark.parametrize("row, word", DOUBLES)
def test_whatever_is_there_twice_is_found(row, word):
    assert any(finding.startswith(word) for finding in findings([*good(), row])), findings([*good(), row])


def test_rows_of_several_writers_meet_in_one_bucket(tmp_path):
    one, other = Rows(tmp_path / "one", 4), Rows(tmp_path / "other", 4)
    for number in range(1000):
        one.put(uuid.UUID(int=number).bytes, "raw", number)
        other.put(uuid.UUID(int=number).bytes, "taken")
    one.flush()
    other.flush()
    found = [read_bucket([tmp_path / "one", tmp_path / "other"], n) for n in range(4)]
    assert sum(map(len, found)) == 1000 and all(len(rows) > 100 for rows in found)
    assert all(len(rows) == 2 for bucket in found for rows in bucket.values())


# --- the plan ---
NETWORK = SimpleNamespace(brokers=3, auditors=1, broker_names=["kafka@1", "kafka@2", "kafka@3"], clocks_work=True, postgres=True, ledger_link=True,
                          disks={"logs": 1, "broker": 1, "ledger": 1}, buyers=SimpleNamespace(names=demand.ADVERTISERS))


def made(seed, count):
    lanes = plan.make(NETWORK, KINDS, count, seed)
    return {lane: [(fault.kind.name, fault.target, fault.seed) for fault in faults] for lane, faults in lanes.items()}


def test_a_seed_is_a_plan_and_a_long_one_has_every_kind():
    assert made(3, 200) == made(3, 200) != made(4, 200)
    names = Counter(name for faults in made(3, 200).values() for name, _, _ in faults)
    assert sum(names.values()) == 200 and set(names) == {kind.name for kind in KINDS} and len(names) >= 30


def test_a_short_plan_has_no_kind_twice():
    names = [name for faults in made(9, 12).values() for name, _, _ in faults]
    assert len(names) == len(set(names)) == 12


# --- the auditor beside it ---
@pytest.fixture
def auditor():
    """A page of metrics that says what it is told to: [rounds, broken]; None: it does not answer."""
    said = [0, 0]

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            text = (f'punnet_auditor_rounds_total {said[0]}\npunnet_auditor_invariant_broken{{invariant="caps"}} {said[1]}\n'
                    'punnet_auditor_invariant_broken{invariant="sums"} 0\n').encode()
            self.send_response(200 if said[0] is not None else 503)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    watch = AuditorWatch(f"http://127.0.0.1:{server.server_port}")
    watch.close()  # it is asked when the test wants it
    yield said, watch
    server.shutdown()
    server.server_close()


def test_what_the_auditor_calls_broken_once_stays_an_alarm(auditor):
    said, watch = auditor
    watch.look()
    assert not watch.alarms
    said[1] = 3
    watch.look()
    said[1] = 0
    watch.look()
    assert list(watch.alarms) == ["caps"] and not watch.now_broken


def test_the_auditor_has_read_everything_after_two_rounds_of_one_life(auditor):
    said, watch = auditor
    assert not watch.settled()  # nobody knows of any round
    for rounds, settled in ((7, False), (8, False), (None, False), (1, False), (2, False), (3, True)):
        said[0] = rounds
        watch.look()
        assert watch.settled() == settled, rounds


# --- records ---
def account(verdict):
    return {"verdict": {"lost": 0, **verdict}, "counts": {"acknowledged": 500, "delivered": 400, "credits": 400}, "took_s": 61,
            "faults": [{"kind": "zombie"}, {"kind": "poison"}, {"kind": "zombie"}]}


def chosen(path, runs=3):
    return series.options(["soak", "--runs", str(runs), "--leads", "500", "--faults", "3", "--record", str(path)])


def test_a_series_goes_on_where_it_was_left_and_a_red_run_stays_red(tmp_path):
    path, ran = tmp_path / "record.txt", []

    def one(number, status=0):
        ran.append(number)
        with open(path, "a", encoding="utf-8") as file:
            file.write(series.told(number, number, "2026-01-01T00:00:00Z", account({"lost": status}), status) + "\n")
    first = series.Series(chosen(path))
    first.begin()
    one(1)
    one(2, status=1)
    second = series.Series(chosen(path))
    second.one = one
    assert second.run() == 1 and ran == [1, 2, 3]
    last = path.read_text().splitlines()[-1]
    assert last.startswith("sum: 3 runs: 1500 leads, 9 faults of up to 2 kinds in 183 s; RED: 1"), last
    assert second.run() == 1 and ran == [1, 2, 3]


def test_the_record_of_another_series_is_not_gone_on_with(tmp_path):
    path = tmp_path / "record.txt"
    series.Series(chosen(path)).begin()
    with pytest.raises(SystemExit):
        series.Series(chosen(path, runs=4)).begin()


def test_the_99th_of_a_hundred_is_the_second_slowest():
    gaps = list(range(1, 101))
    assert [recovery.percentile(gaps, share) for share in (50, 99, 100)] == [50, 99, 100]
    assert recovery.percentile([7], 99) == 7
