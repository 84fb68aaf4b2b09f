"""A client made of bytes: sends anything, well formed or not, and reads answers strictly."""
import json
import socket
import struct
import time
from dataclasses import dataclass

TIMEOUT_S = 15
PROBLEM_TYPE = "application/problem+json"


@dataclass
class Answer:
    status: int
    headers: dict  # lower-case name -> value
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Wire:
    def __init__(self, address, timeout_s=TIMEOUT_S):
        self.socket = socket.create_connection(address, timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, *pieces):
        """False when the peer has closed already: it may refuse before all has arrived."""
        try:
            self.socket.sendall(b"".join(pieces))
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def half_close(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is closed already

    def vanish(self):
        """A reset instead of a goodbye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self):
        try:
            piece = self.socket.recv(1 << 16)
        except ConnectionResetError:
            piece = b""
        self.rest += piece
        return bool(piece)

    def answer(self, to="POST"):
        """The next answer, or None when the connection ended instead. Anything that is not HTTP fails the test."""
        while b"\r\n\r\n" not in self.rest:
            if not self._more():
                assert not self.rest, f"half an answer: {self.rest[:200]!r}"
                return None
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        version, status, *_ = lines[0].split(" ")
        assert version == "HTTP/1.1" and status.isdigit(), lines[0]
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            assert colon and name == name.strip() and name.lower() not in headers, line
            headers[name.lower()] = value.strip()
        bare = to == "HEAD" or status in ("204", "304") or status[0] == "1"
        length = 0 if bare else int(headers["content-length"])
        while len(self.rest) < length:
            assert self._more(), f"half a body: {len(self.rest)} of {length} bytes after {lines[0]}"
        body, self.rest = self.rest[:length], self.rest[length:]
        return Answer(int(status), headers, body)

    def answers(self):
        """All answers until the peer closes."""
        found = []
        while (one := self.answer()) is not None:
            found.append(one)
        return found

    def closes(self, within_s=TIMEOUT_S):
        """True when the peer closes, having said nothing more."""
        end = time.monotonic() + within_s
        self.socket.settimeout(within_s)
        try:
            while self._more():
                if time.monotonic() > end:
                    return False
        except TimeoutError:
            return False
        return not self.rest


def request(method="POST", path="/v1/leads", body=b"", key=None, content_type="application/json", headers=(), host="x"):
    """A request as bytes. `headers` are pairs; a body that is not bytes is spelled as JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body, ensure_ascii=False).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{name}: {value}" for name, value in headers]
    if method not in ("GET", "HEAD", "OPTIONS"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(body, size=4096):
    pieces = [b"%x\r\n%s\r\n" % (len(body[at:at + size]), body[at:at + size]) for at in range(0, len(body), size)]
    return b"".join(pieces) + b"0\r\n\r\n"


def assert_problem(answer, status, code=None):
    """A problem document after RFC 9457 with the members that this project promises; returns it."""
    assert answer is not None, f"closed without a word; expected {status} {code}"
    assert answer.status == status, (answer.status, answer.body[:300])
    assert answer.headers["content-type"] == PROBLEM_TYPE
    document = answer.json
    assert document["status"] == status and document["type"] and document["title"], document
    assert code is None or document["code"] == code, document
    if status == 400:
        assert document["errors"], document
        for fault in document["errors"]:
            assert set(fault) == {"field", "code", "detail"} and fault["code"] and fault["detail"], fault
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    return document
