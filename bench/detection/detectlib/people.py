"""Persons: names, phones, mailboxes, and where and on what they sit. Honest ones are made here; fraud borrows or bends them."""
from .tables import RARE_FIRST, RARE_LAST, translit

_CODES = ("900", "901", "902", "903", "904", "905", "906", "908", "909", "910", "911", "912", "913", "914", "915", "916", "917", "918",
          "919", "920", "921", "922", "923", "924", "925", "926", "927", "928", "929", "930", "937", "938", "950", "951", "952", "953",
          "960", "961", "962", "963", "964", "965", "967", "968", "980", "981", "982", "983", "985", "987", "988", "989", "996", "999")
_MAIL = ("mail.ru", "mail.ru", "mail.ru", "yandex.ru", "yandex.ru", "gmail.com", "gmail.com", "gmail.com", "bk.ru", "list.ru",
         "inbox.ru", "rambler.ru", "icloud.com", "outlook.com", "ya.ru")
_SYSTEMS = ("Android", "Android", "Android", "Android", "Android", "iOS", "iOS", "iOS", "Windows", "Windows", "macOS")
_IN_APP = (" [FBAN/FBIOS;FBAV/450.0.0.38.109;]", " Instagram 320.0.0.42.101", " VKAndroidApp/8.60-19450")


class Person:
    __slots__ = ("sex", "first", "last", "patronymic", "phone", "email", "city", "postal", "country", "ip", "mobile", "system", "agent",
                 "device", "language", "age")


class People:
    """Nobody has another's phone or mailbox, unless somebody makes it so."""

    def __init__(self, dice, tables, mobile_addresses):
        self.dice, self.tables = dice, tables
        self._phones, self._mailboxes = set(), set()
        # Behind a carrier's NAT many people have one address, and it goes from hand to hand.
        self.mobile = [tables.address(dice, "mobile")[0] for _ in range(mobile_addresses)]

    def phone(self, country="RU"):
        dice = self.dice
        while True:
            if country == "RU":
                phone = "+7" + dice.pick(_CODES) + dice.digits(7)
            elif country == "KZ":
                phone = "+7" + dice.pick(("701", "702", "705", "707", "747", "777")) + dice.digits(7)
            else:
                phone = "+375" + dice.pick(("29", "33", "44")) + dice.pick("123456789") + dice.digits(6)
            if self.is_new(phone):
                return phone

    def is_new(self, phone):
        known = phone in self._phones
        self._phones.add(phone)
        return not known

    def email(self, first, last, domain=None):
        dice = self.dice
        while True:
            a, b = translit(first) or "user", translit(last) or "x"
            n = dice.below(5)
            local = (f"{a}.{b}", f"{b}.{a}{dice.below(100)}", f"{a}{dice.between(1960, 2006)}", f"{a[0]}.{b}{dice.below(1000)}",
                     f"{b}_{dice.between(10, 99)}")[n]
            email = f"{local[:40]}@{domain or dice.pick(_MAIL)}"
            key = email.replace(".", "")
            if key not in self._mailboxes:
                self._mailboxes.add(key)
                return email
            domain = domain or dice.pick(_MAIL)
            first = first + dice.digits(3)

    def person(self, country=None):
        dice, tables, p = self.dice, self.tables, Person()
        p.country = country or ("RU" if dice.chance(0.95) else dice.pick(("KZ", "KZ", "BY")))
        p.sex = "m" if dice.chance(0.52) else "f"
        p.first, p.last = dice.pick(tables.first["ru", p.sex]), dice.pick(tables.last["ru", p.sex])
        p.patronymic = dice.pick(tables.patronymic["ru", p.sex])
        p.phone = self.phone(p.country)
        p.email = self.email(p.first, p.last)
        p.city, p.postal = dice.pick(tables.cities["ru"]), f"{dice.between(101, 690)}{dice.digits(3)}"
        p.age = dice.between(18, 70)
        self.settle(p)
        return p

    def settle(self, p):
        """An address and a device of its own."""
        dice = self.dice
        p.mobile = p.country == "RU" and dice.chance(0.45)
        p.ip = dice.pick(self.mobile) if p.mobile else self.tables.address(dice, "home", p.country)[0]
        p.system = dice.pick(_SYSTEMS[:8]) if p.mobile else dice.pick(_SYSTEMS)
        p.agent = dice.pick(self.tables.agents[p.system])
        p.device, p.language = dice.hex(16), "ru-RU"

    def rare_name(self, p):
        dice, kind = self.dice, self.dice.below(4)
        if kind == 0:          # written in Latin letters, as in the passport
            p.first, p.last, p.patronymic = translit(p.first).title(), translit(p.last).title(), ""
        elif kind == 1:
            p.first, p.last = dice.pick(self.tables.first["en", p.sex]), dice.pick(self.tables.last["en", p.sex])
            p.patronymic = ""
        else:
            p.first, p.last, p.patronymic = dice.pick(RARE_FIRST[p.sex]), dice.pick(RARE_LAST), ""
        p.email = self.email(p.first, p.last)

    def in_app(self, p):
        p.system = self.dice.pick(("Android", "iOS"))
        p.agent = self.dice.pick(self.tables.agents[p.system]) + self.dice.pick(_IN_APP)


def spelled_phone(dice, phone):
    """The same number as people type it."""
    if not phone.startswith("+7") or len(phone) != 12:
        return phone
    a, b, c, d = phone[2:5], phone[5:8], phone[8:10], phone[10:]
    return dice.pick((phone, phone, f"8{a}{b}{c}{d}", f"+7 {a} {b}-{c}-{d}", f"8 ({a}) {b}-{c}-{d}", f"7{a}{b}{c}{d}",
                      f"+7({a}){b}{c}{d}"))


def typed_name(dice, text):
    """One in ten does not care for capitals."""
    n = dice.random()
    return text if n > 0.1 else text.lower() if n > 0.04 else text.upper() if n > 0.02 else text + " "
