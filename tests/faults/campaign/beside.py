"""What goes on beside the campaign, in a thread of its own."""
import threading

CLOSE_TIMEOUT_S = 10


class Beside:
    """_run() until `over` is set. A subclass has all that _run() needs before it calls begin()."""

    def begin(self):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.over.set()
        self.thread.join(CLOSE_TIMEOUT_S)
