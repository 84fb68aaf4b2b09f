"""A lead as the front door takes it, out of a person, a webmaster's form and the way in which the form was filled in."""
import json

from .people import spelled_phone, typed_name

DAY_MS = 86_400_000


class Way:
    """How one form was filled in. None: the form does not report it."""
    __slots__ = ("click_ago_ms", "filled_ms", "honeypot", "pasted", "focused", "consent_ago_ms", "consent", "sub1", "os", "language", "bare")

    def __init__(self, dice, site):
        self.filled_ms = int(max(7000, dice.lognormal(28_000, 0.6)))
        self.click_ago_ms = self.filled_ms + 3000 + int(dice.exponential(40_000))
        self.honeypot = "" if site.has_honeypot else None
        self.focused = ["phone", "email", "first_name"] if site.reports_focus else None
        self.pasted = (["email"] if dice.chance(0.05) else []) if site.reports_focus else None
        self.consent, self.consent_ago_ms = site.asks_consent, 400 + dice.below(9000)
        self.sub1 = None
        self.os = self.language = None
        self.bare = site.bare


def vertical_fields(dice, vertical, person):
    if vertical == "microloan":
        return {"amount": 500 * dice.between(4, 200), "term_days": dice.between(5, 180), "age": person.age}
    if vertical == "credit_card":
        return {"limit": 10_000 * dice.between(1, 50), "income": 5000 * dice.between(4, 50)}
    if vertical == "osago":
        return {"power_hp": dice.between(50, 400)}
    return {"course": dice.pick(("english", "java", "design", "smm"))}


def _names(dice, site, p):
    first, last = typed_name(dice, p.first), typed_name(dice, p.last)
    if not site.splits_name:
        return {"name": f"{last} {first}" if dice.chance(0.3) else f"{first} {last}"}
    names = {"first_name": first, "last_name": last}
    if p.patronymic and dice.chance(0.4):
        names["middle_name"] = p.patronymic
    return names


def make_lead(dice, site, p, vertical, at_ms, way):
    """A dict in the front door's words, with aff_id and received_at."""
    lead = {"vertical": vertical, "phone": spelled_phone(dice, p.phone)} if p.phone else {"vertical": vertical}
    if p.email and (site.asks_email or not p.phone):
        lead["email"] = p.email
    lead.update(_names(dice, site, p))
    lead["country"] = p.country
    if dice.chance(0.9):
        lead["city"] = p.city
    lead["click_id"], lead["sub1"] = dice.hex(16), way.sub1 or (dice.hex(12) if site.makes_sub_per_click(at_ms) else dice.pick(site.subs))
    lead["fields"] = vertical_fields(dice, vertical, p)
    if not way.bare:
        _browser(dice, site, p, at_ms, way, lead)
    lead["aff_id"], lead["received_at"] = site.id, at_ms
    return lead


def _browser(dice, site, p, at_ms, way, lead):
    lead["postal_code"] = p.postal
    lead["ip"], lead["user_agent"] = p.ip, p.agent
    lead["os"], lead["language"] = way.os or p.system, way.language or p.language
    lead["landing_url"] = f"{site.page}?c={dice.below(1000)}"
    if dice.chance(0.7):
        lead["referrer"] = site.page
    if site.reports_device and p.device:
        lead["device_id"] = p.device
    if way.filled_ms is not None:
        lead["form_started_at"], lead["filled_ms"] = at_ms - way.filled_ms - 300, way.filled_ms
    if way.click_ago_ms is not None:
        lead["clicked_at"] = at_ms - way.click_ago_ms
    if way.honeypot is not None:
        lead["honeypot"] = way.honeypot
    if way.focused is not None:
        lead["focused_fields"], lead["pasted_fields"] = way.focused, way.pasted or []
    if way.consent:
        lead["consent_text_sha256"], lead["consented_at"], lead["consent_ip"] = site.consent_text, at_ms - way.consent_ago_ms, p.ip


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def line_of(lead):
    return _encode(lead)
