"""Several weeks of a network's leads, in order of receipt, and what each of them is. The seed decides everything."""
import copy
from bisect import bisect_left
from collections import namedtuple

from . import kinds
from .dice import Dice, running_sums
from .lead import DAY_MS, line_of, make_lead
from .people import People
from .sites import Sites
from .tables import Tables

START_MS = 1_788_739_200_000   # a Monday, 2026-09-07, midnight UTC
WEEKS = 4
# Leads by the hour of the day, UTC: mornings in the east come early.
_HOURS = running_sums((14, 18, 26, 36, 48, 60, 70, 76, 78, 76, 74, 72, 70, 70, 72, 74, 74, 70, 60, 46, 32, 20, 14, 12))

Given = namedtuple("Given", "at_ms line kind site")
Known = namedtuple("Known", "at_ms person site vertical")
_tables = None


def tables():
    global _tables
    _tables = _tables or Tables()
    return _tables


class Traffic:
    def __init__(self, seed, leads):
        self.dice, self.tables, self.leads = Dice(seed), tables(), leads
        self.people = People(self.dice, self.tables, max(60, leads // 60))
        self.sites = Sites(self.dice, WEEKS)
        self.sites.retracked.per_click_from_ms = START_MS + 6 * DAY_MS + self.dice.below(4 * DAY_MS)
        self.given, self._known, self._starts = [], [], None
        self._hot = [self.tables.address(self.dice, "mobile")[0] for _ in range(200)]
        self._kiosks = [(self.dice.hex(16), self.tables.address(self.dice, "home", "RU")[0], self.dice.pick(self.tables.agents["Android"]),
                         self.sites.good(self.dice, 0)) for _ in range(max(2, leads // 20000))]
        self.exits = {kind: [self.tables.address(self.dice, kind)[0] for _ in range(12)] for kind in ("hosting", "vpn")}
        rented = max(8, leads // 4000)
        self.rented_phones = self.dice.sample(self.tables.public_phones, rented // 2)
        self.rented_phones += [self.people.phone() for _ in range(rented - rented // 2)]
        self._play()

    # --- what the kinds ask for ---

    def week(self, at_ms):
        return max(0, min(WEEKS - 1, (at_ms - START_MS) // (7 * DAY_MS)))

    def late(self, at_ms):
        """0 in the first week, 1 in the last: habits change in between."""
        return self.week(at_ms) / (WEEKS - 1)

    def give(self, at_ms, lead, kind):
        self.given.append(Given(at_ms, line_of(lead), kind, lead["aff_id"]))

    def lead(self, at_ms, person, site, vertical, way):
        return make_lead(self.dice, site, person, vertical, at_ms, way)

    def remember(self, at_ms, person, site, vertical):
        self._known.append(Known(at_ms, person, site, vertical))

    def sized(self, leads):
        """About so many; in a short play a crowd is smaller."""
        most = max(4, self.leads // 150)
        return max(3, min(most, int(self.dice.lognormal(leads, 0.35))))

    def copy(self, person):
        return copy.copy(person)

    def hot_address(self, at_ms):
        """A dozen people a day on each, as many as there are leads for."""
        wanted = max(1, int(self.leads * kinds.HONEST["carrier_nat"][0] / (7 * WEEKS * 12)))
        return self._hot[((at_ms // DAY_MS) * 7 + self.dice.below(wanted)) % len(self._hot)]

    def kiosk(self, at_ms):
        return self.dice.pick(self._kiosks)

    def victim(self, at_ms, within_ms=30 * DAY_MS, domain=None):
        """An honest person who was there before that moment; None: nobody was."""
        first, end = bisect_left(self._starts, at_ms - within_ms), bisect_left(self._starts, at_ms - 1)
        for _ in range(40 if first < end else 0):
            old = self._known[first + self.dice.below(end - first)]
            if old.person.phone and not old.site.bare and (not domain or
                                                           (old.person.email.endswith(domain) and old.site.asks_email)):
                return old
        return None

    def bad_site(self, at_ms, able):
        """One whose form is able to do that."""
        while True:
            site = self.sites.bad(self.dice, self.week(at_ms))
            if getattr(site, able):
                return site

    # --- the play ---

    def _moment(self, weeks):
        week = self.dice.weighted(weeks, range(WEEKS))
        hour = self.dice.weighted(_HOURS, range(24))
        return START_MS + (week * 7 + self.dice.below(7)) * DAY_MS + hour * 3_600_000 + self.dice.below(3_600_000)

    def _occasions(self, table, weeks_of):
        """(moment, kind) of every occasion of the kinds in the table, in order of time."""
        whole = sum(share for part in (kinds.HONEST, kinds.REPEATS, kinds.FRAUD) for share, _ in part.values())
        # What a repeat repeats is a plain lead, and counts, too.
        whole += sum(share / size for share, size in kinds.REPEATS.values())
        found = []
        for kind, (share, size) in table.items():
            weeks = weeks_of()
            room = max(4, self.leads // 150)
            count = max(1, round(self.leads * share / whole / min(size, room)))
            found += [(self._moment(weeks), kind) for _ in range(count)]
        return sorted(found)

    def _drift(self):
        """A kind is in fashion in some weeks, and hardly seen in others."""
        level, weights = 1.0, []
        for _ in range(WEEKS):
            weights.append(level)
            level *= self.dice.lognormal(1.0, 0.4)
        return running_sums(weights)

    def _play(self):
        steady = running_sums([1.0, 1.02, 1.04, 1.06][:WEEKS])
        for table, weeks_of in (({**kinds.HONEST, **kinds.REPEATS}, lambda: steady), (kinds.FRAUD, self._drift)):
            for at_ms, kind in self._occasions(table, weeks_of):
                kinds.occasion(kind)(self, at_ms)
            self._known.sort(key=lambda known: known.at_ms)
            self._starts = [known.at_ms for known in self._known]
        self.given.sort(key=lambda given: given.at_ms)   # stable: equal moments stay in the order of the play


def write(seed, leads, folder):
    """Writes leads.ndjson and labels.tsv there; the labels are returned: (kind, webmaster) for each line."""
    traffic = Traffic(seed, leads)
    labels = [(given.kind, given.site) for given in traffic.given]
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "leads.ndjson", "w", encoding="utf-8") as out:
        out.writelines(given.line + "\n" for given in traffic.given)
    with open(folder / "labels.tsv", "w", encoding="utf-8") as out:
        out.writelines(f"{kinds.CLASSES[kind]}\t{kind}\t{site}\n" for kind, site in labels)
    return labels
