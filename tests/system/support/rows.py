"""Rows about leads, on disk, cut into buckets by lead: what does not fit in memory at once is looked at bucket by bucket.

Several writers may each have a folder; a bucket is the rows of all folders whose lead falls into it. A row is a tuple of
plain values, the lead's id first. The files are read by the same Python that wrote them, minutes later."""
import marshal
import zlib
from collections import defaultdict
from pathlib import Path

ROWS_AT_ONCE = 20000  # in memory, of all buckets together, before they are written


def bucket_of(key, buckets):
    return zlib.crc32(key) % buckets


class Rows:
    def __init__(self, folder, buckets):
        self.folder, self.buckets = Path(folder), buckets
        self.folder.mkdir(parents=True, exist_ok=True)
        self.waiting, self.count = defaultdict(list), 0

    def put(self, key, *values):
        """key: bytes, by which the bucket is chosen."""
        self.waiting[bucket_of(key, self.buckets)].append((key, *values))
        self.count += 1
        if self.count % ROWS_AT_ONCE == 0:
            self.flush()

    def flush(self):
        for number, rows in self.waiting.items():
            with open(self.folder / str(number), "ab") as file:
                marshal.dump(rows, file)
        self.waiting.clear()


def read_bucket(folders, number):
    """{key: [row without its key]} of one bucket of all these folders."""
    found = defaultdict(list)
    for folder in folders:
        path = Path(folder) / str(number)
        if not path.exists():
            continue
        with open(path, "rb") as file:
            while True:
                try:
                    rows = marshal.load(file)
                except EOFError:
                    break
                for row in rows:
                    found[row[0]].append(row[1:])
    return found
