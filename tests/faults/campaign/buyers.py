"""The advertisers: a process of its own that takes leads, keeps account of what it took as rows, and says of some of them later
whether they were any good. An answer follows from the delivery's key alone, so that a repeat gets the first answer again.

What it can be told to do to an advertiser: answer (0), hang (1), fail (2), drop the connection after it took the lead (3);
and to all of them: not to listen at all."""
import asyncio
import json
import multiprocessing
import uuid

from support import one_lead
from support.advertiser import dice
from support.rows import Rows
from support.webmaster import read_answer

ANSWER, HANG, FAIL, DROP = range(4)
HANG_S = 3600
APPROVED_SHARE, RETURNED_SHARE = 2500, 500  # of 10,000 leads that were taken
SAY_EVERY_S = 0.5
SAY_AT_ONCE = 1000
SAY_TIMEOUT_S = 10
OPEN, CLOSED = 0, 1


class Buyers:
    def __init__(self, names, port, front_doors, keys, folder, buckets):
        spawn = multiprocessing.get_context("spawn")
        self.names, self.port = list(names), port
        self.modes = spawn.Array("i", len(self.names))
        self.door, self.is_open, self.ending, self.unsaid = (spawn.Value("i", v) for v in (OPEN, CLOSED, 0, 0))
        self.taken = spawn.Value("q", 0)
        self.process = spawn.Process(target=_main, daemon=True, args=(
            self.names, port, front_doors, keys, str(folder), buckets, self.modes, self.door, self.is_open, self.ending,
            self.unsaid, self.taken))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process.start()

    def set_mode(self, name, mode):
        self.modes[self.names.index(name)] = mode

    def end(self):
        """Its rows are on disk then."""
        self.ending.value = 1
        self.process.join(30)
        if self.process.is_alive():
            self.process.terminate()


def _main(names, port, front_doors, keys, folder, buckets, modes, door, is_open, ending, unsaid, taken):
    shop = _Shop(names, port, front_doors, keys, Rows(folder, buckets))
    shop.modes, shop.door, shop.is_open, shop.ending, shop.unsaid, shop.taken = modes, door, is_open, ending, unsaid, taken
    asyncio.run(shop.run())
    shop.rows.flush()


class _Shop:
    def __init__(self, names, port, front_doors, keys, rows):
        self.names = {name: number for number, name in enumerate(names)}
        self.port, self.front_doors, self.keys, self.rows = port, front_doors, keys, rows
        self.failed_once, self.to_say, self.handlers = set(), [], set()

    async def run(self):
        saying, server = asyncio.create_task(self._say()), None
        while not self.ending.value:
            if self.door.value == OPEN and server is None:
                server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=1024)
            elif self.door.value == CLOSED and server is not None:
                server.close()
                for task in list(self.handlers):
                    task.cancel()
                server = None
            self.is_open.value = CLOSED if server is None else OPEN
            await asyncio.sleep(0.05)
        saying.cancel()
        for task in list(self.handlers):
            task.cancel()

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self.handlers.add(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                name = head[0].split(" ")[1].strip("/").split("/")[0]
                mode = self.modes[self.names[name]]
                if mode == HANG:
                    await asyncio.sleep(HANG_S)
                status, text = (500, b"{}") if mode == FAIL else self._answer(name, headers["idempotency-key"], json.loads(body))
                if mode == DROP:
                    return
                writer.write(b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n%s" % (status, len(text), text))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.handlers.discard(task)
            writer.close()

    def _answer(self, name, key, lead):
        """5 % refused; 3 % fail the first time."""
        if dice(key, "fail") < 300 and key not in self.failed_once:
            self.failed_once.add(key)
            return 500, b'{"error": "again"}'
        if dice(key, "refuse") < 500:
            return 200, b'{"outcome": "refused", "reason": "already_a_customer"}'
        self.rows.put(uuid.UUID(lead["lead_id"]).bytes, one_lead.BUYER, name, lead["order_id"], key)
        self.taken.value += 1
        share = dice(key, "verdict")
        if share < APPROVED_SHARE + RETURNED_SHARE:
            self.to_say.append((name, lead["lead_id"], "approved" if share < APPROVED_SHARE else "returned"))
            self.unsaid.value = len(self.to_say)
        return 200, b'{"outcome": "accepted"}'

    # --- what they say of the leads, through the front door ---
    async def _say(self):
        turn = 0
        while True:
            await asyncio.sleep(SAY_EVERY_S)
            batch, by_name = self.to_say[:SAY_AT_ONCE], {}
            for item in batch:
                by_name.setdefault(item[0], []).append(item)
            doors = [self.front_doors[(turn + n) % len(self.front_doors)] for n in range(len(by_name))]
            left = await asyncio.gather(*(self._say_to(door, name, items) for door, (name, items) in zip(doors, by_name.items())))
            turn += 1
            self.to_say = [*(item for items in left for item in items), *self.to_say[len(batch):]]
            self.unsaid.value = len(self.to_say)

    async def _say_to(self, address, name, items):
        """Those that were not acknowledged: they are said again, under the same id."""
        try:
            return await asyncio.wait_for(self._post(address, name, items), SAY_TIMEOUT_S)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError):
            return items

    async def _post(self, address, name, items):
        lines = [json.dumps({"lead_id": lead, "verdict": verdict, "verdict_id": f"v-{lead}",
                             **({"reason_code": "wrong_number"} if verdict == "returned" else {})}) for _, lead, verdict in items]
        body = ("\n".join(lines) + "\n").encode()
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(f"POST /v1/verdicts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.keys[name]}\r\nconnection: close\r\n"
                         f"content-type: application/x-ndjson\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            status, _, answer = await read_answer(reader)
        finally:
            writer.close()
        if status != 200:
            return items
        left = []
        for item, line in zip(items, answer.decode().splitlines()):
            if json.loads(line).get("outcome") == "received":
                self.rows.put(uuid.UUID(item[1]).bytes, one_lead.SAID, item[2])
            else:
                left.append(item)
        return left
