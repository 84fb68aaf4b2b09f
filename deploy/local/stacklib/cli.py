"""stack up | down | status | restart | kill | lose | pause | resume | start | stop | scale | logs | env"""
import argparse
import json
import os
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from . import engines
from .layout import BROKERS_MAX, ENGINES, INSTANCES_MAX, ROOT, SERVICES, Layout
from .supervisor import Supervisor, ask

START_TIMEOUT_S = 90
USAGE = "usage: stack COMMAND; `stack --help` lists them"


def main(arguments):
    parser = _parser()
    options = parser.parse_args(arguments)
    layout = Layout.from_environment()
    return options.run(layout, options) or 0


def _parser():
    parser = argparse.ArgumentParser(prog="stack", description="Kafka, Redis and every Punnet service on loopback.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="start everything; does nothing to what runs already")
    up.add_argument("--brokers", type=int, choices=range(1, BROKERS_MAX + 1), default=None,
                    help="3 gives replication 3 and min.insync.replicas 2 (default 1)")
    up.add_argument("--scale", action="append", default=[], metavar="SERVICE=N", help="instances of a service")
    up.add_argument("--engines-only", action="store_true", help="Kafka and Redis only, with the topics made")
    up.set_defaults(run=_up)

    for verb, text in (("restart", "SIGTERM, drain, start again"), ("kill", "SIGKILL; the supervisor starts it again"),
                       ("lose", "SIGKILL, and not started again: as if its host were gone"),
                       ("pause", "SIGSTOP"), ("resume", "SIGCONT"), ("stop", "drain and leave it stopped"),
                       ("start", "start what was stopped")):
        command = commands.add_parser(verb, help=text)
        command.add_argument("service", help="collector, filter-worker@2, kafka, …")
        command.set_defaults(run=_order, verb=verb)

    scale = commands.add_parser("scale", help="change the number of instances: scale filter-worker=3")
    scale.add_argument("what", metavar="SERVICE=N")
    scale.set_defaults(run=_scale)

    down = commands.add_parser("down", help="drain and end everything; the data stays")
    down.add_argument("--wipe", action="store_true", help="delete the data, the logs and the keys as well")
    down.set_defaults(run=_down)
    status = commands.add_parser("status", help="what runs, since when, how often restarted, and whether it is ready")
    status.add_argument("--json", action="store_true")
    status.set_defaults(run=_status)
    logs = commands.add_parser("logs", help="the log of a service")
    logs.add_argument("service")
    logs.add_argument("-f", "--follow", action="store_true")
    logs.set_defaults(run=_logs)
    env = commands.add_parser("env", help="export lines for the shell: URLs and sample keys")
    env.set_defaults(run=_env)
    supervise = commands.add_parser("supervise")  # what `up` leaves behind; not for people
    supervise.set_defaults(run=_supervise)
    return parser


# --- up ---
def _up(layout, options):
    scale = _scales(options.scale)
    if options.brokers and layout.path("data/kafka-1").exists() and options.brokers != layout.brokers:
        return _fail(f"this stack's data was made with {layout.brokers} broker(s); `stack down --wipe` first")
    layout.brokers = options.brokers or layout.brokers
    _check_programs(layout, options.engines_only)
    layout.make_folders()
    layout.path("run/brokers").write_text(str(layout.brokers))
    layout.write_config()
    if ask(layout, verb="status") is None:
        _leave_supervisor(layout)
    running = {s["name"] for s in ask(layout, verb="status")["services"]}
    _up_engines(layout, running)
    _punnet(layout, "topics", "apply")
    if options.engines_only:
        return 0
    _punnet(layout, "directory", "apply", str(ROOT / "rules/directory.yaml"), "--keys-file", str(layout.keys_file))
    for service in SERVICES:
        _up_service(layout, service, scale.get(service, 1), running)
    _wait_ready(layout)
    print(f"stack: up; front door {layout.collector_url}; `eval \"$(deploy/local/stack env)\"` sets the rest")
    return 0


def _scales(texts):
    scale = {}
    for text in texts:
        service, _, number = text.partition("=")
        if service not in SERVICES or not number.isdigit() or not 0 <= int(number) <= INSTANCES_MAX:
            raise SystemExit(f"stack: {text!r}: expected SERVICE=N, N from 0 to {INSTANCES_MAX}, for example filter-worker=3")
        scale[service] = int(number)
    return scale


def _check_programs(layout, engines_only):
    if layout.own_kafka and not layout.jars.exists():
        raise SystemExit("stack: Kafka's jars are not there; run `make build` or deploy/setup/fetch-kafka")
    names = ["punnet"] + ([] if engines_only else [f"punnet-{s}" for s in SERVICES])
    missing = [n for n in names if not (layout.bin / n).exists()]
    if missing:
        raise SystemExit(f"stack: {layout.bin} has no {', '.join(missing)}; run `make build`")


def _leave_supervisor(layout):
    with open(layout.path("logs/supervisor.log"), "ab") as log:
        process = subprocess.Popen([sys.executable, str(ROOT / "deploy/local/stack"), "supervise"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                   env={**os.environ, "PUNNET_HOME": str(layout.home)})
    layout.path("run/supervisor.pid").write_text(str(process.pid))
    end = time.monotonic() + 10
    while ask(layout, verb="status") is None:
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"stack: the supervisor did not start; see {layout.path('logs/supervisor.log')}")
        time.sleep(0.02)


def _up_engines(layout, running):
    alive = lambda name: lambda: any(  # noqa: E731
        s["name"] == name and s["pid"] for s in ask(layout, verb="status")["services"])
    if layout.own_redis and "redis" not in running:
        ask(layout, verb="add", name="redis", command=engines.redis_command(layout))
    if layout.own_kafka:
        names = ["kafka"] if layout.brokers == 1 else [f"kafka@{number + 1}" for number in range(layout.brokers)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda number: engines.kafka_prepare(layout, number), range(layout.brokers)))
        for number, name in enumerate(names):
            if name not in running:
                ask(layout, verb="add", name=name, command=engines.kafka_command(layout, number))
        for number, port in enumerate(engines.kafka_ports(layout)):
            engines.wait_for_port(port, names[number], alive(names[number]))
    if layout.own_redis:
        engines.wait_for_port(engines.redis_port(layout), "redis", alive("redis"))


