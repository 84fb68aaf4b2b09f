"""Every kind of lead, its share of all leads and how many leads one occasion brings, about. README.md says how they look."""
from . import fraud, honest

# kind: (share of all leads, leads an occasion)
HONEST = {
    "plain": (0.2280, 1), "at_poor_site": (0.0500, 1), "slow_form": (0.0150, 1), "autofill": (0.0550, 1),
    "password_manager": (0.0200, 1), "plus_tag": (0.0120, 1), "family_phone": (0.0120, 2.25), "carrier_nat": (0.0600, 1),
    "corporate_vpn": (0.0120, 1), "expatriate": (0.0150, 1), "traveller": (0.0100, 1), "rare_name": (0.0250, 1),
    "odd_surname": (0.0040, 1), "swapped_names": (0.0080, 1), "kiosk": (0.0100, 8), "office": (0.0120, 5),
    "saved_tab": (0.0150, 1), "comparer": (0.0120, 2.33), "role_mailbox": (0.0080, 1), "privacy_relay": (0.0060, 1),
    "mistyped_mail": (0.0060, 1), "vanity_phone": (0.0040, 1), "tv_spot": (0.0200, 70), "in_app_browser": (0.0200, 1),
    "bare_post": (0.0250, 1), "per_click_sub": (0.0250, 1), "old_consent": (0.0060, 1), "new_tracker": (0.0120, 1),
    "new_campaign": (0.0150, 40),
}
# An occasion begins with one plain lead that is not counted here.
REPEATS = {"double_click": (0.0120, 1.25), "second_try": (0.0060, 1), "same_product_elsewhere": (0.0050, 1),
           "family_same_product": (0.0030, 1)}
FRAUD = {
    "exact_duplicate": (0.0160, 1), "respelled_duplicate": (0.0120, 1), "respelled_mailbox": (0.0050, 1),
    "resold": (0.0150, 1), "honeypot_bot": (0.0130, 20), "instant_bot": (0.0140, 20), "crawler_agent": (0.0070, 12),
    "one_device": (0.0090, 35), "pattern_phone": (0.0060, 12), "unassigned_phone": (0.0090, 12), "gibberish_name": (0.0070, 15),
    "lookalike_letters": (0.0050, 8), "disposable_mail": (0.0080, 12), "disposable_phone": (0.0050, 10), "datacentre": (0.0120, 70),
    "proxy": (0.0070, 25), "ip_flood": (0.0090, 60), "phone_many_names": (0.0060, 7), "sub_flood": (0.0080, 90), "cron": (0.0090, 70),
    "click_farm": (0.0130, 60), "nonsense": (0.0060, 10), "foreign": (0.0080, 30), "no_consent": (0.0060, 15),
    "impossible_click": (0.0060, 15), "pasted_list": (0.0080, 40), "recycled_identity": (0.0060, 6), "plausible_fake": (0.0080, 25),
}
DUPLICATES = ("exact_duplicate", "respelled_duplicate")
BOTS = ("honeypot_bot", "instant_bot", "crawler_agent")

CLASSES = {**{kind: "honest" for kind in HONEST}, **{kind: "repeat" for kind in REPEATS}, **{kind: "fraud" for kind in FRAUD}}


def occasion(kind):
    """The function that makes one."""
    return getattr(fraud if CLASSES[kind] == "fraud" else honest, kind)
