"""A TCP proxy between the services and an engine: its connections can be cut, made slow or late, refused, and led elsewhere."""
import asyncio
import threading

CHUNK = 64 * 1024
PIECE_MIN, PIECE_S = 512, 0.004
OVERSLEPT_S = 0.005  # a sleep takes a millisecond too long: so much is made up for, or small pieces would pass more slowly


class Proxy:
    """`target` is the port behind it. Everything may be changed from any thread while it runs."""

    def __init__(self, port, target):
        self.port, self.target = port, target
        self.refusing, self.delay_s, self.bytes_per_s = False, 0.0, 0
        self.pairs, self.cuts = set(), 0
        self.loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError(f"the proxy on port {port} did not start")

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)

    def cut(self):
        """Resets every connection; returns how many there were. New ones are taken at once unless `refusing`."""
        async def now():
            count = len(self.pairs)
            for pair in list(self.pairs):
                for writer in pair:
                    writer.transport.abort()
            self.cuts += count
            return count
        return asyncio.run_coroutine_threadsafe(now(), self.loop).result(10)

    def lead_to(self, target):
        """From now on behind it is another server; nobody stays with the old one."""
        self.target = target
        self.cut()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=512))
        self._ready.set()
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        if self.refusing:
            writer.transport.abort()
            return
        try:
            behind = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, behind[1])
        self.pairs.add(pair)
        try:
            await asyncio.gather(self._carry(reader, behind[1]), self._carry(behind[0], writer))
        finally:
            self.pairs.discard(pair)
            for one in pair:
                one.close()

    def _piece(self):
        """What is slow is slow evenly: so much at a time as passes in PIECE_S."""
        return min(CHUNK, max(PIECE_MIN, int(self.bytes_per_s * PIECE_S))) if self.bytes_per_s else CHUNK

    async def _carry(self, reader, writer):
        passed_at = 0.0
        try:
            while data := await reader.read(self._piece()):
                if self.bytes_per_s:
                    passed_at = max(passed_at, self.loop.time() - OVERSLEPT_S) + len(data) / self.bytes_per_s
                wait_s = self.delay_s + max(passed_at - self.loop.time(), 0.0)
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                writer.write(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        except (ConnectionError, OSError):
            writer.transport.abort()
