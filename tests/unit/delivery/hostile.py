#!/usr/bin/env python3
"""An advertiser's server that misbehaves: what it does is in the path of the request. Prints its port, then serves.

usage: hostile.py [PORT] | --tls CERT_AND_KEY [CLIENT_CA] | --reset-accepted | --reset-first-byte |
       --any-address

Every request is appended to the file in HOSTILE_LOG, one JSON line each: path, headers, body."""
import base64
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time

LOCK = threading.Lock()
SEEN = {}  # path and webhook-id -> how often


def read_request(conn):
    data = b""
    while b"\r\n\r\n" not in data:
        more = conn.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    length = int(headers.get("content-length", "0"))
    while len(body) < length:
        more = conn.recv(65536)
        if not more:
            return None
        body += more
    return lines[0].split(" ")[1], headers, body


def log(path, headers, body):
    name = os.environ.get("HOSTILE_LOG")
    if not name:
        return
    with LOCK, open(name, "a", encoding="utf-8") as out:
        out.write(json.dumps({"at": time.time(), "path": path, "headers": headers, "body": body.decode()}) + "\n")


def answer(conn, status, body=b"", extra=""):
    conn.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body)


def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def times_seen(path, headers):
    with LOCK:
        key = path + " " + headers.get("webhook-id", "")
        SEEN[key] = SEEN.get(key, 0) + 1
        return SEEN[key]


def misbehave(conn, seen, path, headers, body):
    """True: the connection may be used again."""
    what = path.strip("/").split("/")
    if what[0] == "status":
        answer(conn, what[1], extra="Retry-After: 7\r\n" if what[1] == "503" else "")
        return True
    if what[0] == "refuse":
        answer(conn, 200, b'{"outcome":"refused","reason":"too young"}')
        return True
    if what[0] == "echo":
        answer(conn, 400, b"what is " + body)
        return True
    if what[0] == "flaky" and seen > int(what[1]):
        answer(conn, 200, b'{"outcome":"accepted"}')
        return True
    if what[0] == "flaky":
        answer(conn, 503)
        return True
    if what[0] == "asked":  # a status query: is it there?
        status, said = {"arrived": (200, b'{"outcome":"accepted"}'), "absent": (404, b""), "broken": (500, b""),
                        "refused": (200, b'{"outcome":"refused"}'), "elsewhere": (401, b"")}[what[1]]
        answer(conn, status, said)
        return True
    if what[0] == "hang_thrice" and seen > 3 or what[0] == "hang_once" and seen > 1:
        answer(conn, 200)
        return True
    if what[0] in ("hang_once", "hang_thrice"):
        time.sleep(5)
        return False
    if what[0] == "disguise":  # the phone, in base64
        answer(conn, 200, b'{"outcome":"accepted","price":"450.50","ref":"' + base64.b64encode(b"lead:+79161234567;1") + b'"}')
        return True
    if what[0] == "price":
        answer(conn, 200, b'{"outcome":"accepted","price":"450.50","phone":"+79161234567","who":["\\u0418\\u0432\\u0430\\u043d"]}')
        return True
    if what[0] == "late_500_then_late_200":
        time.sleep(0.3)
        answer(conn, 500 if seen == 1 else 200)
        return True
    if what[0] == "slow_then_500" and seen > 1:
        answer(conn, 500)
        return True
    if what[0] == "slow_then_500":
        time.sleep(5)
        return False
    if what[0] == "slow":
        time.sleep(float(what[1]))
        answer(conn, 200)
        return True
    if what[0] == "never":
        time.sleep(60)
    elif what[0] == "reset":
        reset(conn)
        return False
    elif what[0] == "close":
        pass
    elif what[0] == "garbage":
        conn.sendall(b"\x00\x01 no HTTP at all\r\n\r\n")
    elif what[0] == "drip":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            conn.sendall(b"x")
            time.sleep(0.1)
    elif what[0] == "cut":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    elif what[0] == "cut500":
        conn.sendall(b"HTTP/1.1 500 OK\r\nContent-Length: 1000\r\n\r\n{")
    elif what[0] == "endless":
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            conn.sendall(b"x" * 65536)
    elif what[0] == "endless_headers":
        conn.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            conn.sendall(b"X-Y: " + b"z" * 8000 + b"\r\n")
    elif what[0] == "reset_in_status":
        conn.sendall(b"HTTP/1.1 2")
        reset(conn)
        return False
    elif what[0] == "reset_in_headers":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
        reset(conn)
        return False
    elif what[0] == "reset_in_body":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        reset(conn)
        return False
    elif what[0] == "length":  # as the path says, with a body of two bytes
        conn.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {what[1]}\r\n\r\n".encode() + b"{}")
    elif what[0] == "two_lengths":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}")
    elif what[0] == "bad_chunk":
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n")
    elif what[0] == "endless_chunk":
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n")
        while True:
            conn.sendall(b"x" * 65536)
    elif what[0] == "zipped":  # a few bytes that would become gigabytes, if anybody unpacked them
        answer(conn, 200, b"\x1f\x8b\x08" + b"\0" * 5000, "Content-Encoding: gzip\r\n")
        return True
    elif what[0] == "next_answer_too":  # the answer to a request that was not made yet
        fake = b'{"outcome":"accepted"}'
        conn.sendall(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(fake)
                     + fake)
        time.sleep(0.3)
        return True
    elif what[0] == "interim":  # 100 without end
        while True:
            conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.01)
    elif what[0] == "redirect_loop":
        answer(conn, 307, extra=f"Location: {path}\r\n")
        return True
    elif what[0] == "redirect":
        answer(conn, 302, extra=f"Location: http://{conn.getsockname()[0]}:{conn.getsockname()[1]}/status/200\r\n")
        return True
    else:
        answer(conn, 200)
        return True
    conn.close()
    return False


def serve(conn, tls=None):
    try:
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            conn = tls.wrap_socket(conn, server_side=True)
        while True:
            request = read_request(conn)
            if not request:
                break
            seen = times_seen(request[0], request[1])
            log(*request)
            if not misbehave(conn, seen, *request):
                return
    except OSError:
        pass
    conn.close()


def reset_after_first_byte(conn):
    conn.recv(1)
    reset(conn)


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else "0"
    tls = None
    if mode == "--tls":
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(sys.argv[2])
        if len(sys.argv) > 3:
            tls.verify_mode = ssl.CERT_REQUIRED
            tls.load_verify_locations(sys.argv[3])
    listener = socket.create_server(("" if mode == "--any-address" else "127.0.0.1", int(mode) if mode.isdigit() else 0), backlog=256)
    print(listener.getsockname()[1], flush=True)
    while True:
        conn, _ = listener.accept()
        if mode == "--reset-accepted":
            reset(conn)
        elif mode == "--reset-first-byte":
            threading.Thread(target=reset_after_first_byte, args=(conn,), daemon=True).start()
        else:
            threading.Thread(target=serve, args=(conn, tls), daemon=True).start()


main()
