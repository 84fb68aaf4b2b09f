"""Benchmarks inside one process: the programs measure, this passes on."""


def _pass_on(figures, rows, prefix=""):
    for row in rows:
        figures.add(prefix + row["name"], row["value"], row["unit"], row.get("floor"))


def micro(lab, figures):
    _pass_on(figures, lab.run("micro"))


def router(lab, figures):
    _pass_on(figures, lab.run("router"))
    _pass_on(figures, lab.run("pace"))


def ledger(lab, figures):
    from .lab import scaled
    folder = lab.home / "ledger"
    folder.mkdir(parents=True, exist_ok=True)
    _pass_on(figures, lab.run("ledger", "--dir", folder, "--credits", scaled(200000)))
    _pass_on(figures, lab.run("money", "--dir", folder, "--leads", scaled(1000000)))
    for file in folder.iterdir():
        file.unlink()
