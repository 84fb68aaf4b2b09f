"""Honest people, most of whom are no trouble at all, and those who look like trouble.

A kind is a function: it lets one or several people fill in forms, beginning at a moment, and says what each lead is. What it
returns is nothing; `t.give` counts."""
from .lead import DAY_MS, Way, make_lead
from .sites import VERTICALS
from .tables import ODD_LAST, translit

MIN_MS, HOUR_MS = 60_000, 3_600_000
RELAYS = ("privaterelay.appleid.com", "duck.com", "mozmail.com", "passmail.net", "simplelogin.com")
TYPOS = ("gmial.com", "gmail.ru", "gmai.com", "yandex.ri", "yadnex.ru", "mail.ry", "maik.ru", "inbox.ri", "ramler.ru", "hotmial.com")
ROLES = ("info", "sales", "office", "zakaz", "buh", "director", "admin", "mail", "shop")
TAGS = ("zaim", "promo", "spam", "card", "lead", "bank", "osago", "forms")


def lead_of(t, at_ms, person, site=None, vertical=None, way=None):
    site = site or t.sites.honest(t.dice, t.week(at_ms))
    way = way or Way(t.dice, site)
    return make_lead(t.dice, site, person, vertical or site.vertical(t.dice), at_ms, way), site


def one(t, at_ms, kind, person, **more):
    lead, site = lead_of(t, at_ms, person, **more)
    t.give(at_ms, lead, kind)
    t.remember(at_ms, person, site, lead["vertical"])
    return lead, site


def plain(t, at_ms):
    person = t.people.person()
    if t.dice.chance(0.02):
        person.email = ""
    one(t, at_ms, "plain", person)


def at_poor_site(t, at_ms):
    """The honest visitors of webmasters who also send fraud."""
    site = t.sites.bad(t.dice, t.week(at_ms))
    one(t, at_ms, "at_poor_site", t.people.person(), site=site)


def slow_form(t, at_ms):
    site = t.sites.honest(t.dice, t.week(at_ms))
    way = Way(t.dice, site)
    way.filled_ms = int(t.dice.lognormal(8 * MIN_MS, 0.7))
    way.click_ago_ms = way.filled_ms + t.dice.between(5000, 10 * MIN_MS)
    one(t, at_ms, "slow_form", t.people.person(), site=site, way=way)


def autofill(t, at_ms):
    """The browser fills in, the person looks and sends. Now and then it fills in the hidden field as well."""
    site = t.sites.honest(t.dice, t.week(at_ms))
    way = Way(t.dice, site)
    way.filled_ms = int(max(1900 + t.dice.below(300), t.dice.lognormal(5500, 0.45)))
    way.click_ago_ms = way.filled_ms + 6000 + int(t.dice.exponential(25_000))
    person = t.people.person()
    if way.honeypot is not None and t.dice.chance(0.008):
        way.honeypot = person.city
    if way.focused is not None:
        way.focused = ["phone"]
    one(t, at_ms, "autofill", person, site=site, way=way)


def password_manager(t, at_ms):
    """Everything is pasted, and the cursor was nowhere."""
    site = t.sites.honest(t.dice, t.week(at_ms))
    way = Way(t.dice, site)
    way.filled_ms = t.dice.between(2500, 9000)
    way.click_ago_ms = way.filled_ms + 8000 + int(t.dice.exponential(25_000))
    if way.focused is not None:
        way.focused, way.pasted = [], ["phone", "email", "name", "first_name", "last_name", "middle_name"]
    one(t, at_ms, "password_manager", t.people.person(), site=site, way=way)


def plus_tag(t, at_ms):
    person = t.people.person()
    local = person.email.split("@")[0]
    person.email = f"{local}+{t.dice.pick(TAGS)}@gmail.com"
    one(t, at_ms, "plus_tag", person)


def family_phone(t, at_ms):
    """One phone, several people, each for another product."""
    dice, members = t.dice, t.dice.pick((2, 2, 2, 3))
    head = t.people.person()
    for vertical in dice.sample(VERTICALS, members):
        one(t, at_ms, "family_phone", head, vertical=vertical, site=t.sites.other(dice, vertical, None))
        at_ms += int(dice.exponential(3 * DAY_MS)) + HOUR_MS
        other = t.people.person(head.country)
        other.phone, other.city, other.postal = head.phone, head.city, head.postal
        if not head.mobile:
            other.ip = head.ip
        if dice.chance(0.8) and other.sex == head.sex:
            other.last = head.last
        head = other


def carrier_nat(t, at_ms):
    """A hot address of a mobile operator: a dozen strangers a day, and more at noon."""
    person = t.people.person("RU")
    person.mobile, person.ip = True, t.hot_address(at_ms)
    person.system = t.dice.pick(("Android", "Android", "iOS"))
    person.agent = t.dice.pick(t.tables.agents[person.system])
    one(t, at_ms, "carrier_nat", person)