def _instance(service, number):
    return f"{service}@{number}"


def _up_service(layout, service, count, running):
    for number in range(1, count + 1):
        name = _instance(service, number)
        if name in running:
            continue
        command = [layout.bin / f"punnet-{service}", "--config", layout.config_file, "--instance", name,
                   "--admin", f"127.0.0.1:{layout.admin_port(service, number)}"]
        answer = ask(layout, verb="add", name=name, command=[str(c) for c in command],
                     environment=layout.instance_environment(service, number))
        if not answer["ok"]:
            raise SystemExit(f"stack: {name}: {answer['error']}")


def _punnet(layout, *arguments):
    done = subprocess.run([str(layout.bin / "punnet"), *arguments, "--config", str(layout.config_file)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"stack: punnet {' '.join(arguments)}: {done.stderr or done.stdout}")


def _admin_url(layout, name):
    service, _, number = name.partition("@")
    return f"http://127.0.0.1:{layout.admin_port(service, int(number or 1))}"


def _ready(layout, name):
    if name.split("@")[0] in ENGINES:
        return True, ""
    try:
        with urllib.request.urlopen(f"{_admin_url(layout, name)}/readyz", timeout=1) as answer:
            return answer.status == 200, ""
    except urllib.error.HTTPError as error:
        return False, error.read().decode(errors="replace")[:200]
    except OSError as error:
        return False, str(error)


def _wait_ready(layout):
    end = time.monotonic() + START_TIMEOUT_S
    while True:
        states = ask(layout, verb="status")["services"]
        late = {s["name"]: _ready(layout, s["name"]) for s in states if s["state"] == "running"}
        late = {name: why for name, (ready, why) in late.items() if not ready}
        if not late:
            return
        if time.monotonic() > end:
            raise SystemExit(f"stack: not ready after {START_TIMEOUT_S} s: {late}; logs in {layout.path('logs')}")
        time.sleep(0.1)


# --- the other commands ---
def _resolve(layout, name):
    """`collector` means `collector@1`; engines go by their own name."""
    services = [s["name"] for s in (ask(layout, verb="status") or {"services": []})["services"]]
    return name if name in services or "@" in name else (f"{name}@1" if f"{name}@1" in services else name)


def _order(layout, options):
    answer = ask(layout, verb=options.verb, name=_resolve(layout, options.service))
    if answer is None:
        return _fail("no stack runs here; `stack up` starts one", 3)
    if not answer["ok"]:
        return _fail(answer["error"], 2)
    return 0


def _scale(layout, options):
    (service, wanted), = _scales([options.what]).items()
    status = ask(layout, verb="status")
    if status is None:
        return _fail("no stack runs here; `stack up` starts one", 3)
    running = {s["name"] for s in status["services"]}
    _up_service(layout, service, wanted, running)
    for number in range(wanted + 1, INSTANCES_MAX + 1):
        if _instance(service, number) in running:
            ask(layout, verb="remove", name=_instance(service, number))
    _wait_ready(layout)
    return 0


def _down(layout, options):
    answer = ask(layout, verb="down")
    if answer and not answer["drained"]:
        print("stack: something did not drain in time and was killed; nothing is lost, it resumes from the log")
    if options.wipe:
        end = time.monotonic() + 5
        while layout.path("run/supervisor.pid").exists() and time.monotonic() < end:
            time.sleep(0.02)
        for name in ("data", "logs", "run", "conf", "keys"):
            subprocess.run(["rm", "-rf", str(layout.path(name))], check=True)
    return 0


def _status(layout, options):
    answer = ask(layout, verb="status")
    if answer is None:
        return _fail("no stack runs here; `stack up` starts one", 3)
    rows = answer["services"]
    for row in rows:
        row["ready"] = row["state"] == "running" and _ready(layout, row["name"])[0]
    if options.json:
        print("\n".join(json.dumps(row) for row in rows))
        return 0
    print(f"{'service':<18}{'pid':>8}  {'state':<9}{'ready':<7}{'up':>9}{'restarts':>10}")
    for row in rows:
        print(f"{row['name']:<18}{row['pid'] or '-':>8}  {row['state']:<9}{'yes' if row['ready'] else 'no':<7}"
              f"{row['up_s']:>8}s{row['restarts']:>10}")
    return 0


def _logs(layout, options):
    path = layout.path("logs", f"{_resolve(layout, options.service)}.log")
    if not path.exists():
        return _fail(f"no log {path}", 2)
    os.execvp("tail", ["tail", *(["-f"] if options.follow else []), "-n", "200", str(path)])


def _env(layout, _options):
    for name, value in layout.exports().items():
        print(f"export {name}={shlex.quote(str(value))}")


def _supervise(layout, _options):
    Supervisor(layout).run()


def _fail(text, status=1):
    print(f"stack: {text}", file=sys.stderr)
    return status
