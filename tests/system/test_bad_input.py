"""Whatever a client sends: a clear problem document or a closed connection, and the others are served on.

One collector takes it all; at the end it is the process that it was, and about as large."""
import base64
import hashlib
import hmac
import json
import random
import resource
import socket
import time
import uuid
from pathlib import Path

import pytest
from conftest import end_stack, make_stack
from support import log
from support.stack import wait_until
from support.webmaster import lead
from support.wire import Wire, assert_problem, chunked, request

pytestmark = pytest.mark.alone

REQUEST_TIMEOUT_S = 1.5
SINGLE_BYTES, BATCH_BYTES, LINE_BYTES, BATCH_LINES = 64 << 10, 8 << 20, 64 << 10, 10000
IDLE_CONNECTIONS = 10000
MEMORY_MAX_BYTES = 64 << 20
MEMORY_KEPT_MAX_BYTES = 64 << 20  # what all of this together may leave behind, buffers kept for the next one included
PAGE = "https://forms.example.org"

PARTIES = """
webmasters:
  - {id: bad-suspended, name: Suspended, default_country: RU, suspended: true}
  - {id: bad-slow, name: Slow, default_country: RU, rate_per_s: 1, burst: 3}
"""

acknowledged = []  # lead ids
clock_ticks = iter(range(1 << 30))


class Door:
    """The front door of this module's stack, and what the collector looks like from outside."""

    def __init__(self, stack):
        self.stack, self.address = stack, stack.collector
        self.webmasters, self.advertisers = stack.keys("webmaster"), stack.keys("advertiser")
        self.key = self.webmasters["w01"]
        self.pid = self.pid_now()
        self.memory_at_first = self.memory()

    def wire(self):
        return Wire(self.address)

    def ask(self, *pieces, to="POST"):
        """One request, one answer, on a connection of its own."""
        with self.wire() as wire:
            wire.send(*pieces)
            return self.noted(wire.answer(to))

    def post(self, body, key=None, **more):
        return self.ask(request(body=body, key=key or self.key, **more))

    @staticmethod
    def noted(answer):
        if answer is not None and answer.status == 202 and b"lead_id" in answer.body:
            acknowledged.append(answer.json["lead_id"])
        return answer

    def pid_now(self):
        return int((Path(self.stack.home) / "run/collector@1.pid").read_text())

    def memory(self):
        return self.stack.metrics("collector")["punnet_process_resident_memory_bytes"]


@pytest.fixture(scope="module")
def door(request):
    stack = make_stack(environment={"PUNNET_COLLECTOR_REQUEST_TIMEOUT": f"{int(REQUEST_TIMEOUT_S * 1000)}ms"})
    parties = Path(stack.home) / "parties.yaml"
    parties.write_text(PARTIES)
    stack.punnet("directory", "apply", str(parties), "--keys-file", stack.exports["PUNNET_KEYS_FILE"])
    yield Door(stack)
    end_stack(stack, request.module.__dict__.get("_failed"))


@pytest.fixture(autouse=True)
def the_collector_lives_on(door):
    yield
    assert door.pid_now() == door.pid and Path(f"/proc/{door.pid}").exists(), "the collector was started again"
    good = door.post(good_lead())
    assert good.status == 202, good.body


def good_lead(**more):
    return {**lead(next(clock_ticks), "osago", seed=77), **more}


def faults(answer, code="invalid_lead"):
    return {(f["field"], f["code"]) for f in assert_problem(answer, 400, code)["errors"]}


