"""The webmasters: a process of its own that sends leads at a rate, repeats each under its key until it is acknowledged, and
writes down every acknowledgement as a row. What it keeps in memory does not grow with the number of leads."""
import asyncio
import json
import multiprocessing
import random
import uuid
from collections import Counter

from support import one_lead
from support.rows import Rows
from support.webmaster import SIGNED_ONLY, lead, read_answer

CONNECTIONS_LEAST = 128  # those that wait for a broker that stands still do not hold up the others
CONNECTIONS_A_LEAD = 0.6  # seconds that an answer may take on the average without the rate falling for it
CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S = 3, 8
RETRY_PAUSE_S = 0.2
CATCH_UP_S = 15         # so much of what could not be sent is sent later at full speed
HELD_BACK = 0.15        # of the rate, while the faults are behind
REPEAT_SHARE = 0.1      # of leads with the phone of an earlier one
REFUSED_SHOWN = 5


def one(number, seed):
    """The same number gives the same lead, whatever happened before."""
    item = lead(number, seed=seed)
    dice = random.Random(f"{seed}/again/{number}")
    if number > 100 and dice.random() < REPEAT_SHARE:
        item["phone"] = lead(number - 4 * dice.randrange(1, 25), seed=seed)["phone"]
    return item


class Traffic:
    """Started once; `rate`, `allowed` and `wanted` may be changed while it runs. A lead above both of these waits longer."""

    def __init__(self, addresses, keys, folder, buckets, count, seed, rate_per_s):
        spawn = multiprocessing.get_context("spawn")
        self.count = count
        self.rate, self.allowed, self.wanted = spawn.Value("d", rate_per_s), spawn.Value("q", count), spawn.Value("q", 0)
        self.acknowledged, self.repeats, self.told_off = spawn.Value("q", 0), spawn.Value("q", 0), spawn.Value("q", 0)
        self.bad = spawn.Queue()
        self.keys = [key for name, key in keys.items() if name != SIGNED_ONLY]
        self.process = spawn.Process(target=_main, daemon=True, args=(
            addresses, self.keys, str(folder), buckets, count, seed, self.rate, self.allowed, self.wanted, self.acknowledged, self.repeats,
            self.told_off, self.bad))
        self.refused = []

    def start(self):
        self.process.start()

    @property
    def done(self):
        return self.acknowledged.value >= self.count or not self.process.is_alive()

    def join(self):
        """After it every lead is acknowledged, or stands in `refused` with the answer that a repeat would not change."""
        while not self.bad.empty():
            self.refused.append(self.bad.get())
        self.process.join()
        while not self.bad.empty():
            self.refused.append(self.bad.get())

    def end(self):
        if self.process.is_alive():
            self.process.terminate()


def _main(addresses, keys, folder, buckets, count, seed, rate, allowed, wanted, acknowledged, repeats, told_off, bad):
    sender = _Sender(addresses, keys, Rows(folder, buckets), count, seed)
    sender.rate, sender.allowed, sender.wanted, sender.bad = rate, allowed, wanted, bad
    sender.acknowledged, sender.repeats, sender.told_off = acknowledged, repeats, told_off
    asyncio.run(sender.run())
    sender.rows.flush()


class _Sender:
    def __init__(self, addresses, keys, rows, count, seed):
        self.addresses, self.keys, self.rows, self.count, self.seed = addresses, keys, rows, count, seed
        self.next, self.due, self.refusals = 0, 0.0, Counter()

    async def run(self):
        count = max(CONNECTIONS_LEAST, int(self.rate.value * CONNECTIONS_A_LEAD))
        await asyncio.gather(*(self._work(n) for n in range(count)))

    async def _turn(self):
        """The number of the next lead, when it is due; None after the last one."""
        loop = asyncio.get_running_loop()
        if self.next >= self.count:
            return None
        number, self.next = self.next, self.next + 1
        held = HELD_BACK if number > max(self.allowed.value, self.wanted.value) else 1.0
        self.due = max(self.due, loop.time() - CATCH_UP_S) + 1 / (self.rate.value * held)
        await asyncio.sleep(max(0.0, self.due - loop.time()))
        return number

    async def _work(self, worker):
        connection, door = None, worker
        while (number := await self._turn()) is not None:
            item = one(number, self.seed)
            while True:
                status, body = 0, b""
                try:
                    address = self.addresses[door % len(self.addresses)]
                    connection = connection or await asyncio.wait_for(asyncio.open_connection(*address), CONNECT_TIMEOUT_S)
                    status, body = await asyncio.wait_for(self._post(connection, number, item), ANSWER_TIMEOUT_S)
                except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError):
                    _close(connection)
                    connection, door = None, door + 1  # the other front door, as a balancer would
                if self._finished(number, status, body):
                    break
                await asyncio.sleep(RETRY_PAUSE_S)
        _close(connection)

    def _finished(self, number, status, body):
        if status == 202:
            self.rows.put(uuid.UUID(json.loads(body)["lead_id"]).bytes, one_lead.ACKNOWLEDGED)
        elif status and status not in (429, 503):
            self.refusals[status] += 1
            if self.refusals[status] <= REFUSED_SHOWN:
                self.bad.put((number, status, body.decode(errors="replace")))
        else:
            self.repeats.value += 1
            self.told_off.value += status in (429, 503)
            return False
        self.acknowledged.value += 1
        return True

    async def _post(self, connection, number, item):
        reader, writer = connection
        body = json.dumps(item, ensure_ascii=False).encode()
        head = (f"POST /v1/leads HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.keys[number % len(self.keys)]}\r\n"
                f"idempotency-key: k-{self.seed}-{number}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\n\r\n")
        writer.write(head.encode() + body)
        await writer.drain()
        status, _, answer = await read_answer(reader)
        return status, answer


def _close(connection):
    if connection:
        connection[1].close()
