"""Our own allocation: the production core, through `punnet simulate`."""
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
PUNNET = Path(os.environ.get("PUNNET_BIN", ROOT / "build/release/bin")) / "punnet"


class Unusable(Exception):
    """What the benchmark can't go on with, in a sentence for whoever started it."""


def simulate(market, history=True, even=False):
    """The order of every lead; -1: nobody. even: of all orders."""
    if not PUNNET.exists():
        raise Unusable(f"{PUNNET} is missing; `make build` makes it, or set PUNNET_BIN")
    with tempfile.TemporaryDirectory(prefix="allocation-") as scratch:
        folder = Path(scratch)
        market.write(folder, even)
        command = [PUNNET, "simulate", "--orders", folder / "orders.yaml", "--leads", folder / "leads.ndjson",
                   "--decisions", folder / "decisions.ndjson"]
        if history:
            command += ["--history", folder / "history.ndjson"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unusable(f"punnet simulate ended with {done.returncode}: {done.stderr.strip()}")
        number = {market.order_id(j): j for j in range(market.orders)}
        lines = (folder / "decisions.ndjson").read_text(encoding="utf-8").splitlines()
        given = np.array([number.get(json.loads(line)["order"], -1) for line in lines])
    said, found = json.loads(done.stdout)["revenue_minor"], int(market.bids[given >= 0, given[given >= 0]].sum())
    if said != found:
        raise Unusable(f"{market.kind}, seed {market.seed}: punnet simulate says a revenue of {said}, its decisions make {found}")
    return given