# --- members, one by one ---
TEXT_MAX = {
    "vertical": 64, "phone": 64, "email": 320, "name": 200, "first_name": 100, "last_name": 100, "middle_name": 100,
    "region": 100, "city": 100, "postal_code": 20, "ip": 45, "user_agent": 1024, "referrer": 2048, "landing_url": 2048,
    "sub1": 255, "sub2": 255, "sub3": 255, "sub4": 255, "sub5": 255, "click_id": 255, "honeypot": 1024, "device_id": 255,
    "language": 35, "os": 32, "consent_text_sha256": 64, "consent_ip": 45, "erid": 255,
}
TIMES = ("clicked_at", "form_started_at", "consented_at")
LISTS = ("pasted_fields", "focused_fields")
WRONG = [
    ("country", "XX", "unknown_country"), ("country", "RUS", "unknown_country"), ("country", 7, "type"),
    ("ip", "999.1.1.1", "invalid"), ("ip", "::g", "invalid"), ("consent_ip", "localhost", "invalid"),
    ("language", "r", "invalid"), ("language", "ru ru", "invalid"), ("consent_text_sha256", "g" * 64, "invalid"),
    ("consent_text_sha256", "a" * 63, "invalid"), ("phone", "call me", "invalid"), ("phone", "12", "invalid"),
    ("vertical", "yachts", "unknown_vertical"), ("vertical", "OSAGO ", "unknown_vertical"),
    ("filled_ms", -1, "out_of_range"), ("filled_ms", 1 << 32, "out_of_range"), ("filled_ms", 1.5, "type"),
    ("filled_ms", 10 ** 30, "type"), ("filled_ms", "5", "type"), ("filled_ms", True, "type"),
    ("is_test", "true", "type"), ("is_test", 1, "type"), ("fields", [], "type"), ("fields", "x", "type"),
    ("fields", {"power_hp": 0}, "out_of_range"), ("fields", {"power_hp": "120"}, "type"),
    ("fields", {"power_hp": 1.5}, "type"), ("fields", {"plate": 7}, "type"), ("fields", {"": 1}, "bad_name"),
    ("fields", {"n" * 65: 1}, "bad_name"), ("fields", {"long": "x" * 4097}, "too_long"),
    ("fields", {"nul": "a\0b"}, "nul"), ("fields", {f"f{n}": n for n in range(65)}, "too_many"),
    *[(name, "yesterday", "invalid") for name in TIMES], *[(name, 1, "out_of_range") for name in TIMES],
    *[(name, 32503680000000, "out_of_range") for name in TIMES], *[(name, [], "type") for name in TIMES],
    *[(name, "phone", "type") for name in LISTS], *[(name, [1], "type") for name in LISTS],
    *[(name, ["x"] * 65, "too_many") for name in LISTS], *[(name, ["x" * 65], "too_long") for name in LISTS],
    *[(name, ["a\0"], "nul") for name in LISTS],
]


@pytest.mark.parametrize("name", TEXT_MAX)
def test_a_text_of_the_wrong_type_too_long_or_with_nul_is_a_fault(door, name):
    for value, code in ((17, "type"), (True, "type"), ([], "type"), ({}, "type"),
                        ("1" * (TEXT_MAX[name] + 1), "too_long"), ("a\0b", "nul")):
        assert (name, code) in faults(door.post(good_lead(**{name: value}))), (name, value)


@pytest.mark.parametrize("name, value, code", WRONG, ids=[f"{n}-{c}-{i}" for i, (n, _, c) in enumerate(WRONG)])
def test_a_wrong_value_is_a_fault_of_its_member(door, name, value, code):
    found = faults(door.post(good_lead(**{name: value})))
    assert any(field.split(".")[0] == name and said == code for field, said in found), found


def test_what_just_fits_is_taken(door):
    for name in ("sub1", "click_id", "city", "first_name", "device_id", "user_agent"):
        assert door.post(good_lead(**{name: "x" * TEXT_MAX[name]})).status == 202, name
    assert door.post(good_lead(fields={f"f{n}": "x" * 600 for n in range(63)})).status == 202


@pytest.mark.parametrize("body, expected", [
    ({}, {("vertical", "required"), ("phone", "required")}),
    ({"vertical": "osago"}, {("phone", "required")}),
    ({"vertical": None, "phone": None, "email": ""}, {("vertical", "required"), ("phone", "required")}),
    ({"phone": "+79161234567"}, {("vertical", "required")}),
    ({"vertical": "microloan", "phone": "+79161234567"}, {("fields.amount", "required")}),
    ({"vertical": "courses", "email": "a@example.ru", "fields": {}}, {("fields.course", "required")}),
])
def test_what_is_missing_is_named(door, body, expected):
    assert faults(door.post(body)) == expected


def test_all_faults_of_a_lead_come_at_once(door):
    found = faults(door.post({"vertical": "yachts", "phone": 5, "country": "XX", "ip": "x", "filled_ms": -1, "is_test": 3,
                              "sub1": "x" * 256, "clicked_at": "never", "pasted_fields": {}}))
    assert found == {("vertical", "unknown_vertical"), ("phone", "type"), ("country", "unknown_country"), ("ip", "invalid"),
                     ("filled_ms", "out_of_range"), ("is_test", "type"), ("sub1", "too_long"), ("clicked_at", "invalid"),
                     ("pasted_fields", "type")}


def test_a_strict_webmaster_hears_of_unknown_members_and_another_does_not(door):
    body = good_lead(surprise=1, fields={"power_hp": 5, "colour": "red"})
    assert faults(door.post(body, door.webmasters["w07"])) == {("surprise", "unknown"), ("fields.colour", "unknown")}
    assert door.post(body).status == 202


def test_a_fault_echoes_no_more_than_a_name(door):
    document = assert_problem(door.post(good_lead(**{"n" * 5000: "v" * 5000})), 400)
    assert len(json.dumps(document)) < 1000 and "vvvv" not in json.dumps(document)


