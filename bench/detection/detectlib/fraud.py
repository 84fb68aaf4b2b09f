"""Fraud, kind by kind. As in honest.py a kind is a function that plays one occasion; `t.sized(n)` leads make a long one."""
from .crew import Crew, dotted, gibberish, latin_mail, lookalike, misspelled
from .lead import DAY_MS
from .sites import VERTICALS

MIN_MS, HOUR_MS = 60_000, 3_600_000
DISPOSABLE = ("mailinator.com", "guerrillamail.com", "10minutemail.com", "yopmail.com", "trashmail.com", "sharklasers.com", "temp-mail.org",
              "getnada.com", "dispostable.com", "maildrop.cc", "mohmal.com", "throwawaymail.com", "fakeinbox.com", "mailnesia.com",
              "mintemail.com", "spamgourmet.com", "tempail.com", "emailondeck.com", "mytemp.email", "tempmail.net", "mailcatch.com",
              "discard.email", "spambog.com", "jetable.org", "mailexpire.com", "tempinbox.com", "grr.la", "guerrillamail.info",
              "moakt.com", "tempr.email", "dropmail.me", "33mail.com", "burnermail.io", "trbvm.com", "mailpoof.com")
AGENTS = ("python-requests/2.31.0", "curl/8.5.0", "Go-http-client/2.0", "okhttp/4.12.0", "Wget/1.21.4", "Java/17.0.9",
          "Scrapy/2.11 (+https://scrapy.example)", "axios/1.6.2", "node-fetch/1.0", "PostmanRuntime/7.36.0", "aiohttp/3.9.1",
          "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.6099.109 Safari/537.36",
          "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1")
NONSENSE = (("Тест", "Тестов"), ("test", "test"), ("Хуй", "Вам"), ("Пошел", "Нахуй"), ("Asdf", "Qwerty"), ("Иди", "Лесом"), ("Нет", "Имени"),
            ("Fuck", "Off"), ("Аноним", "Анонимов"), ("Проверка", "Связи"), ("Имя", "Фамилия"), ("admin", "admin"), ("Вася", "Пупкин"),
            ("Какая", "Разница"), ("Бот", "Ботов"), ("lol", "kek"), ("Жопа", "Жопа"), ("Никто", "Никак"), ("Ааа", "Ббб"), ("хз", "хз"))


# --- the same person again ---

def exact_duplicate(t, at_ms):
    """The data of a lead that was sold, sent again days later, as another visit."""
    old = t.victim(at_ms)
    if old:
        crew = Crew(t, at_ms, site=old.site)
        crew.give(at_ms, "exact_duplicate", old.person, vertical=old.vertical)


def respelled_duplicate(t, at_ms):
    old = t.victim(at_ms)
    if not old:
        return
    crew, p = Crew(t, at_ms), t.copy(old.person)
    p.email = dotted(t.dice, p.email) if p.email else ""
    p.first = misspelled(t.dice, p.first) if t.dice.chance(0.4) else p.first
    if t.dice.chance(0.5):
        t.people.settle(p)
    crew.give(at_ms, "respelled_duplicate", p, vertical=old.vertical)


def respelled_mailbox(t, at_ms):
    """The same mailbox in another spelling, and an invented phone, on the same day."""
    old = t.victim(at_ms, within_ms=20 * HOUR_MS, domain="gmail.com")
    if not old:
        return
    crew, p = Crew(t, at_ms, site=t.bad_site(at_ms, "asks_email")), t.copy(old.person)
    p.email, p.phone = dotted(t.dice, p.email), t.people.phone()
    crew.give(at_ms, "respelled_mailbox", p, vertical=old.vertical)


def resold(t, at_ms):
    """Within minutes the same person comes through another webmaster, mostly for another product. Later it takes longer."""
    old = t.victim(at_ms, within_ms=6 * HOUR_MS)
    if not old:
        return
    dice, late = t.dice, t.late(at_ms)
    at_ms = old.at_ms + int(dice.between(1, 12) * MIN_MS * (1 + 2 * late))
    crew = Crew(t, at_ms, site=t.sites.bad(dice, t.week(at_ms)))
    if crew.site is old.site:
        crew.site = t.sites.other(dice, old.vertical, old.site)
    vertical = old.vertical if dice.chance(0.45) else dice.pick([v for v in VERTICALS if v != old.vertical])
    p = t.copy(old.person)
    if dice.chance(0.7):
        t.people.settle(p)
    crew.give(at_ms, "resold", p, vertical=vertical)


