"""Which faults a campaign makes, in which lane and order, upon whom: from the seed alone."""
import random
from collections import defaultdict
from dataclasses import dataclass

from .kinds import KINDS, LANES


@dataclass
class Fault:
    number: int
    kind: object
    target: str
    seed: str


def available(net, only=()):
    """(kinds that can be had here, names of those that can't)"""
    wanted = [kind for kind in KINDS if not only or kind.name in only]
    unknown = set(only) - {kind.name for kind in KINDS}
    if unknown:
        raise SystemExit(f"no such kind: {', '.join(sorted(unknown))}; there are {', '.join(kind.name for kind in KINDS)}")
    here = [kind for kind in wanted if kind.targets(net)]
    return here, [kind.name for kind in wanted if kind not in here]


def targets_of(net, kind, only=""):
    """Those whose name begins so, where there are such."""
    names = kind.targets(net)
    return [name for name in names if name.startswith(only)] or names


def make(net, kinds, count, seed, only=""):
    """{lane: [Fault]}: every kind once, as far as `count` reaches, then by the lanes' and the kinds' weights."""
    dice = random.Random(f"plan/{seed}")
    chosen = dice.sample(kinds, min(count, len(kinds)))
    by_lane = defaultdict(list)
    for kind in kinds:
        by_lane[kind.lane].append(kind)
    lanes = sorted(by_lane)
    while len(chosen) < count:
        lane = dice.choices(lanes, [LANES[name] for name in lanes])[0]
        chosen.append(dice.choices(by_lane[lane], [kind.weight for kind in by_lane[lane]])[0])
    dice.shuffle(chosen)
    plan = defaultdict(list)
    for number, kind in enumerate(chosen):
        fault = Fault(number + 1, kind, dice.choice(targets_of(net, kind, only)), f"{seed}/{number}")
        plan[kind.lane].append(fault)
    services = plan.pop("services", [])
    for half in (0, 1):  # they are the most: two lanes
        if services[half::2]:
            plan[f"services-{half + 1}"] = services[half::2]
    return dict(plan)