# --- bodies that can't be read ---
GOOD = b'{"vertical":"osago","phone":"+79161234567","fields":{"power_hp":120}}'
UNREADABLE = {
    "empty": b"", "blank": b"  \r\n", "text": b"hello", "array": b"[]", "string": b'"x"', "null": b"null", "number": b"1",
    **{f"cut_at_{at}": GOOD[:at] for at in (1, 10, 22, 45, 60, len(GOOD) - 1)},
    "more_behind": GOOD + b"x", "two": GOOD + GOOD, "mark": b"\xef\xbb\xbf" + GOOD, "utf16": GOOD.decode().encode("utf-16"),
    "duplicate": b'{"vertical":"osago","vertical":"courses","phone":"+79161234567"}',
    "duplicate_escaped": b'{"phone":"+79161234567","ph\\u006fne":"+79161234568","vertical":"osago"}',
    "duplicate_inside": b'{"vertical":"osago","phone":"+79161234567","fields":{"a":1,"a":2}}',
    "not_utf8": GOOD.replace(b"osago", b"os\xff"), "overlong": GOOD.replace(b"osago", b"\xc0\xaf"),
    "surrogate": GOOD.replace(b"osago", b"\xed\xa0\x80"), "beyond": GOOD.replace(b"osago", b"\xf4\x90\x80\x80"),
    "half_a_letter": GOOD.replace(b"osago", b"\xd0"), "lone_surrogate": GOOD.replace(b"osago", b"\\ud800"),
    "reversed_surrogates": GOOD.replace(b"osago", b"\\udc00\\ud800"), "bad_escape": GOOD.replace(b"osago", b"\\x41"),
    "short_escape": GOOD.replace(b"osago", b"\\u00"), "control": GOOD.replace(b"osago", b"os\nago"),
    "nul_byte": GOOD.replace(b"osago", b"os\0ago"), "nul_outside": b"\0" + GOOD, "nan": GOOD.replace(b"120", b"NaN"),
    "infinity": GOOD.replace(b"120", b"-Infinity"), "plus": GOOD.replace(b"120", b"+1"), "zeros": GOOD.replace(b"120", b"01"),
    "point": GOOD.replace(b"120", b"1."), "exponent": GOOD.replace(b"120", b"1e"), "comment": GOOD.replace(b"120", b"1/**/"),
    "comma": GOOD[:-1] + b",}", "quotes": GOOD.replace(b'"', b"'"), "bare_name": GOOD.replace(b'"phone"', b"phone"),
    "deep_arrays": b'{"fields":{"a":' + b"[" * 30000 + b"]" * 30000 + b"}}",
    "deep_objects": b'{"a":' * 10000 + b"1" + b"}" * 10000, "deep_open": b"[" * 60000,
    "many_nodes": b'{"fields":{"a":[' + b"0," * 5000 + b"0]}}",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_body_that_is_not_json_is_refused_whole(door, name):
    document = assert_problem(door.post(UNREADABLE[name]), 400, "malformed_body")
    assert document["detail"]


@pytest.mark.parametrize("name, body", [
    ("percent", b"vertical=osago&phone=%zz"), ("percent_end", b"vertical=osago&phone=%4"), ("utf8", b"vertical=%ff&phone=1"),
    ("raw_utf8", b"vertical=\xff&phone=1"), ("pairs", b"&".join(b"k%d=1" % n for n in range(257)))])
def test_a_form_that_is_none_is_refused_whole(door, name, body):
    assert_problem(door.post(body, content_type="application/x-www-form-urlencoded"), 400, "malformed_body")


@pytest.mark.parametrize("body, expected", [
    (b"", {("vertical", "required"), ("phone", "required")}), (b"&&&=&=x", {("vertical", "required"), ("phone", "required"), ("", "bad_name")}),
    (b"vertical=osago&phone=%2B79161234567&phone=1", {("phone", "duplicate")}),
    (b"vertical=osago&phone=%2B79161234567&sub1=a%00b", {("sub1", "nul")}),
    (b"vertical=osago&phone=%2B79161234567&fields=x", {("fields", "type")}),
    (b"vertical=osago&phone=%2B79161234567&filled_ms=soon&power_hp=many", {("filled_ms", "type"), ("fields.power_hp", "type")}),
])
def test_a_form_has_its_faults_named_too(door, body, expected):
    assert faults(door.post(body, content_type="application/x-www-form-urlencoded")) == expected


@pytest.mark.parametrize("body, expected", [
    ({}, {"lead_id", "verdict"}), ({"lead_id": "x", "verdict": "approved"}, {"lead_id"}),
    ({"lead_id": str(uuid.UUID(int=1)), "verdict": "perhaps"}, {"verdict"}),
    ({"lead_id": str(uuid.UUID(int=1)), "verdict": "sold", "amount_minor": 5}, {"currency"}),
    ({"lead_id": str(uuid.UUID(int=1)), "verdict": "approved", "amount": 5}, {"amount"}),
    ({"lead_id": str(uuid.UUID(int=1)), "verdict": "approved", "verdict_id": "x" * 5000, "at": "later"}, {"verdict_id", "at"}),
])
def test_a_verdict_has_its_faults_named(door, body, expected):
    answer = door.post(body, door.advertisers["bank-sever"], path="/v1/verdicts")
    assert expected <= {field for field, _ in faults(answer, "invalid_verdict")}


# --- who ---
@pytest.mark.parametrize("authorization", [
    None, "", "Bearer", "Bearer ", "Basic dzAxOng=", "bearer nobody", "Bearer " + "x" * 8000, "Bearer ключ", "{key}", "Bearer {key}x",
    "Bearer {key} {key}", "Bearer {advertiser}", "Bearer w01"])
def test_a_key_that_is_none_gets_401(door, authorization):
    headers = []
    if authorization is not None:
        text = authorization.format(key=door.key, advertiser=door.advertisers["bank-sever"])
        headers = [("Authorization", text.encode().decode("latin-1"))]
    assert_problem(door.ask(request(body=good_lead(), headers=headers)), 401, "unauthorized")


def test_each_door_has_keys_of_its_own(door):
    assert_problem(door.post({}, door.key, path="/v1/verdicts"), 401, "unauthorized")
    assert_problem(door.post(b"{}", door.advertisers["bank-sever"], path="/v1/leads/batch", content_type="application/x-ndjson"), 401)


def test_a_suspended_webmaster_gets_403(door):
    key = door.stack.keys("webmaster")["bad-suspended"]
    wait_until(lambda: door.post(good_lead(), key).status == 403, 10, "the directory's change arrives")
    assert_problem(door.post(good_lead(), key), 403, "suspended")


def test_a_signature_is_demanded_where_the_directory_says_so(door):
    key, secret = door.webmasters["w09"], door.stack.secrets()[("webmaster", "w09")]
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    body = json.dumps(good_lead()).encode()
    now = int(time.time())

    def ask(name="m1", at=now, secret=raw, signed=body, shape="v1,{}", sent=body, **leave_out):
        digest = hmac.new(secret, f"{name}.{at}.".encode() + signed, hashlib.sha256).digest()
        pairs = {"webhook-id": name, "webhook-timestamp": at, "webhook-signature": shape.format(base64.b64encode(digest).decode())}
        return door.post(sent, key, headers=[(k, v) for k, v in pairs.items() if k[8:] not in leave_out])
    for case in ({"signature": 0}, {"timestamp": 0}, {"id": 0}, {"secret": b"wrong"}, {"signed": body + b" "}, {"at": now - 360},
                 {"at": now + 360}, {"at": "soon"}, {"at": -1}, {"shape": "v2,{}"}, {"shape": "{}"}, {"shape": "v1,"}, {"shape": "v1,{}x"},
                 {"sent": body.replace(b"osago", b"osagO")}):
        assert_problem(ask(**case), 401, "bad_signature")
    assert_problem(door.post(body, key), 401, "bad_signature")
    assert ask().status == 202
    assert ask(shape="v1a,xx v1,AAAA v1,{}").status == 202  # one that fits is enough: secrets are rotated


# --- where and how ---
@pytest.mark.parametrize("path", ["/", "/v1", "/v1/leads/", "/v1/lead", "//v1/leads", "/V1/leads", "/v1/leads%00", "/v1/leads/../leads",
                                  "/v1/leads;x", "/healthz", "/metrics", "/v1/%6ceads", "/" + "x" * 4000, "*", "http://x/v1/nothing"])
def test_there_is_nothing_elsewhere(door, path):
    assert_problem(door.post(good_lead(), path=path), 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "HEAD", "PROPFIND"])