def recycled_identity(t, at_ms):
    """One person's name and city, hardly changed, with new phones and mailboxes."""
    crew = Crew(t, at_ms)
    base = crew.person()
    for _ in range(t.sized(6)):
        p = t.copy(base)
        p.phone, p.email = t.people.phone(), t.people.email(p.first, p.last)
        p.first = misspelled(t.dice, p.first) if t.dice.chance(0.4) else p.first
        p.last = misspelled(t.dice, p.last) if t.dice.chance(0.4) else p.last
        if t.dice.chance(0.6):
            t.people.settle(p)
        crew.give(at_ms, "recycled_identity", p)
        at_ms += int(t.dice.exponential(2 * HOUR_MS)) + MIN_MS


# --- machines ---

def honeypot_bot(t, at_ms):
    crew = Crew(t, at_ms, site=t.bad_site(at_ms, "has_honeypot"))
    for _ in range(t.sized(20)):
        p, way = crew.person(), crew.way()
        way.honeypot = t.dice.pick((p.email, p.city, "https://promo.example/", p.first))
        way.filled_ms = t.dice.between(150, 1950) if t.dice.chance(0.9) else t.dice.between(2000, 4800)
        way.click_ago_ms = way.filled_ms + t.dice.between(500, 9000)
        crew.give(at_ms, "honeypot_bot", p, way=way)
        at_ms += int(t.dice.exponential(4 * MIN_MS))


def instant_bot(t, at_ms):
    crew, slower = Crew(t, at_ms), 1 + t.late(at_ms)
    for _ in range(t.sized(20)):
        way = crew.way()
        way.filled_ms = min(1950, int(t.dice.between(60, 1000) * slower))
        way.click_ago_ms = way.filled_ms + t.dice.between(500, 20_000)
        crew.give(at_ms, "instant_bot", crew.person(), way=way)
        at_ms += int(t.dice.exponential(5 * MIN_MS))


def crawler_agent(t, at_ms):
    crew, agent = Crew(t, at_ms), t.dice.pick(AGENTS)
    for _ in range(t.sized(12)):
        p, way = crew.person(), crew.way()
        p.agent = t.dice.pick(t.tables.crawlers) if t.dice.chance(0.2) else agent
        crew.give(at_ms, "crawler_agent", p, way=way)
        at_ms += int(t.dice.exponential(10 * MIN_MS))


def one_device(t, at_ms):
    """All is rotated but the device's id."""
    crew, device = Crew(t, at_ms, site=t.bad_site(at_ms, "reports_device")), t.dice.hex(16)
    for _ in range(t.sized(35)):
        p = crew.person()
        p.device = device
        crew.give(at_ms, "one_device", p, vertical=t.dice.pick(crew.site.verticals))
        at_ms += int(t.dice.exponential(6 * MIN_MS))


def pasted_list(t, at_ms):
    """A bought list, put into the form by a script."""
    crew = Crew(t, at_ms, site=t.bad_site(at_ms, "reports_focus"))
    crew.pastes = crew.hurries = True
    addresses = [t.tables.address(t.dice, "hosting" if t.dice.chance(0.5) else "home")[0] for _ in range(3)]
    for _ in range(t.sized(40)):
        p = crew.person()
        p.ip = t.dice.pick(addresses)
        crew.give(at_ms, "pasted_list", p)
        at_ms += int(t.dice.exponential(90_000)) + 3000


def cron(t, at_ms):
    """One lead every so many minutes, day and night. In later weeks the clock is not so strict any more."""
    crew, late = Crew(t, at_ms), t.late(at_ms)
    step, jitter = t.dice.between(60, 240) * 1000, 0.02 + 0.2 * late * t.dice.random()
    for n in range(t.sized(70)):
        crew.give(int(at_ms + step * (n + jitter * t.dice.random())), "cron", crew.person())


# --- made-up contacts ---

def pattern_phone(t, at_ms):
    crew, dice = Crew(t, at_ms), t.dice
    for _ in range(t.sized(12)):
        p, d = crew.person(), dice.between(0, 9)
        run = "01234567890123456789"
        tail = dice.pick((str(d) * 7, f"{d}{(d + 1) % 10}" * 3 + str(d), run[d:d + 7], run[::-1][d:d + 7], str(d) * 6 + dice.digits(1)))
        p.phone = "+7" + dice.pick(("916", "900", "999", "926", "905", "911")) + tail
        if dice.chance(0.5):
            p.email = latin_mail(p, dice, dice.pick(("mail.ru", "a.ru", "qq.ru")))
        crew.give(at_ms, "pattern_phone", p)
        at_ms += int(dice.exponential(25 * MIN_MS))


