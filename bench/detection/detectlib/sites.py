"""The network's webmasters: how much each sends, how good it is, and what its form is able to report."""
from .dice import running_sums

VERTICALS = ("microloan", "credit_card", "osago", "courses")
_VERTICAL_SUMS = running_sums((40, 30, 20, 10))
QUALITIES = ("good", "mixed", "bad", "farm")
_CAMPAIGNS = ("teaser", "search", "mail", "retarget", "story", "brand")
_PAGES = {"good": ("blog", "review", "forum", "video"), "mixed": ("teaser", "context", "coupon"), "bad": ("banner", "push"),
          "farm": ("landing",)}
SITES = 60


class Site:
    """One webmaster and its form."""

    def __init__(self, dice, number, quality):
        self.id, self.quality = f"w{number:02d}", quality
        self.page = f"https://{dice.pick(_PAGES[quality])}-{number:02d}.example/{dice.pick(('lp', 'offer', 'best', 'go'))}"
        self.weight = dice.lognormal({"good": 1.0, "mixed": 1.2, "bad": 0.9, "farm": 0.5}[quality], 0.7)
        self.joined_week, self.left_week = 0, 99
        self.verticals = [VERTICALS[i] for i in sorted(dice.sample(range(4), dice.between(1, 3)))]
        self.vertical_sums = running_sums([(40, 30, 20, 10)[VERTICALS.index(v)] for v in self.verticals])
        self.consent_text = dice.hex(64)
        self.subs = [f"{dice.pick(_CAMPAIGNS)}-{n}" for n in range(dice.between(2, 24))]
        # What the form reports; leaner forms report less.
        self.reports_focus, self.has_honeypot = dice.chance(0.6), dice.chance(0.7)
        self.reports_device, self.asks_consent = dice.chance(0.7), dice.chance(0.85)
        self.splits_name, self.asks_email = dice.chance(0.55), dice.chance(0.85)
        self.bare = quality == "good" and dice.chance(0.06)   # a server of its own posts the contact, and knows no browser
        self.per_click_from_ms = None         # from then on the tracker makes a sub-id of every click

    def makes_sub_per_click(self, at_ms):
        return self.per_click_from_ms is not None and at_ms >= self.per_click_from_ms

    def is_open(self, week):
        return self.joined_week <= week < self.left_week

    def vertical(self, dice):
        return dice.weighted(self.vertical_sums, self.verticals)


class Sites:
    """All of them, and who brings an honest lead, or a bad one, in which week."""

    def __init__(self, dice, weeks):
        shares = ["good"] * 36 + ["mixed"] * 14 + ["bad"] * 7 + ["farm"] * 3
        self.all = [Site(dice, number + 1, quality) for number, quality in enumerate(shares)]
        for site in dice.sample(self.all[:50], 8):
            site.joined_week = dice.between(0, max(0, weeks - 2))
        for site in self.all[57:]:            # farms come, are thrown out, and come again under another name
            site.joined_week = dice.below(max(1, weeks - 1))
            site.left_week = site.joined_week + 2
        self.all[57].joined_week, self.all[57].left_week = 0, 99
        self.per_click = self.all[5]
        self.per_click.per_click_from_ms, self.per_click.joined_week, self.per_click.weight = 0, 0, 2.0
        self.retracked = self.all[8]
        self.retracked.joined_week, self.retracked.bare = 0, False
        self._honest, self._bad = [], []
        for week in range(weeks):
            self._honest.append(self._week(week, {"good": 1.0, "mixed": 0.8, "bad": 0.3, "farm": 0.08}))
            self._bad.append(self._week(week, {"good": 0.04, "mixed": 0.45, "bad": 1.6, "farm": 4.0}))
        self._by_vertical = {v: [s for s in self.all[:50] if v in s.verticals and s.joined_week == 0] for v in VERTICALS}

    def _week(self, week, factors):
        found = [site for site in self.all if site.is_open(week)]
        return running_sums([site.weight * factors[site.quality] for site in found]), found

    def honest(self, dice, week):
        return dice.weighted(*self._honest[week])

    def bad(self, dice, week):
        return dice.weighted(*self._bad[week])

    def good(self, dice, week):
        """A large one that is honest: television, kiosks."""
        while True:
            site = self.honest(dice, week)
            if site.quality == "good" and not site.bare:
                return site

    def other(self, dice, vertical, than):
        """Another one for that vertical; every vertical has several."""
        found = [site for site in self._by_vertical[vertical] if site is not than]
        return dice.pick(found or self.all[:50])