@pytest.mark.parametrize("path", ["/v1/leads", "/v1/leads/batch", "/v1/verdicts"])
def test_another_method_gets_405_and_hears_which_would_do(door, method, path):
    with door.wire() as wire:
        wire.send(request(method, path, b"", door.key))
        answer = wire.answer(to=method)
        assert answer.status == 405 and answer.headers["allow"] == "POST, OPTIONS"
        if method != "HEAD":
            assert_problem(answer, 405, "method_not_allowed")
        wire.send(request(path="/nowhere"))
        assert_problem(wire.answer(), 404)  # the connection goes on, and nobody counted bytes wrongly


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "text/json", "application/jsonx", "application/x-ndjson", "json",
                                          "multipart/form-data; boundary=x", "application/xml", ";application/json"])
def test_another_content_type_gets_415(door, content_type):
    assert_problem(door.post(good_lead(), content_type=content_type), 415, "unsupported_media_type")


def test_a_batch_is_lines_and_nothing_else(door):
    assert_problem(door.post(GOOD, path="/v1/leads/batch"), 415)
    assert_problem(door.post(b"", path="/v1/leads/batch", content_type="application/x-ndjson"), 400, "malformed_body")


@pytest.mark.parametrize("content_type", ["Application/JSON", "application/json; charset=utf-8", "application/json ;x=y"])
def test_a_content_type_may_be_written_as_the_standard_allows(door, content_type):
    assert door.post(good_lead(), content_type=content_type).status == 202


