"""Benchmarks inside one process: the programs measure, this passes on."""

HOSTILE_OFFSET = 82  # of the port of an advertiser that misbehaves
TUNING_SEED = 1       # of bench/detection's traffic


def _pass_on(figures, rows, prefix=""):
    for row in rows:
        figures.add(prefix + row["name"], row["value"], row["unit"], row.get("floor"))


def micro(lab, figures):
    _pass_on(figures, lab.run("micro"))


def router(lab, figures):
    _pass_on(figures, lab.run("router"))
    _pass_on(figures, lab.run("pace"))


def replay(lab, figures):
    from .lab import ROOT, scaled
    import shutil
    golden = sorted(path for path in (ROOT / "tests/golden").iterdir() if path.is_dir())[-1]
    scratch = lab.home / "replay"
    shutil.rmtree(scratch, ignore_errors=True)
    _pass_on(figures, lab.run("replay", "--punnet", lab.bin / "punnet", "--golden", golden, "--scratch", scratch,
                              "--leads", scaled(300000)))
    shutil.rmtree(scratch)
    _pass_on(figures, lab.run("lives", "--punnet", lab.bin / "punnet", "--golden", golden, "--scratch", scratch,
                              "--leads", scaled(50000)))
    shutil.rmtree(scratch)


def judge(lab, figures):
    """`punnet judge` over a file of leads of every kind, with the standard rules; CPU time of the process, its start included."""
    import resource
    import subprocess
    import sys
    from .lab import ROOT, BenchError, scaled
    sys.path.insert(0, str(ROOT / "bench/detection"))
    from detectlib.traffic import write
    folder = lab.home / "judge"
    write(TUNING_SEED, scaled(50000), folder)
    leads = folder / "leads.ndjson"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([lab.bin / "punnet", "judge", "--leads", leads, "--rules", ROOT / "rules/default.yaml"],
                          capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    verdicts = done.stdout.count(b"\n")
    if done.returncode != 0 or verdicts != leads.read_bytes().count(b"\n") or b'"error"' in done.stdout:
        raise BenchError(f"bench: punnet judge ended with {done.returncode}: {done.stderr.decode()[:400]}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures.add("judge, leads a second of CPU", verdicts / cpu_s, "1/s")
    for path in folder.iterdir():
        path.unlink()


def ledger(lab, figures):
    from .lab import scaled
    folder = lab.home / "ledger"
    folder.mkdir(parents=True, exist_ok=True)
    _pass_on(figures, lab.run("ledger", "--dir", folder, "--credits", scaled(200000)))
    _pass_on(figures, lab.run("money", "--dir", folder, "--leads", scaled(1000000)))
    for file in folder.iterdir():
        file.unlink()


def sim(lab, figures):
    """CPU of the whole run: the machine may be doing something else."""
    import resource
    import subprocess
    from .lab import scaled
    count = scaled(1000) // 2
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([lab.bin.parent / "tests/punnet-sim", "--count", str(count)], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures.add("simulator, seeds a second of CPU", count / cpu_s, "1/s")


def webhooks(lab, figures):
    from .lab import scaled, wait_for_port
    with lab.sink():
        count, hostile_port = scaled(40000), lab.port_base + HOSTILE_OFFSET
        hostile = lab.start("sink", "--port", hostile_port, core=1)
        try:
            wait_for_port(hostile_port)
            ours = lab.run("delivery", "--port", lab.sink_port, "--hostile-port", hostile_port, "--webhooks", count, core=0)
        finally:
            lab.end(hostile)
        bare = lab.run("floor-delivery", "--port", lab.sink_port, "--count", count, "--in-flight", 64, core=0)[0]
    floors = {"webhooks, CPU": bare["cpu_us"], "webhooks, one core": bare["per_s"]}
    for row in ours:
        figures.add(row["name"], row["value"], row["unit"], floors.get(row["name"], row.get("floor")))
