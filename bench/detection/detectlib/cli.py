"""bench/detection/run: makes the traffic, has it judged, counts, and says whether the targets are met."""
import argparse
import json
import multiprocessing
import sys
import tempfile
from pathlib import Path

from . import judge, report
from .score import Tally, tally, targets
from .tables import ROOT
from .traffic import write

RESULTS = ROOT / "build/bench/detection.json"
HELD_OUT_FROM = 100   # seeds below are for tuning rules; from here on nobody looks at single leads
WORKERS = 2


def seeds_of(text):
    """"1-3,101" is 1, 2, 3 and 101."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or not (last or first).isdigit() or int(last or first) < int(first):
            raise argparse.ArgumentTypeError(f"{part!r}: expected a seed or a range of seeds, for example 1-3,101")
        found += range(int(first), int(last or first) + 1)
    return sorted(set(found))


def run_seed(job):
    """One seed: its tally under the rules, and one without each of the filters asked for."""
    seed, leads, rules, filters, keep = job
    with tempfile.TemporaryDirectory(prefix="detection-") as scratch:
        folder = Path(keep) / f"seed-{seed}" if keep else Path(scratch)
        labels = write(seed, leads, folder)
        whole = tally(labels, judge.verdicts(folder / "leads.ndjson", rules))
        parts, text = {}, Path(rules).read_text(encoding="utf-8")
        for name in filters:
            changed = Path(scratch) / "rules.yaml"
            changed.write_text(judge.without(text, name), encoding="utf-8")
            parts[name] = tally(labels, judge.verdicts(folder / "leads.ndjson", changed))
    return seed, whole, parts


def _sum(runs, filters):
    whole, parts = Tally(), {name: Tally() for name in filters}
    for _, found, found_parts in runs:
        whole.add(found)
        for name in filters:
            parts[name].add(found_parts[name])
    return whole, parts


def _options(arguments):
    parser = argparse.ArgumentParser(prog="bench/detection/run", description="How much fraud the filters stop, and how many honest "
                                     "people they turn away, on made-up traffic of four weeks.")
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("1-3,701-705"), metavar="1-3,701-705",
                        help="one traffic each; from 100 on they are held out: no rule was tuned on them")
    parser.add_argument("--leads", type=int, default=50_000, help="leads a seed, about")
    parser.add_argument("--filters", action="store_true", help="also with each filter switched off")
    parser.add_argument("--rules", default=str(judge.RULES), help="another rule set than rules/default.yaml")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the leads and their labels there")
    parser.add_argument("--json", metavar="FILE", default=str(RESULTS), help="where the figures go as JSON")
    options = parser.parse_args(arguments)
    if options.leads < 1000:
        parser.error("--leads: expected at least 1000, or some kinds would not occur")
    return options


def _run(options):
    filters = judge.filters_of(Path(options.rules).read_text(encoding="utf-8")) if options.filters else []
    jobs = [(seed, options.leads, options.rules, filters, options.keep) for seed in options.seeds]
    with multiprocessing.Pool(min(WORKERS, len(jobs))) as pool:
        runs = pool.map(run_seed, jobs, chunksize=1)
    results, missed = {}, False
    for name, chosen in (("tuning", lambda seed: seed < HELD_OUT_FROM), ("held-out", lambda seed: seed >= HELD_OUT_FROM)):
        part = [run for run in runs if chosen(run[0])]
        if not part:
            continue
        title = f"{name} seeds {', '.join(str(run[0]) for run in part)}"
        whole, parts = _sum(part, filters)
        wanted = targets(whole)
        report.show(title, whole)
        if filters:
            report.show_filters(title, whole, parts)
        report.show_targets(title, wanted)
        results[name] = {"seeds": [run[0] for run in part], **report.as_json(whole, wanted, parts)}
        missed = any(not target.met for target in wanted)   # held-out seeds come last, and decide
    Path(options.json).parent.mkdir(parents=True, exist_ok=True)
    Path(options.json).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


def main(arguments):
    options = _options(arguments)
    try:
        return _run(options)
    except (judge.Unusable, OSError) as fault:
        print(f"bench/detection/run: {fault}", file=sys.stderr)
        return 2
