"""Tables for people, and the same figures as JSON."""
from .kinds import FRAUD, HONEST, REPEATS


def _percent(value, digits=1):
    return f"{100 * value:.{digits}f} %"


def _interval(share, digits=1):
    return f"[{100 * share.low:.{digits}f}, {100 * share.high:.{digits}f}]"


def _mostly(reasons):
    return ", ".join(f"{name} {count}" for name, count in reasons.most_common(3))


def _table(title, t, kinds, share_of, digits):
    print(f"\n{title:<26}{'leads':>8}{'share':>10}  {'95 %':<16}reasons")
    for kind in kinds:
        share = share_of([kind])
        if share.whole:
            held = f"  (+{t.held[kind]} held)" if t.held[kind] and kind in HONEST else ""
            print(f"  {kind:<24}{share.whole:>8}{_percent(share.value, digits):>10}  {_interval(share, digits):<16}"
                  f"{_mostly(t.reasons[kind])}{held}")


def show(name, t):
    whole = sum(t.leads.values())
    print(f"\n== {name}: {whole:,} leads, {_percent(t.of_class('fraud') / whole)} of them fraud, "
          f"{_percent(t.of_class('repeat') / whole)} repeats")
    _table("fraud stopped", t, FRAUD, t.stopped, 1)
    _table("honest turned away", t, HONEST, t.turned_away, 2)
    _table("repeats stopped (told only)", t, REPEATS, t.stopped, 1)
    recall, precision, honest = t.stopped(FRAUD), t.precision(), t.turned_away(HONEST)
    print(f"\n  recall {_percent(recall.value, 2)} {_interval(recall, 2)}   precision {_percent(precision.value, 2)} "
          f"{_interval(precision, 2)}   honest turned away {_percent(honest.value, 3)} {_interval(honest, 3)}")


def show_targets(name, targets):
    print(f"\ntargets on {name}")
    for target in targets:
        note = f"  ({target.note})" if target.note else ""
        print(f"  {target.name:<28}{_percent(target.share.value, 2):>9}  {_interval(target.share, 2):<17}{target.wanted:<15}"
              f"{'met' if target.met else 'MISSED'}{note}")


def show_filters(name, whole, parts):
    """What is lost when one filter is not asked; parts: filter -> tally without it."""
    print(f"\n== each filter's own part on {name}: what changes when it alone is switched off")
    print(f"{'filter':<28}{'fraud that only it stops':>26}{'recall':>11}{'honest that only it hits':>26}{'honest':>11}  mostly")
    for filter_name, t in parts.items():
        fraud, honest = whole.stopped(FRAUD).part - t.stopped(FRAUD).part, whole.turned_away(HONEST).part - t.turned_away(HONEST).part
        lost = {kind: whole.stopped([kind]).part - t.stopped([kind]).part for kind in FRAUD}
        most = sorted((kind for kind in lost if lost[kind] > 0), key=lambda kind: -lost[kind])[:3]
        print(f"{filter_name:<28}{fraud:>26}{100 * fraud / max(1, whole.stopped(FRAUD).whole):>+8.2f} pp{honest:>26}"
              f"{100 * honest / max(1, whole.turned_away(HONEST).whole):>+8.3f} pp  {', '.join(f'{kind} {lost[kind]}' for kind in most)}")


def _share(share):
    return {"part": share.part, "whole": share.whole, "low": round(share.low, 6), "high": round(share.high, 6)}


def as_json(t, targets, parts):
    return {
        "fraud": {kind: _share(t.stopped([kind])) for kind in FRAUD},
        "honest": {kind: _share(t.turned_away([kind])) for kind in HONEST},
        "repeats": {kind: _share(t.stopped([kind])) for kind in REPEATS},
        "recall": _share(t.stopped(FRAUD)), "precision": _share(t.precision()), "turned_away": _share(t.turned_away(HONEST)),
        "held": {"fraud": sum(t.held[kind] for kind in FRAUD), "honest": sum(t.held[kind] for kind in HONEST)},
        "targets": {target.name: target.met for target in targets},
        "filters": {name: {"recall": _share(part.stopped(FRAUD)), "turned_away": _share(part.turned_away(HONEST))}
                    for name, part in parts.items()},
    }