def test_a_long_idempotency_key_is_a_fault(door):
    assert_problem(door.post(good_lead(), headers=[("Idempotency-Key", "k" * 256)]), 400, "invalid_idempotency_key")
    assert door.post(good_lead(), headers=[("Idempotency-Key", "k" * 255)]).status == 202


# --- sizes ---
@pytest.mark.parametrize("name, bytes_", [
    ("one", request(headers=[("X", "y" * 17000)])), ("many_bytes", request(headers=[(f"X{n}", "y" * 400) for n in range(50)])),
    ("many", request(headers=[(f"X{n}", "y") for n in range(200)])), ("target", request(path="/" + "x" * 17000)),
    ("name", request(headers=[("X" * 17000, "y")])), ("endless", b"POST /v1/leads HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200000),
    ("endless_target", b"POST /" + b"x" * 200000)])
def test_large_headers_get_431_and_a_closed_connection(door, name, bytes_):
    with door.wire() as wire:
        wire.send(bytes_)
        assert_problem(wire.answer(), 431, "headers_too_large")
        assert wire.closes()


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(door):
    for path, most, kind in (("/v1/leads", SINGLE_BYTES, "application/json"), ("/v1/leads/batch", BATCH_BYTES, "application/x-ndjson"),
                             ("/v1/leads", (1 << 63) - 2, "application/json"), ("/v1/leads", (1 << 64) - 2, "application/json")):
        with door.wire() as wire:
            wire.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {door.key}\r\nContent-Type: {kind}\r\n"
                      f"Content-Length: {most + 1}\r\n\r\n".encode())
            assert_problem(wire.answer(), 413, "too_large")
            assert wire.closes()


