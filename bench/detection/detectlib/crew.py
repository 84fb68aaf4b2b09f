"""A crew: one fraudster at work for one webmaster, with a tool of some quality. What a kind is named after is its main sign;
a crude tool leaves others beside it, a careful one leaves none."""
from .lead import Way
from .tables import translit

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Crew:
    def __init__(self, t, at_ms, site=None):
        dice, late = t.dice, t.late(at_ms)
        self.t, self.dice = t, dice
        self.site = site or t.sites.bad(dice, t.week(at_ms))
        self.vertical = dice.pick(self.site.verticals)
        # Tools get better from week to week.
        n = dice.random()
        self.skill = "crude" if n < 0.5 - 0.2 * late else "medium" if n < 0.8 - 0.1 * late else "careful"
        odds = {"crude": 1.0, "medium": 0.45, "careful": 0.0}[self.skill]
        self.net = dice.pick(("hosting", "hosting", "vpn")) if dice.chance(0.35 * odds) else dice.pick(("home", "home", "mobile"))
        self.hurries, self.pastes = dice.chance(0.45 * odds), dice.chance(0.35 * odds)
        self.short_click, self.wrong_system = dice.chance(0.45 * odds), dice.chance(0.25 * odds)
        self.random_mail, self.blind_names = dice.chance(0.3 * odds), dice.chance(0.2 * odds)
        self.own_sub = f"{dice.pick(('t', 'src', 'x'))}{dice.below(1000)}"

    def person(self):
        """Somebody whose data were bought, or made up with care."""
        dice, p = self.dice, self.t.people.person("RU")
        if self.net in ("hosting", "vpn"):
            p.ip = self.t.tables.address(dice, self.net)[0]
        elif self.net == "home":
            p.ip = self.t.tables.address(dice, "home", "RU")[0]
        if self.random_mail:
            p.email = "".join(dice.pick(_LETTERS) for _ in range(dice.between(7, 12))) + dice.pick(("@mail.ru", "@gmail.com"))
        if self.blind_names:
            p.patronymic = dice.pick(self.t.tables.patronymic["ru", "m" if p.sex == "f" else "f"])
        return p

    def way(self):
        dice, way = self.dice, Way(self.dice, self.site)
        way.bare, way.sub1 = False, self.own_sub if dice.chance(0.7) else None
        if self.hurries:
            way.filled_ms = dice.between(2100, 4900)
        way.click_ago_ms = way.filled_ms + (dice.between(500, 8000) if self.short_click else 3000 + int(dice.exponential(30_000)))
        if self.pastes and way.focused is not None:
            way.focused, way.pasted = [], ["phone", "email", "name", "first_name", "last_name", "middle_name"]
        if self.wrong_system:
            way.os = dice.pick(("Windows", "Android", "iOS"))
        return way

    def give(self, at_ms, kind, person, way=None, site=None, vertical=None, change=None):
        lead = self.t.lead(at_ms, person, site or self.site, vertical or self.vertical, way or self.way())
        if change:
            change(lead)
        self.t.give(at_ms, lead, kind)


def dotted(dice, email):
    """Another spelling of one mailbox, where the provider takes both."""
    local, domain = email.split("@")
    plain = local.split("+")[0]
    if domain == "gmail.com" and dice.chance(0.6) and len(plain) > 3:
        at = dice.between(1, len(plain) - 1)
        other = plain[:at].rstrip(".") + "." + plain[at:].lstrip(".")
        if other != plain:
            return f"{other}@{domain}"
    return f"{plain}+{dice.pick(('a', 'new', '1', '22', 'ok'))}{dice.below(100)}@{domain}"


def misspelled(dice, text):
    """One letter doubled, lost or exchanged."""
    if len(text) < 4:
        return text
    at = dice.between(1, len(text) - 2)
    return dice.pick((text[:at] + text[at] + text[at:], text[:at] + text[at + 1:], text[:at] + text[at + 1] + text[at] + text[at + 2:]))


def gibberish(dice, cyrillic):
    rows = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю") if cyrillic else ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    if dice.chance(0.45):          # a hand that slides along a row
        row = dice.pick(rows)
        at = dice.below(len(row) - 4)
        return (row[at:at + dice.between(4, 7)] * dice.pick((1, 1, 2))).capitalize()
    letters = "".join(rows)
    return "".join(dice.pick(letters) for _ in range(dice.between(6, 11))).capitalize()


_ALIKE = str.maketrans("аеорсухАВЕКМНОРСТХ", "aeopcyxABEKMHOPCTX")


def lookalike(dice, text):
    """Some of the letters from the other alphabet."""
    out = "".join(c.translate(_ALIKE) if dice.chance(0.5) else c for c in text)
    return out if out != text else text.translate(_ALIKE)


def latin_mail(person, dice, domain):
    return f"{translit(person.first) or 'x'}{dice.digits(4)}@{domain}"
