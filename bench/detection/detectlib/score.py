"""From labels and verdicts to shares with their intervals. Counts are added up over seeds; shares are made at the end."""
import math
from collections import Counter, namedtuple

from .kinds import BOTS, CLASSES, DUPLICATES, FRAUD, HONEST

Z = 1.959964   # of 95 %
Share = namedtuple("Share", "part whole value low high")
Target = namedtuple("Target", "name share wanted met note")


def wilson(part, whole):
    """A share with its 95 % interval after Wilson; of nothing nothing is known."""
    if whole == 0:
        return Share(part, whole, math.nan, 0.0, 1.0)
    p, n = part / whole, whole
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return Share(part, whole, p, max(0.0, middle - half), min(1.0, middle + half))


class Tally:
    """How many leads of each kind there were, and what became of them."""

    def __init__(self):
        self.leads, self.rejected, self.held, self.reasons = Counter(), Counter(), Counter(), {}

    def count(self, kind, verdict):
        self.leads[kind] += 1
        self.rejected[kind] += verdict["verdict"] == "rejected"
        self.held[kind] += verdict["verdict"] == "quarantined"
        self.reasons.setdefault(kind, Counter()).update(verdict["reasons"])

    def add(self, other):
        self.leads += other.leads
        self.rejected += other.rejected
        self.held += other.held
        for kind, reasons in other.reasons.items():
            self.reasons.setdefault(kind, Counter()).update(reasons)

    def _sum(self, counter, kinds):
        return sum(counter[kind] for kind in kinds)

    def stopped(self, kinds):
        """Of fraud: rejected, or held for an operator."""
        return wilson(self._sum(self.rejected, kinds) + self._sum(self.held, kinds), self._sum(self.leads, kinds))

    def turned_away(self, kinds):
        """Of honest people: rejected. What an operator will look at is not lost."""
        return wilson(self._sum(self.rejected, kinds), self._sum(self.leads, kinds))

    def precision(self):
        """Of what was stopped, how much was fraud. Repeats count on neither side."""
        fraud, honest = self.stopped(FRAUD).part, self.stopped(HONEST).part
        return wilson(fraud, fraud + honest)

    def of_class(self, name):
        return sum(count for kind, count in self.leads.items() if CLASSES[kind] == name)


def tally(labels, verdicts):
    found = Tally()
    assert len(labels) == len(verdicts), "a verdict a lead"
    for (kind, _), verdict in zip(labels, verdicts):
        found.count(kind, verdict)
    return found


def targets(t):
    """What the filters are to reach, and whether they do."""
    honest, all_fraud = t.turned_away(HONEST), t.stopped(FRAUD)
    found = [Target("honest people turned away", honest, "at most 0.5 %", honest.value <= 0.005, "")]
    groups = sorted(((t.turned_away([kind]), kind) for kind in HONEST if t.leads[kind]), key=lambda g: -g[0].value)
    over = [kind for share, kind in groups if share.value > 0.01]
    found.append(Target("the worst honest group", groups[0][0], "at most 1 %", not over, ", ".join(over) or groups[0][1]))
    for name, kinds in (("duplicates stopped", DUPLICATES), ("bots stopped", BOTS)):
        share = t.stopped(kinds)
        found.append(Target(name, share, "at least 99 %", share.value >= 0.99, ", ".join(kinds)))
    found.append(Target("all fraud stopped", all_fraud, "at least 90 %", all_fraud.value >= 0.90, ""))
    return found