def corporate_vpn(t, at_ms):
    """The office's way out of the house is a data centre, or a privacy service."""
    person = t.people.person("RU")
    kind = t.dice.pick(("hosting", "vpn", "vpn"))
    person.ip = t.dice.pick(t.exits[kind]) if t.dice.chance(0.5) else t.tables.address(t.dice, kind)[0]
    person.system = t.dice.pick(("Windows", "Windows", "macOS", "iOS", "Android"))
    person.agent = t.dice.pick(t.tables.agents[person.system])
    one(t, at_ms, "corporate_vpn", person)


def expatriate(t, at_ms):
    """The browser speaks another language than its owner, and sometimes asks for the desktop's page."""
    person = t.people.person("RU")
    site = t.sites.honest(t.dice, t.week(at_ms))
    if t.dice.chance(0.6):
        t.people.rare_name(person)
    way = Way(t.dice, site)
    way.language = t.dice.pick(("en-US", "uz-UZ", "tg-TJ", "ky-KG", "hy-AM", "az-AZ", "de-DE", "tr-TR", "vi-VN", "zh-CN"))
    if t.dice.chance(0.25):
        way.os = t.dice.pick(("Linux", "macOS")) if person.system in ("Android", "iOS") else None
    one(t, at_ms, "expatriate", person, site=site, way=way)


def traveller(t, at_ms):
    person = t.people.person("RU")
    person.ip = t.tables.address(t.dice, "travel")[0]
    one(t, at_ms, "traveller", person)


def rare_name(t, at_ms):
    person = t.people.person()
    t.people.rare_name(person)
    one(t, at_ms, "rare_name", person)


def odd_surname(t, at_ms):
    person = t.people.person()
    person.last = t.dice.pick(ODD_LAST)
    person.email = t.people.email(person.first, person.last)
    one(t, at_ms, "odd_surname", person)


def swapped_names(t, at_ms):
    person = t.people.person()
    person.first, person.last = person.last, person.first
    one(t, at_ms, "swapped_names", person)


def kiosk(t, at_ms):
    """A tablet in a shop: one device, one address, one customer after another until it closes."""
    dice = t.dice
    device, ip, agent, site = t.kiosk(at_ms)
    for _ in range(dice.between(4, 12)):
        person = t.people.person("RU")
        person.device, person.ip, person.system, person.agent = device, ip, "Android", agent
        one(t, at_ms, "kiosk", person, site=site, vertical=dice.pick(site.verticals))
        at_ms += 7 * MIN_MS + int(dice.exponential(50 * MIN_MS))


def office(t, at_ms):
    """Colleagues who tell one another: one address, devices of their own."""
    dice, ip = t.dice, t.tables.address(t.dice, "home", "RU")[0]
    for _ in range(dice.between(3, 7)):
        person = t.people.person("RU")
        person.ip, person.system = ip, dice.pick(("Windows", "Windows", "macOS", "Android", "iOS"))
        person.agent = dice.pick(t.tables.agents[person.system])
        one(t, at_ms, "office", person)
        at_ms += 2 * MIN_MS + int(dice.exponential(3 * HOUR_MS))


def saved_tab(t, at_ms):
    """Clicked last week, filled in today."""
    site = t.sites.honest(t.dice, t.week(at_ms))
    way = Way(t.dice, site)
    way.click_ago_ms = int(DAY_MS + t.dice.exponential(6 * DAY_MS))
    one(t, at_ms, "saved_tab", t.people.person(), site=site, way=way)


def comparer(t, at_ms):
    """Mostly hours apart, through several webmasters, for several products; some go from one page straight to the next."""
    dice, person, site = t.dice, t.people.person(), None
    for vertical in dice.sample(VERTICALS, dice.pick((2, 2, 3))):
        site = t.sites.other(dice, vertical, site)
        one(t, at_ms, "comparer", person, site=site, vertical=vertical)
        at_ms += dice.between(3, 50) * MIN_MS if dice.chance(0.08) else HOUR_MS + int(dice.exponential(8 * HOUR_MS))


def role_mailbox(t, at_ms):
    person = t.people.person("RU")
    firm = translit(person.last) + t.dice.pick(("", "-stroy", "-auto", "snab", "mebel"))
    person.email = f"{t.dice.pick(ROLES)}@{firm}{t.dice.below(100)}.ru"
    one(t, at_ms, "role_mailbox", person)


def privacy_relay(t, at_ms):
    person = t.people.person()
    person.email = f"{t.dice.hex(10)}@{t.dice.pick(RELAYS)}"
    one(t, at_ms, "privacy_relay", person)


def mistyped_mail(t, at_ms):
    person = t.people.person()
    person.email = f"{person.email.split('@')[0]}@{t.dice.pick(TYPOS)}"
    one(t, at_ms, "mistyped_mail", person)


