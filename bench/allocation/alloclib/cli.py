"""bench/allocation/run: makes the markets, solves them in hindsight, lets ours and its rivals play them, and says whether the
targets are met."""
import argparse
import json
import multiprocessing
import sys
from pathlib import Path

from . import ours
from .kinds import DRIFTING, KINDS, make
from .measure import FEASIBLE, Figures, figures
from .optimum import optimum, optimum_on_plan
from .rivals import greedy, mirror_descent

RESULTS = ours.ROOT / "build/bench/allocation.json"
HELD_OUT_FROM = 100   # pacing was tuned on seeds below; nobody looks at single markets from here on
WORKERS = 2
ON_PLAN = 0.05        # of an order's quantity: how far off its plan it may be at the widest
RULES = ("greedy", "mirror descent", "ours, no past", "ours, even", "ours")


def seeds_of(text):
    """"1-3,101" is 1, 2, 3 and 101."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or not (last or first).isdigit() or int(last or first) < int(first):
            raise argparse.ArgumentTypeError(f"{part!r}: expected a seed or a range of seeds, for example 1-3,101")
        found += range(int(first), int(last or first) + 1)
    return sorted(set(found))


def _known(market, best, fill, gap, on_plan):
    """What somebody earns who knows every lead beforehand; and when he keeps all to their plans, too."""
    part = fill / market.quantity
    least = float(part[part >= FEASIBLE].min(initial=1.0))
    known = {"optimum": Figures(1.0, least, 0, gap)}
    if on_plan:
        known["optimum on plan"] = Figures(optimum_on_plan(market, ON_PLAN) / best, least, 0, ON_PLAN)
    return known


def run_market(job):
    kind, seed, leads, on_plan = job
    market = make(kind, seed, leads)
    best, best_fill, gap = optimum(market)
    given = {"greedy": greedy(market), "mirror descent": mirror_descent(market),
             "ours, no past": ours.simulate(market, history=False), "ours, even": ours.simulate(market, even=True),
             "ours": ours.simulate(market)}
    said = {rule: figures(market, given[rule], best, best_fill) for rule in RULES}
    return kind, seed, {rule: vars(figure) for rule, figure in (_known(market, best, best_fill, gap, on_plan) | said).items()}


def _mean(runs, kind, rule, what):
    found = [figure[rule][what] for k, _, figure in runs if k == kind]
    return sum(found) / len(found)


def _least(runs, kind, rule, what):
    return min(figure[rule][what] for k, _, figure in runs if k == kind)


def show(title, runs, kinds):
    print(f"\n{title}\n\n| kind | rule | revenue / optimum | the worst seed | smallest fill | off its plan |\n|---|---|---|---|---|---|")
    for kind in kinds:
        for rule in runs[0][2]:
            print(f"| {kind} | {rule} | {_mean(runs, kind, rule, 'share'):.4f} | {_least(runs, kind, rule, 'share'):.4f} | "
                  f"{_mean(runs, kind, rule, 'least_fill'):.3f} | {100 * _mean(runs, kind, rule, 'curve'):.1f} % |")


def targets(runs, kinds):
    """(sentence, met) of each target."""
    for kind in kinds:
        wanted = 0.97 if kind in DRIFTING else 0.99
        share = _mean(runs, kind, "ours", "share")
        yield f"{kind}: revenue at least {wanted} of the optimum: {share:.4f}", share >= wanted
        fill, other = (_mean(runs, kind, rule, "least_fill") for rule in ("ours", "greedy"))
        yield f"{kind}: smallest fill of a feasible order at least greedy's, {other:.3f}: {fill:.3f}", fill >= other
        if kind in DRIFTING:
            curve = _mean(runs, kind, "ours, even", "curve")
            yield f"{kind}: deliveries of even orders within 5 % of their plan: {100 * curve:.1f} %", curve <= ON_PLAN
            continue
        curve = _mean(runs, kind, "ours", "curve")
        yield f"{kind}: deliveries within 5 % of their plan: {100 * curve:.1f} %", curve <= ON_PLAN


def _options(arguments):
    parser = argparse.ArgumentParser(prog="bench/allocation/run", description="How much of what was to be earned is earned, and how "
                                     "evenly, on made-up markets of several kinds.")
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("1-3,101-105"), metavar="1-3,101-105",
                        help="one market of each kind for each seed; from 100 on they are held out: nothing was tuned on them")
    parser.add_argument("--leads", type=int, default=20_000, help="leads a market; the past has as many again")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS)}")
    parser.add_argument("--on-plan", action="store_true",
                        help="also what the optimum earns when no order may be further than 5 %% off its plan; takes twice as long")
    parser.add_argument("--json", metavar="FILE", default=str(RESULTS), help="where the figures go as JSON")
    options = parser.parse_args(arguments)
    options.kinds = options.kinds.split(",")
    if not set(options.kinds) <= set(KINDS):
        parser.error(f"--kinds: expected some of {', '.join(KINDS)}")
    if options.leads < 2000:
        parser.error("--leads: expected at least 2000, or quantities would be a handful of leads")
    return options


def _run(options):
    jobs = [(kind, seed, options.leads, options.on_plan) for kind in options.kinds for seed in options.seeds]
    with multiprocessing.Pool(WORKERS) as pool:
        runs = pool.map(run_market, jobs, chunksize=1)
    missed = False
    for name, chosen in (("tuning", lambda seed: seed < HELD_OUT_FROM), ("held-out", lambda seed: seed >= HELD_OUT_FROM)):
        part = [run for run in runs if chosen(run[1])]
        if not part:
            continue
        show(f"{name} seeds", part, options.kinds)
        found = list(targets(part, options.kinds))
        print()
        for sentence, met in found:
            print(f"{'met   ' if met else 'MISSED'} {sentence}")
        missed = not all(met for _, met in found)   # held-out seeds come last, and decide
    Path(options.json).parent.mkdir(parents=True, exist_ok=True)
    Path(options.json).write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


def main(arguments):
    options = _options(arguments)
    try:
        return _run(options)
    except (ours.Unusable, OSError) as fault:
        print(f"bench/allocation/run: {fault}", file=sys.stderr)
        return 2