@pytest.mark.parametrize("path, most, kind", [("/v1/leads", SINGLE_BYTES, "application/json"), ("/v1/leads/batch", BATCH_BYTES, "application/x-ndjson")])
def test_a_body_that_grows_too_large_in_chunks_is_refused(door, path, most, kind):
    head = (f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {door.key}\r\nContent-Type: {kind}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n").encode()
    with door.wire() as wire:
        wire.send(head, chunked(b" " * (most + 1), 65521))
        assert_problem(wire.answer(), 413, "too_large")
        assert wire.closes()


def test_a_body_of_exactly_the_limit_is_read(door):
    body = json.dumps(good_lead()).encode()
    assert door.post(body + b" " * (SINGLE_BYTES - len(body))).status == 202
    assert_problem(door.post(body + b" " * (SINGLE_BYTES - len(body) + 1)), 413)
    with door.wire() as wire:  # the same through chunks of one byte
        wire.send(request(key=door.key, headers=[("Transfer-Encoding", "chunked")]).replace(b"Content-Length: 0\r\n", b""), chunked(body, 1))
        assert door.noted(wire.answer()).status == 202


def test_a_batch_has_limits_of_its_own(door):
    def batch(body):
        return door.post(body, door.webmasters["w02"], path="/v1/leads/batch", content_type="application/x-ndjson")
    assert_problem(batch(b"{}\n" * (BATCH_LINES + 1)), 413, "too_many_lines")
    assert_problem(batch(b"x" * (BATCH_BYTES + 1)), 413, "too_large")
    good = json.dumps(good_lead()).encode()
    answer = batch(b"\n".join([good, good + b" " * (LINE_BYTES - len(good) + 1), b"", b"\xff", b"[" * 60000, b"null", b"{}"]))
    results = [json.loads(line) for line in answer.body.splitlines()]
    assert answer.status == 200 and [r["line"] for r in results] == list(range(1, 8))
    assert results[0]["outcome"] == "received" and [r["status"] for r in results[1:]] == [413, 400, 400, 400, 400, 400]
    assert len(results[6]["errors"]) == 2
    acknowledged.append(results[0]["lead_id"])
    full = batch(b"{}\n" * BATCH_LINES)
    assert full.status == 200 and full.body.count(b'"invalid_lead"') == BATCH_LINES == full.body.count(b"\n")


# --- framing that can be read in two ways ---
HEAD = b"POST /v1/leads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
FRAMINGS = {
    "length_and_chunked": HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked_and_length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two_lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
    "length_list": HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
    "plus": HEAD + b"Content-Length: +2\r\n\r\n{}", "minus": HEAD + b"Content-Length: -2\r\n\r\n{}",
    "hex": HEAD + b"Content-Length: 0x2\r\n\r\n{}", "exponent": HEAD + b"Content-Length: 2e0\r\n\r\n{}",
    "inner_space": HEAD + b"Content-Length: 2 0\r\n\r\n{}", "no_length": HEAD + b"Content-Length:\r\n\r\n{}",
    "overflow": HEAD + b"Content-Length: 18446744073709551618\r\n\r\n{}",
    "unknown_coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": HEAD + b"Transfer-Encoding: identity\r\n\r\n{}",
    "chunked_not_last": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "space_before_colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "length_space_before_colon": HEAD + b"Content-Length : 2\r\n\r\n{}",
    "folded": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "folded_other": HEAD + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "bare_cr": HEAD + b"X: a\rContent-Length: 2\r\n\r\n{}", "nul_in_value": HEAD + b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "nul_in_name": HEAD + b"X\0: a\r\nContent-Length: 2\r\n\r\n{}", "no_colon": HEAD + b"Content-Length\r\n\r\n{}",
    "empty_name": HEAD + b": 2\r\n\r\n{}", "space_first": HEAD.replace(b"Host", b" Host") + b"Content-Length: 2\r\n\r\n{}",
    "chunk_size_text": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "chunk_size_minus": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "chunk_size_0x": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "chunk_size_overflow": HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff2\r\n{}\r\n0\r\n\r\n",
    "chunk_too_short": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n",
    "chunk_without_end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n",
    "chunk_bare_lf": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
    "old_version_chunked": HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no_host": HEAD.replace(b"Host: x\r\n", b"") + b"Content-Length: 2\r\n\r\n{}",
    "two_hosts": HEAD + b"Host: y\r\nContent-Length: 2\r\n\r\n{}",
    "version_2": HEAD.replace(b"1.1", b"2.0") + b"Content-Length: 2\r\n\r\n{}",
    "version_12": HEAD.replace(b"1.1", b"1.2") + b"Content-Length: 2\r\n\r\n{}",
    "version_09": b"GET /v1/leads\r\n\r\n", "lower_case": HEAD.replace(b"HTTP", b"http") + b"Content-Length: 2\r\n\r\n{}",
    "method_unknown": HEAD.replace(b"POST", b"STEAL") + b"Content-Length: 2\r\n\r\n{}",
    "method_lower": HEAD.replace(b"POST", b"post") + b"Content-Length: 2\r\n\r\n{}",
    "target_with_space": HEAD.replace(b"/v1/leads", b"/v1/ leads") + b"Content-Length: 2\r\n\r\n{}",
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n", "answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "smtp": b"EHLO example.org\r\n",
    "redis": b"*1\r\n$4\r\nPING\r\n", "nul": b"\0" * 100, "socks": b"\x05\x01\x00\x03",
}


@pytest.mark.parametrize("name", FRAMINGS)
def test_framing_that_can_be_read_in_two_ways_gets_400_and_nothing_behind_it_is_read(door, name):
    hidden = request(body=good_lead(click_id=f"smuggled-{name}"), key=door.key)
    with door.wire() as wire:
        wire.send(FRAMINGS[name].replace(b"{key}", door.key.encode()), hidden)
        answers = wire.answers()
    assert len(answers) == 1, answers
    assert_problem(answers[0], 400, "malformed_request")
    assert answers[0].headers.get("connection") == "close"


def test_a_body_cut_short_is_never_taken(door):
    body = json.dumps(good_lead(click_id="cut")).encode()
    whole = request(body=body, key=door.key)
    for left_out in (1, 10, len(body)):
        with door.wire() as wire:
            wire.send(whole[:-left_out])
            wire.half_close()
            assert all(a.status == 400 for a in wire.answers())


def test_one_who_asks_whether_to_go_on_is_told_so(door):
    body = json.dumps(good_lead()).encode()
    with door.wire() as wire:
        wire.send(request(body=body, key=door.key, headers=[("Expect", "100-continue")])[:-len(body)])
        assert wire.answer().status == 100
        wire.send(body)
        assert door.noted(wire.answer()).status == 202


# --- too much ---
def test_past_its_rate_a_webmaster_gets_429_and_the_others_do_not(door):
    key = door.stack.keys("webmaster")["bad-slow"]
    wait_until(lambda: door.post(b"", key).status in (400, 429), 10, "the directory's change arrives")
    refused = wait_until(lambda: next((a for a in (door.post(good_lead(), key) for _ in range(5)) if a.status == 429), None), 10, "429")
    assert_problem(refused, 429, "rate_limited")
    wait_s = int(refused.headers["retry-after"])
    assert wait_s <= 3 and door.post(good_lead()).status == 202
    wait_until(lambda: door.post(good_lead(), key).status == 202, wait_s + 2, "after Retry-After it is welcome again")
    lines = json.dumps(good_lead()).encode() + b"\n"
    assert_problem(door.post(lines * 10, key, path="/v1/leads/batch", content_type="application/x-ndjson"), 429)


# --- pages ---
def test_a_page_may_ask_and_read_where_its_webmaster_lists_it(door):
    def preflight(origin):
        return door.ask(request("OPTIONS", headers=[("Origin", origin), ("Access-Control-Request-Method", "POST"),
                                                    ("Access-Control-Request-Headers", "authorization,content-type")]), to="OPTIONS")
    allowed, refused = preflight(PAGE), preflight("https://evil.example")
    assert allowed.status == refused.status == 204
    assert allowed.headers["access-control-allow-origin"] == PAGE and "POST" in allowed.headers["access-control-allow-methods"]
    assert {"authorization", "content-type", "idempotency-key"} <= {h.strip().lower() for h in allowed.headers["access-control-allow-headers"].split(",")}
    assert "access-control-allow-origin" not in refused.headers and "origin" in refused.headers["vary"].lower()

    def origin_of(answer):
        assert "origin" in answer.headers["vary"].lower()
        return answer.headers.get("access-control-allow-origin")
    ours, origin = door.webmasters["w03"], [("Origin", PAGE)]
    for body, status in ((good_lead(), 202), ({}, 400)):
        answer = door.post(body, ours, headers=origin)
        assert answer.status == status and origin_of(answer) == PAGE
    assert origin_of(door.post(good_lead(), ours, headers=[("Origin", "https://evil.example")])) is None
    assert origin_of(door.post(good_lead(), headers=origin)) is None  # listed, but not by this webmaster
    assert origin_of(door.post({}, "nobody", headers=origin)) is None


# --- slow, idle, gone ---
@pytest.mark.parametrize("name", ["request_line", "headers", "body", "chunk"])
def test_who_is_too_slow_gets_408_whatever_still_drips(door, name):
    body = json.dumps(good_lead()).encode()
    head = request(body=body, key=door.key)[:-len(body)]
    begun = {"request_line": b"POST /v1", "headers": head[:-2], "body": head + body[:5],
             "chunk": HEAD.replace(b"{key}", door.key.encode()) + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n{"}[name]
    drip = {"request_line": b"x", "headers": b"X: y\r\n", "body": b" ", "chunk": b" "}[name]
    with door.wire() as wire:
        wire.socket.settimeout(0.1)
        wire.send(begun)
        began = time.monotonic()
        while True:
            try:
                answer = wire.answer()
                break
            except TimeoutError:
                assert time.monotonic() - began < 4 * REQUEST_TIMEOUT_S, "dripping keeps a connection for ever"
                if name != "body":
                    wire.send(drip)
        assert time.monotonic() - began > REQUEST_TIMEOUT_S / 2
        assert_problem(answer, 408, "request_timeout")
        assert wire.closes()


def test_one_who_never_reads_holds_up_nobody_and_holds_no_memory(door):
    before = door.memory()
    with door.wire() as wire:
        wire.socket.settimeout(0.2)
        one, sent = request("GET", "/nowhere"), 0
        try:
            while sent < 64 << 20:
                sent += wire.socket.send(one * 500)
        except (TimeoutError, ConnectionError):
            pass
        assert sent < 64 << 20, "it read on and on"
        assert door.post(good_lead()).status == 202
        assert door.memory() - before < 16 << 20


def test_ten_thousand_idle_connections_cost_little_and_keep_nobody_from_being_served(door):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    idle = []
    try:
        for number in range(IDLE_CONNECTIONS):
            idle.append(socket.create_connection(door.address, timeout=10))
            if number % 500 == 0:
                assert door.post(good_lead()).status == 202
        open_now = lambda: door.stack.metrics("collector")["punnet_collector_connections_open"]  # noqa: E731
        wait_until(lambda: open_now() >= IDLE_CONNECTIONS, 10, "all are accepted")
        slowest = 0.0
        for _ in range(100):
            began = time.monotonic()
            assert door.post(good_lead()).status == 202
            slowest = max(slowest, time.monotonic() - began)
        memory = door.memory()
        print(f"{IDLE_CONNECTIONS} idle connections: {memory / (1 << 20):.1f} MiB resident, slowest of 100 others {slowest * 1000:.0f} ms")
        assert memory <= MEMORY_MAX_BYTES and slowest < 2
    finally:
        for one in idle:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: open_now() < 100, 10, "the idle ones are gone")


def test_a_thousand_pipelined_requests_are_answered_in_their_order(door):
    bodies = [good_lead(click_id=f"order-{n}") if n % 2 else good_lead(**{f"odd{n}": 1}) for n in range(1000)]
    pieces = b"".join(request(body=body, key=door.webmasters["w07"]) for body in bodies)
    with door.wire() as wire:
        wire.socket.setblocking(True)
        wire.send(pieces)
        answers = [door.noted(wire.answer()) for _ in bodies]
    ids = {}
    for number, answer in enumerate(answers):
        if number % 2:
            assert answer.status == 202, answer.body
            ids[answer.json["lead_id"]] = f"order-{number}"
        else:
            assert faults(answer) == {(f"odd{number}", "unknown")}
    assert len(ids) == 500
    stored = {str(uuid.UUID(bytes=m.lead_id)): m.lead.click_id for m in raw_leads(door)}
    assert all(stored[lead_id] == click for lead_id, click in ids.items())


def test_clients_that_vanish_in_the_middle_are_forgotten(door):
    whole = request(body=good_lead(click_id="vanished"), key=door.key)
    dice = random.Random(5)
    for number in range(200):
        wire = door.wire()
        wire.send(whole if number % 2 else whole[:dice.randrange(1, len(whole))])
        if number % 3:
            wire.vanish()
        else:
            wire.close()
    wait_until(lambda: door.stack.metrics("collector")["punnet_collector_connections_open"] < 10, 10, "they are forgotten")
    assert door.post(good_lead()).status == 202


def test_noise_is_refused_or_dropped(door):
    dice = random.Random(11)
    for _ in range(150):
        noise = dice.randbytes(dice.randrange(1, 3000))
        prefix = dice.choice((b"", b"POST ", b"POST /v1/leads HTTP/1.1\r\n", HEAD + b"Content-Length: 100\r\n\r\n"))
        with door.wire() as wire:
            wire.send(prefix, noise)
            wire.half_close()
            for answer in wire.answers():
                assert 400 <= answer.status < 500, answer
                assert_problem(answer, answer.status)


def test_a_good_request_with_a_few_bytes_changed_is_answered_or_dropped(door):
    dice = random.Random(12)
    for _ in range(400):
        data = bytearray(request(body=good_lead(click_id="changed"), key=door.key))
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(data))
            data[at:at + dice.randrange(2)] = bytes([dice.randrange(256)])
        with door.wire() as wire:
            wire.send(bytes(data))
            wire.half_close()
            for answer in map(door.noted, wire.answers()):
                if answer.status != 202:
                    assert 400 <= answer.status < 500, answer
                    assert_problem(answer, answer.status)


# --- at the end ---
def raw_leads(door):
    return [r.message for records in log.read_topic(door.stack.kafka, "leads.raw").values() for r in records]


def test_what_was_acknowledged_is_stored_and_what_was_refused_is_not(door):
    stored = raw_leads(door)
    ids = [str(uuid.UUID(bytes=m.lead_id)) for m in stored]
    assert len(set(ids)) == len(ids) and set(acknowledged) <= set(ids)
    clicks = {m.lead.click_id for m in stored}
    assert not {c for c in clicks if c.startswith("smuggled") or c == "cut"}
    unasked = [m.lead.click_id for m, i in zip(stored, ids) if i not in set(acknowledged)]
    assert set(unasked) <= {"vanished"}, unasked[:10]  # nobody waited for the answer


def test_the_collector_is_the_process_it_was_and_as_large_as_it_was(door):
    row = door.stack.status()["collector@1"]
    assert row["pid"] == door.pid and row["restarts"] == 0 and row["ready"]
    text = (Path(door.stack.home) / "logs/collector@1.log").read_text(errors="replace")
    assert "ssertion" not in text and '"level":"fatal"' not in text
    grown = door.memory() - door.memory_at_first
    print(f"resident at first {door.memory_at_first / (1 << 20):.1f} MiB, at the end {door.memory() / (1 << 20):.1f} MiB")
    assert grown <= MEMORY_KEPT_MAX_BYTES
