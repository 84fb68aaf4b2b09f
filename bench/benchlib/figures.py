"""Figures: medians over the runs, as an aligned table and as lines of JSON."""
import json
import os
import statistics
import time

from .lab import RESULTS

# Name of the figure -> (least or most, wanted). What has no row here is told and not judged.
TARGETS = {
    "collector, single lead": ("most", 14),
    "collector, lead in a batch of 100": ("most", 4),
    "collector, 202 at 2,000/s, p50": ("most", 3),
    "collector, 202 at 2,000/s, p99": ("most", 8),
    "collector, 10,000 idle connections": ("most", 64),
    "whole path, leads from 202 to credit": ("least", 10000),
    "filter-worker, CPU": ("most", 15),
    "filter-worker, Redis CPU": ("most", 12),
    "filter-worker, resident memory": ("most", 256),
    "filter-worker, 2 by one": ("most", 1.1),
    "filter-worker, 4 by one": ("most", 1.1),
    "filter-worker, 8 by one": ("most", 1.1),
    "filter-worker, verdicts put back": ("least", 50000),
    "decide among 1000 orders, read and written": ("most", 3000),
    "decide among 10000 orders, read and written": ("most", 4000),
    "decide among 100000 orders, read and written": ("most", 15000),
    "memory of an order, among 100,000": ("most", 1024),
    "memory of an open lead, its contact of 200 bytes included": ("most", 300),
    "changes of orders, among 100,000": ("least", 50000),
    "snapshot of a large market, decisions stand still": ("most", 10),
    "snapshot of a large market, read back": ("most", 5),
    "replay, verdicts on one core": ("least", 150000),
    "replay, decisions on one core": ("least", 250000),
    "replay, lives on one core": ("least", 50000),
    "replay, lives of four times as many": ("most", 1.2),
    "judge, leads a second of CPU": ("least", 30000),
    "claims, memory of one": ("most", 64),
    "credits settled, SQLite": ("least", 150000),
    "credits settled, PostgreSQL": ("least", 40000),
    "a statement as CSV": ("most", 5),
    "a statement as a page": ("most", 5),
    "an advertiser's list reconciled": ("most", 15),
    "webhooks, one core": ("least", 4000),
    "trace by id, median": ("most", 300),
    "trace by id, slowest": ("most", 300),
    "webhooks, p99 moves by": ("most", 20),
}


def _number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


class Figures:
    def __init__(self, runs):
        self.runs, self.values, self.floors, self.units, self.shown = runs, {}, {}, {}, set()
        self.missed = []
        RESULTS.parent.mkdir(parents=True, exist_ok=True)

    def add(self, name, value, unit, floor=None):
        self.units[name] = unit
        self.values.setdefault(name, []).append(value)
        if floor is not None:
            self.floors.setdefault(name, []).append(floor)

    def show(self):
        """Prints and records what was not shown yet."""
        for name, values in self.values.items():
            if name in self.shown:
                continue
            self.shown.add(name)
            value = statistics.median(values)
            floor = statistics.median(self.floors[name]) if name in self.floors else None
            self._print(name, value, floor)
            self._record(name, values, value, floor)

    def _print(self, name, value, floor):
        line = f"{name:<46}{_number(value):>10} {self.units[name]:<12}"
        line += f"floor {_number(floor):>9}  x{value / floor:<7.2f}" if floor else " " * 26
        if name in TARGETS:
            kind, wanted = TARGETS[name]
            met = value <= wanted if kind == "most" else value >= wanted
            line += f"{'at most' if kind == 'most' else 'at least'} {wanted:,}: {'met' if met else 'MISSED'}"
            if not met:
                self.missed.append(name)
        print(line.rstrip(), flush=True)

    def _record(self, name, values, value, floor):
        row = {"at": round(time.time()), "name": name, "unit": self.units[name], "median": value, "runs": values,
               "load": os.getloadavg()[0]}
        if floor is not None:
            row.update(floor=floor, floors=self.floors[name])
        if name in TARGETS:
            row["target"] = list(TARGETS[name])
        with open(RESULTS, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