def unassigned_phone(t, at_ms):
    crew, dice = Crew(t, at_ms), t.dice
    for _ in range(t.sized(12)):
        p = crew.person()
        p.phone = dice.pick(("+71", "+72", "+70")) + dice.digits(9) if dice.chance(0.8) else p.phone + dice.digits(1)
        crew.give(at_ms, "unassigned_phone", p)
        at_ms += int(dice.exponential(20 * MIN_MS))


def gibberish_name(t, at_ms):
    crew, cyrillic = Crew(t, at_ms), t.dice.chance(0.7)
    for _ in range(t.sized(15)):
        p = crew.person()
        p.first, p.last, p.patronymic = gibberish(t.dice, cyrillic), gibberish(t.dice, cyrillic), ""
        if t.dice.chance(0.6):
            p.email = f"{gibberish(t.dice, False).lower()}@{t.dice.pick(('mail.ru', 'gmail.com', 'yandex.ru'))}"
        crew.give(at_ms, "gibberish_name", p)
        at_ms += int(t.dice.exponential(15 * MIN_MS))


def lookalike_letters(t, at_ms):
    """One name in many guises, to get past whoever compares names."""
    crew = Crew(t, at_ms)
    base = crew.person()
    for _ in range(t.sized(8)):
        p = crew.person()
        p.first, p.last, p.patronymic = lookalike(t.dice, base.first), lookalike(t.dice, base.last), ""
        crew.give(at_ms, "lookalike_letters", p)
        at_ms += int(t.dice.exponential(30 * MIN_MS))


def disposable_mail(t, at_ms):
    """Known throw-away providers; later more and more of domains that no list has yet."""
    crew, late = Crew(t, at_ms, site=t.bad_site(at_ms, "asks_email")), t.late(at_ms)
    for _ in range(t.sized(12)):
        p = crew.person()
        fresh = t.dice.chance(0.03 + 0.12 * late)
        p.email = latin_mail(p, t.dice, f"{t.dice.hex(5)}.{t.dice.pick(('top', 'xyz', 'site'))}" if fresh else t.dice.pick(DISPOSABLE))
        crew.give(at_ms, "disposable_mail", p)
        at_ms += int(t.dice.exponential(20 * MIN_MS))


def disposable_phone(t, at_ms):
    """Numbers that a web page shows to everybody who wants to receive a message."""
    crew = Crew(t, at_ms)
    for _ in range(t.sized(10)):
        p = crew.person()
        p.phone = t.dice.pick(t.rented_phones)
        crew.give(at_ms, "disposable_phone", p, vertical=t.dice.pick(VERTICALS))
        at_ms += int(t.dice.exponential(3 * HOUR_MS))


def phone_many_names(t, at_ms):
    """One phone that answers, and as many persons as there are products."""
    crew, phone = Crew(t, at_ms), t.people.phone()
    for n in range(t.sized(7)):
        p = crew.person()
        p.phone = phone
        vertical = VERTICALS[n % len(VERTICALS)]
        crew.give(at_ms, "phone_many_names", p, vertical=vertical, site=t.sites.bad(t.dice, t.week(at_ms)))
        at_ms += int(t.dice.exponential(2 * HOUR_MS)) + 2 * MIN_MS


# --- places ---

def datacentre(t, at_ms):
    """A farm in rented machines. Later it moves to hosts in the country itself."""
    crew, late = Crew(t, at_ms), t.late(at_ms)
    for _ in range(t.sized(70)):
        p = crew.person()
        p.ip = t.tables.address(t.dice, "hosting", "RU" if t.dice.chance(0.2 + 0.4 * late) else None)[0]
        crew.give(at_ms, "datacentre", p)
        at_ms += int(t.dice.exponential(4 * MIN_MS))


def proxy(t, at_ms):
    crew = Crew(t, at_ms)
    kind = "tor" if t.dice.chance(0.6) else "vpn"
    for _ in range(t.sized(25)):
        p = crew.person()
        p.ip = t.tables.address(t.dice, kind)[0]
        crew.give(at_ms, "proxy", p)
        at_ms += int(t.dice.exponential(8 * MIN_MS))


def ip_flood(t, at_ms):
    crew, ip = Crew(t, at_ms), t.tables.address(t.dice, "home", "RU")[0]
    for _ in range(t.sized(60)):
        p = crew.person()
        p.ip = ip
        crew.give(at_ms, "ip_flood", p, vertical=t.dice.pick(crew.site.verticals))
        at_ms += int(t.dice.exponential(2 * MIN_MS))