def vanity_phone(t, at_ms):
    """Numbers that people pay for."""
    dice, person = t.dice, t.people.person("RU")
    while True:
        c, d = dice.digits(1), dice.digits(1)
        tail = dice.pick((d * 3 + c * 4, c + d * 6, (d + c) * 3 + d, "777" + dice.digits(4), dice.digits(3) + d * 4))
        person.phone = person.phone[:5] + tail
        if t.people.is_new(person.phone):
            break
    one(t, at_ms, "vanity_phone", person)


def tv_spot(t, at_ms):
    """The spot is shown, and everybody picks up the phone."""
    dice, site = t.dice, t.sites.good(t.dice, t.week(at_ms))
    vertical, sub = dice.pick(site.verticals), f"tv-{dice.below(9)}"
    for _ in range(t.sized(70)):
        way = Way(dice, site)
        way.sub1, way.click_ago_ms = sub, way.filled_ms + 2000 + dice.below(60_000)
        moment = at_ms + int(dice.exponential(2.5 * MIN_MS))
        one(t, moment, "tv_spot", t.people.person(), site=site, vertical=vertical, way=way)


def in_app_browser(t, at_ms):
    person = t.people.person()
    t.people.in_app(person)
    one(t, at_ms, "in_app_browser", person)


def bare_post(t, at_ms):
    """The webmaster's own server posts a contact, and no more."""
    site = t.sites.honest(t.dice, t.week(at_ms))
    way = Way(t.dice, site)
    way.bare = True
    one(t, at_ms, "bare_post", t.people.person(), site=site, way=way)


def per_click_sub(t, at_ms):
    """A tracker that puts the click's id into sub1: every lead has another sub-id."""
    one(t, at_ms, "per_click_sub", t.people.person(), site=t.sites.per_click)


def new_tracker(t, at_ms):
    """A webmaster whose tracker was changed in the second week: from one hour to the next every lead has another sub-id."""
    site = t.sites.retracked
    if at_ms < site.per_click_from_ms:
        at_ms += 14 * DAY_MS
    one(t, at_ms, "new_tracker", t.people.person(), site=site)


def new_campaign(t, at_ms):
    """A good webmaster begins something new, and all that it brings has a sub-id that nobody saw before."""
    dice, site = t.dice, t.sites.good(t.dice, t.week(at_ms))
    vertical, sub = dice.pick(site.verticals), f"new-{dice.below(1000)}"
    for _ in range(t.sized(40)):
        way = Way(dice, site)
        way.sub1 = sub
        one(t, at_ms, "new_campaign", t.people.person(), site=site, vertical=vertical, way=way)
        at_ms += int(dice.exponential(12 * MIN_MS))


def old_consent(t, at_ms):
    """Given on an earlier visit, and still good."""
    site = t.sites.honest(t.dice, t.week(at_ms))
    way = Way(t.dice, site)
    way.consent_ago_ms = t.dice.between(2 * DAY_MS, 28 * DAY_MS)
    one(t, at_ms, "old_consent", t.people.person(), site=site, way=way)


# --- repeats: nobody's fault, and nobody's loss: the person is already sold ---

def double_click(t, at_ms):
    lead, _ = one(t, at_ms, "plain", t.people.person())
    for _ in range(t.dice.pick((1, 1, 1, 2))):
        at_ms += t.dice.between(300, 9000)
        t.give(at_ms, {**lead, "received_at": at_ms}, "double_click")


def second_try(t, at_ms):
    """No answer came, so the form is filled in once more."""
    person = t.people.person()
    lead, site = one(t, at_ms, "plain", person)
    at_ms += 2 * MIN_MS + int(t.dice.exponential(6 * HOUR_MS))
    again, _ = lead_of(t, at_ms, person, site=site, vertical=lead["vertical"])
    t.give(at_ms, again, "second_try")


def same_product_elsewhere(t, at_ms):
    person = t.people.person()
    lead, site = one(t, at_ms, "plain", person)
    at_ms += HOUR_MS + int(t.dice.exponential(10 * HOUR_MS))
    again, _ = lead_of(t, at_ms, person, site=t.sites.other(t.dice, lead["vertical"], site), vertical=lead["vertical"])
    t.give(at_ms, again, "same_product_elsewhere")


def family_same_product(t, at_ms):
    person = t.people.person()
    lead, site = one(t, at_ms, "plain", person)
    other = t.people.person(person.country)
    other.phone, other.last, other.ip = person.phone, person.last, person.ip
    at_ms += HOUR_MS + int(t.dice.exponential(3 * DAY_MS))
    again, _ = lead_of(t, at_ms, other, site=site, vertical=lead["vertical"])
    t.give(at_ms, again, "family_same_product")
