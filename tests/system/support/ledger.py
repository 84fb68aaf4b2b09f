"""Reads the ledger as anyone with a database client could: SQLite or PostgreSQL, through their Python drivers."""
import sqlite3
import uuid
from dataclasses import dataclass, field

EVENTS = {1: "delivered", 2: "approved", 3: "returned", 4: "borne"}


@dataclass
class Transfer:
    id: tuple
    lead_id: str
    round: int
    event: str
    at_ms: int
    order_id: str
    entries: list = field(default_factory=list)  # (account, amount, currency); debits positive


@dataclass
class Ledger:
    transfers: dict
    balances: dict  # (account, currency) -> amount
    outbox: int
    lives: dict     # (lead, round) -> state


def _rows(url):
    if url.startswith("sqlite:"):
        connection = sqlite3.connect(f"file:{url.removeprefix('sqlite:')}?mode=ro", uri=True, timeout=30, isolation_level=None)
        connection.execute("BEGIN")
    else:
        import psycopg
        connection = psycopg.connect(url)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with connection:  # one view of all tables: payout may be writing
        cursor = connection.cursor()
        for query in ("SELECT lead_id, round, event, at_ms, order_id FROM transfers",
                      "SELECT lead_id, round, event, account, amount, currency FROM books",
                      "SELECT account, currency, balance FROM balances",
                      "SELECT COUNT(*) FROM outbox",
                      "SELECT lead_id, round, state FROM lives"):
            cursor.execute(query)
            yield cursor.fetchall()
    connection.close()


def read_ledger(url):
    transfers, books, balances, outbox, lives = _rows(url)
    ledger = Ledger(transfers={}, balances={}, outbox=outbox[0][0], lives={})
    for lead, number, event, at_ms, order in transfers:
        key = (bytes(lead), number, event)
        ledger.transfers[key] = Transfer(key, str(uuid.UUID(bytes=bytes(lead))), number, EVENTS.get(event, f"operation {event}"), at_ms, order)
    for lead, number, event, account, amount, currency in books:
        ledger.transfers[(bytes(lead), number, event)].entries.append((account, amount, currency))
    ledger.balances = {(account, currency): balance for account, currency, balance in balances}
    ledger.lives = {(str(uuid.UUID(bytes=bytes(lead))), number): state for lead, number, state in lives}
    return ledger


def _view(url):
    """A connection that sees all tables as of one moment, and a cursor that does not fetch a table at once."""
    if url.startswith("sqlite:"):
        connection = sqlite3.connect(f"file:{url.removeprefix('sqlite:')}?mode=ro", uri=True, timeout=30, isolation_level=None)
        connection.execute("BEGIN")
        return connection, connection.execute
    import psycopg
    connection = psycopg.connect(url)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def rows(query):
        cursor = connection.cursor(name="checker")
        cursor.itersize = 10000
        cursor.execute(query)
        yield from cursor
        cursor.close()
    return connection, rows


def stream_ledger(url):
    """("entry", lead, round, event, account, amount, currency), ("balance", account, currency, amount) and ("outbox", rows)."""
    connection, rows = _view(url)
    try:
        for kind, query in (("entry", "SELECT lead_id, round, event, account, amount, currency FROM books"),
                            ("balance", "SELECT account, currency, balance FROM balances"),
                            ("outbox", "SELECT COUNT(*) FROM outbox")):
            for row in rows(query):
                yield kind, *row
    finally:
        connection.close()
