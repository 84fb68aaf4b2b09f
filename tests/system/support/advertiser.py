"""An advertiser's endpoint inside the test: keeps account of what it took, so that it can be asked afterwards."""
import asyncio
import hashlib
import json
import threading
from collections import defaultdict


class Advertiser:
    """`decide(advertiser, key, lead, times_seen)` gives (status, answer), or None for no answer at all."""

    def __init__(self, decide=None, port=None):
        self.decide = decide or accept_all
        self.calls = defaultdict(list)     # key -> [status given]
        self.taken = defaultdict(set)      # lead id -> {(advertiser, order, key)}
        self.answers = {}                  # key -> final answer, repeated for the same key
        self.bodies = {}                   # key -> (headers, body) of the first call
        self.loop = asyncio.new_event_loop()
        self.port = port
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)

    def _run(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port or 0, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self.loop.run_forever()
        server.close()
        self.loop.run_until_complete(self._end_handlers())
        self.loop.close()

    async def _end_handlers(self):
        """Whoever is still connected, or was never answered, is let go of before the loop ends."""
        handlers = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await asyncio.sleep(0)  # the transports' own last callbacks

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                answer = self._answer(head[0].split(" ")[1].strip("/").split("/")[0], headers, body)
                if answer is None:
                    await asyncio.sleep(3600)
                status, text = answer[0], json.dumps(answer[1]).encode()
                writer.write(b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n%s" % (status, len(text), text))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def _answer(self, advertiser, headers, body):
        key, lead = headers.get("idempotency-key", ""), json.loads(body)
        self.bodies.setdefault(key, (headers, body))
        if key in self.answers:
            answer = self.answers[key]
        else:
            answer = self.decide(advertiser, key, lead, len(self.calls[key]))
        self.calls[key].append(answer[0] if answer else None)
        if answer and answer[0] == 200:
            self.answers[key] = answer
            if answer[1].get("outcome") == "accepted":
                self.taken[lead["lead_id"]].add((advertiser, lead["order_id"], key))
        return answer


def dice(key, what):
    return int.from_bytes(hashlib.blake2b(f"{what}/{key}".encode(), digest_size=4).digest(), "big") % 10000


def accept_all(_advertiser, _key, _lead, _times):
    return 200, {"outcome": "accepted"}


def mixed(_advertiser, key, _lead, times):
    """5 % refused, 3 % fail the first time."""
    if dice(key, "fail") < 300 and times == 0:
        return 500, {"error": "again"}
    if dice(key, "refuse") < 500:
        return 200, {"outcome": "refused", "reason": "already_a_customer"}
    return 200, {"outcome": "accepted"}
