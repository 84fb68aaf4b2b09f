"""What is bought in a campaign: in every vertical orders whose caps bind early, and one that takes what is left."""
import yaml

# vertical -> its advertisers, and the prices from the best order down
VERTICALS = {"microloan": ("zaim-bystro", "zaim-rodnik", "zaim-polet"), "credit_card": ("bank-sever", "bank-volna", "bank-kedr"),
             "osago": ("strakh-shchit", "strakh-parus", "strakh-most"), "courses": ("shkola-koda", "shkola-rechi", "bank-orbita")}
ADVERTISERS = sorted(name for names in VERTICALS.values() for name in names)


def orders(leads, url, capped=True):
    """Of a vertical's leads at most 6 % go to the first, 12 % in an hour to the second, 18 % in a day to the third. Without these orders
    (`capped` false) what flows flows steadily."""
    each = max(40, leads // len(VERTICALS))
    made = []
    for vertical, (first, second, third) in VERTICALS.items():
        for rank, (who, caps) in enumerate(((first, {"total": each * 6 // 100 or 1}), (second, {"hour": each * 12 // 100 or 1}),
                                            (third, {"day": each * 18 // 100 or 1}), (second, {}), (third, {}))):
            if caps and not capped:
                continue
            made.append({
                "id": f"campaign-{vertical}-{rank + 1}".replace("_", "-"), "advertiser": who, "vertical": vertical,
                "price": {"amount_minor": 90000 - 10000 * rank, "currency": "RUB"}, **({"caps": caps} if caps else {}),
                "delivery": {"webhook": {"url": f"{url}/{who}", "timeout_ms": 2000}, "on_unknown": "retry_same"}})
    return yaml.safe_dump({"orders": made}, allow_unicode=True, sort_keys=False)