def foreign(t, at_ms):
    """Traffic of another continent, sold as local."""
    crew = Crew(t, at_ms)
    country = t.dice.pick(("VN", "IN", "ID", "BD", "PK", "NG"))
    language = {"VN": "vi-VN", "IN": "en-IN", "ID": "id-ID", "BD": "bn-BD", "PK": "en-PK", "NG": "en-NG"}[country]
    for _ in range(t.sized(30)):
        p, way = crew.person(), crew.way()
        p.ip = t.tables.address(t.dice, "foreign", country)[0]
        way.language = language if t.dice.chance(0.6) else None
        crew.give(at_ms, "foreign", p, way=way)
        at_ms += int(t.dice.exponential(10 * MIN_MS))


# --- crowds ---

def sub_flood(t, at_ms):
    """A new sub-id with every lead, so that no source of it can be told from another."""
    crew = Crew(t, at_ms)
    for _ in range(t.sized(90)):
        way = crew.way()
        way.sub1 = t.dice.hex(10)
        crew.give(at_ms, "sub_flood", crew.person(), way=way)
        at_ms += int(t.dice.exponential(6 * MIN_MS))


def click_farm(t, at_ms):
    """A room of people with a script in hand: a burst, few addresses and devices, hurried hands."""
    crew, dice = Crew(t, at_ms), t.dice
    seats = [t.people.person("RU") for _ in range(dice.between(4, 8))]
    doors = [seat.ip for seat in seats[:2]]
    for _ in range(t.sized(60)):
        p, way, seat = t.people.person("RU"), crew.way(), dice.pick(seats)
        p.ip, p.device, p.system, p.agent = dice.pick(doors), seat.device, seat.system, seat.agent
        way.filled_ms = int(max(3000, dice.lognormal(9000, 0.35)))
        way.click_ago_ms = way.filled_ms + 2000 + int(dice.exponential(6000))
        crew.give(at_ms, "click_farm", p, way=way)
        at_ms += int(dice.exponential(25_000))


def nonsense(t, at_ms):
    """People who are paid in a game's coins for sending any form."""
    crew, dice = Crew(t, at_ms), t.dice
    for _ in range(t.sized(10)):
        p = crew.person()
        p.first, p.last = dice.pick(NONSENSE)
        p.patronymic = ""
        if dice.chance(0.4):
            p.email = dice.pick(("test@test.ru", "asd@asd.ru", "no@mail.ru", "qwerty@mail.ru", "123@gmail.com", "a@a.ru"))
        crew.give(at_ms, "nonsense", p)
        at_ms += int(dice.exponential(40 * MIN_MS))


def plausible_fake(t, at_ms):
    """Nothing is wrong with the lead but the company that it comes in."""
    site = t.sites.all[57] if t.dice.chance(0.5) else t.sites.bad(t.dice, t.week(at_ms))
    crew = Crew(t, at_ms, site=site)
    crew.hurries = crew.pastes = crew.short_click = crew.wrong_system = crew.random_mail = crew.blind_names = False
    crew.net = "home"
    for _ in range(t.sized(25)):
        crew.give(at_ms, "plausible_fake", crew.person())
        at_ms += int(t.dice.exponential(20 * MIN_MS))


# --- forms that tell an impossible story ---

def no_consent(t, at_ms):
    crew, dice = Crew(t, at_ms), t.dice
    fault = dice.pick(("old", "old", "after", "no text", "no time"))

    def change(lead):
        lead.setdefault("consent_text_sha256", crew.site.consent_text)
        lead["consented_at"] = at_ms - 1000
        if fault == "old":
            lead["consented_at"] = at_ms - dice.between(45 * DAY_MS, 400 * DAY_MS)
        elif fault == "after":
            lead["consented_at"] = at_ms + dice.between(20 * MIN_MS, 20 * HOUR_MS)
        else:
            del lead["consent_text_sha256" if fault == "no text" else "consented_at"]

    for _ in range(t.sized(15)):
        crew.give(at_ms, "no_consent", crew.person(), change=change)
        at_ms += int(dice.exponential(15 * MIN_MS))


def impossible_click(t, at_ms):
    """A click after the lead, less than a page's time before it, or months ago: clicks that were made up for the record."""
    crew, dice = Crew(t, at_ms), t.dice
    story = dice.pick(("after", "before", "before", "months"))
    for _ in range(t.sized(15)):
        way = crew.way()
        way.click_ago_ms = {"after": -dice.between(MIN_MS, HOUR_MS), "before": dice.between(100, 5000),
                            "months": dice.between(35 * DAY_MS, 300 * DAY_MS)}[story]
        crew.give(at_ms, "impossible_click", crew.person(), way=way)
        at_ms += int(dice.exponential(15 * MIN_MS))
