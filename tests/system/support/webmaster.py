"""A webmaster's client: sends leads, remembers every acknowledgement, repeats what failed under the same key."""
import asyncio
import json
import random
import time

RETRY_PAUSE_S = 0.2
ANSWER_TIMEOUT_S = 15
SIGNED_ONLY = "w09"  # the sample webmaster whose requests must be signed

_FIRST = ("Анна", "Мария", "Иван", "Пётр", "Olga", "John", "Сергей", "Елена", "Дмитрий", "Kate")
_LAST = ("Иванова", "Петров", "Smith", "Кузнецов", "Соколова", "Попов", "Brown", "Волкова", "Морозов", "Lee")


_CODES = ("16", "26", "03", "05", "11", "61")
_SPARE_CODES = ("31", "50", "65", "77")
_SUBSCRIBERS = 10 ** 7
_STEPS = (1234577, 3141593, 2718281, 1414213, 5772157)  # each odd and no multiple of 5: it takes no number to another's


def _looks_invented(digits):
    """Shorter stretches than those that the filter phone_pattern minds: a good lead must have nothing against it."""
    steps = [(int(b) - int(a)) % 10 for a, b in zip(digits, digits[1:])]
    counts = any(steps[i:i + 4] in ([0] * 4, [1] * 4, [9] * 4) for i in range(len(steps)))
    return counts or any(digits[i:i + 3] == digits[i + 2:i + 5] for i in range(len(digits) - 4))


def _phone(number, code):
    """Its own one for each of the first ten million numbers."""
    for turn, (code, step) in enumerate(zip((code, *_SPARE_CODES), _STEPS)):
        phone = f"9{code}{(number + 4711 + 7919 * turn) * step % _SUBSCRIBERS:07d}"
        if not _looks_invented(phone):
            return f"+7{phone}"
    raise AssertionError(f"no phone for {number}")


def lead(number, vertical=None, seed=1, **more):
    """A good lead; the same number gives the same lead."""
    dice = random.Random(f"{seed}/{number}")
    vertical = vertical or ("microloan", "credit_card", "osago", "courses")[number % 4]
    fields = {"microloan": {"amount": 30000}, "credit_card": {"limit": 100000}, "osago": {"power_hp": 120},
              "courses": {"course": "C"}}[vertical]
    phone = _phone(number, dice.choice(_CODES))
    return {"vertical": vertical, "phone": phone, "email": f"lead{seed}.{number}@example{dice.randrange(50)}.ru",
            "first_name": dice.choice(_FIRST), "last_name": dice.choice(_LAST), "country": "RU", "city": "Москва",
            "sub1": f"s{dice.randrange(20)}", "click_id": f"c{number}", "filled_ms": 20000 + dice.randrange(60000),
            "honeypot": "", "language": "ru-RU", "os": "Android", "user_agent": "Mozilla/5.0 (Linux; Android 14)",
            "fields": fields, **more}


class Webmaster:
    def __init__(self, stack, connections=16):
        self.address = stack.collector
        self.keys = [key for name, key in stack.keys("webmaster").items() if name != SIGNED_ONLY]
        self.connections = connections
        self.acknowledged = {}  # idempotency key -> lead id
        self.refused = {}       # idempotency key -> (status, body): answers that a repeat will not change
        self.repeats = 0

    def send_all(self, leads, rate_per_s=None):
        """Sends all leads and comes back when each is acknowledged or refused for good."""
        asyncio.run(self._send_all(list(leads), rate_per_s))

    async def _send_all(self, leads, rate_per_s):
        queue, start = asyncio.Queue(), time.monotonic()
        for number, item in enumerate(leads):
            queue.put_nowait((number, item))
        await asyncio.gather(*(self._work(queue, start, rate_per_s) for _ in range(self.connections)))

    async def _work(self, queue, start, rate_per_s):
        connection = None
        while not queue.empty():
            number, item = queue.get_nowait()
            if rate_per_s:
                await asyncio.sleep(max(0, start + number / rate_per_s - time.monotonic()))
            key = f"k-{item['click_id']}"
            while True:
                try:
                    connection = connection or await asyncio.open_connection(*self.address)
                    status, headers, body = await asyncio.wait_for(self._post(connection, number, key, item), ANSWER_TIMEOUT_S)
                except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError):
                    connection, status = None, 0
                if status == 202:
                    self.acknowledged[key] = json.loads(body)["lead_id"]
                    break
                if status and status not in (429, 503):
                    self.refused[key] = (status, body)
                    break
                self.repeats += 1
                await asyncio.sleep(RETRY_PAUSE_S)
        if connection:
            connection[1].close()

    async def _post(self, connection, number, key, item):
        reader, writer = connection
        body = json.dumps(item, ensure_ascii=False).encode()
        head = (f"POST /v1/leads HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.keys[number % len(self.keys)]}\r\n"
                f"idempotency-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n")
        writer.write(head.encode() + body)
        await writer.drain()
        return await read_answer(reader)


async def read_answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return status, headers, body
