#!/usr/bin/env python3
"""bench.py - the gateway against nginx and against no proxy at all, interleaved, in one run. See README.md."""

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time

import report
from cases import CASES, Bench, Line
from machines import Broken, Direct, Gateway, Nginx, NginxPlus, Upstream, Workshop, cores, keep_awake, raise_nofile, spawn

OTHERS = Line("others", "machine busy with others", "%", digits=0, ratio=False)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def arguments():
    parser = argparse.ArgumentParser(description="Measures the gateway beside nginx and the direct way, in turn, in one run.")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="the folder with llm-gateway (default: build)")
    parser.add_argument("--rounds", type=int, help="rounds of each case (default 7; 3 with --quick)")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: to see that it works")
    parser.add_argument("--json", metavar="FILE", help="also write everything there")
    parser.add_argument("--only", action="append", metavar="NAME", help="only this case; may be given several times")
    parser.add_argument("--profile", action="store_true", help="no table: perf of the gateway in req1k and streams10 (or --only ...)")
    parser.add_argument("--let-idle", action="store_true", help="leave idle cores to halt as they do (see README.md)")
    parser.add_argument("--patience", type=float, default=0, metavar="S",
                        help="on a machine that others use too: spend up to S seconds more on each measurement to get it undisturbed")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    args = parser.parse_args()
    args.rounds = args.rounds or (3 if args.quick else 7)
    known = {c.name for c in CASES}
    for name in args.only or []:
        if name not in known:
            parser.error(f"no case {name}; there are {', '.join(sorted(known))}")
    return args


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def first_line(argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().split("\n")[0]


def read(path):
    with open(path, encoding="ascii") as f:
        return f.read().strip()


def machine(nginx, nofile, awake):
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "pinned": cores(),
        "kernel": platform.release(),
        "nginx": first_line([nginx, "-v"]) if nginx else None,
        "nofile": nofile,
        "idle_cores": "poll" if awake else "halt",
        "congestion_control": read("/proc/sys/net/ipv4/tcp_congestion_control"),
        "load_average": os.getloadavg(),
    }


def note_build(bench, build):
    cache = os.path.join(build, "CMakeCache.txt")
    if not os.path.exists(cache):
        return
    with open(cache, encoding="utf-8") as f:
        for line in f:
            if line.startswith("GW_SANITIZE:") and line.strip()[-1] != "=":
                bench.note(f"THIS BUILD HAS SANITIZERS ({line.strip()}): its figures mean nothing")
            if line.startswith(("GW_TEST_BUILD:", "GW_TINY:", "GW_COVERAGE:")) and line.strip().endswith(("=ON", "=1")):
                bench.note(f"this is not the product's build ({line.strip()})")
            if line.startswith("CMAKE_BUILD_TYPE:") and line.strip().endswith("=Debug"):
                bench.note("this build is not optimised (CMAKE_BUILD_TYPE is Debug)")


def run_once(bench, case, system):
    """The figures of one round. Where others disturbed it and there is patience, the least disturbed of several."""
    best, end = None, time.monotonic() + bench.patience
    while True:
        if case.fresh:
            system.start()
        figures = {**case.run(bench, system), "others": 100 * bench.others}
        if case.fresh:
            system.stop()
        if not best or figures["others"] < best["others"]:
            best = figures
        if best["others"] <= 5 or time.monotonic() > end:
            return best


def run_case(bench, case, systems, rounds):
    """Rounds of all systems in turn, each round beginning with another. Returns system -> list of figures."""
    mine = [s for s in systems if s.name in case.systems]
    if not mine:
        bench.note(f"{case.name}: nothing here to measure it on")
        return {}
    figures = {s.name: [] for s in mine}
    for system in mine:
        system.cached = case.cached
    print(f"{case.name} ", end="", flush=True)
    began = time.monotonic()
    try:
        if not case.fresh:
            for system in mine:
                system.start()
        for number in range(rounds):
            for system in mine[number % len(mine):] + mine[: number % len(mine)]:
                figures[system.name].append(run_once(bench, case, system))
            print(".", end="", flush=True)
    finally:
        for system in mine:
            system.stop()
    print(f" {time.monotonic() - began:.0f} s", flush=True)
    return figures


def profile(bench, case, gateway):
    """perf on the gateway while the case runs; prints where its time goes."""
    data = bench.shop.path("perf.data")
    gateway.start()
    try:
        perf = spawn(["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-o", data, "-p", str(gateway.pid)], cores()[1],
                     stderr=subprocess.DEVNULL)
        figures = (case.profiled or case.run)(bench, gateway)
        perf.send_signal(signal.SIGINT)
        perf.wait(30)
    finally:
        gateway.stop()
    print(f"\n{case.name}: {case.title}")
    if figures.get("cpu"):
        print(f"  {figures['cpu']:.1f} us of CPU per request or event, perf's own cost included")
    for sort, count in (("dso", 12), ("dso,symbol", 40)):
        text = subprocess.run(["perf", "report", "-i", data, "--stdio", "--no-children", "--sort", sort], capture_output=True,
                              text=True, check=False).stdout
        lines = [x.rstrip() for x in text.split("\n") if x.strip() and not x.startswith("#")]
        print(f"\n  by {sort}:\n    " + "\n    ".join(x.rstrip("- ").strip() for x in lines[:count]))


def profile_all(bench, args, gateway):
    if not gateway:
        raise Broken("nothing to profile: no gateway")
    if not shutil.which("perf"):
        raise Broken("no perf here")
    for case in CASES:
        if case.name in (args.only or ["req1k", "streams10"]):
            profile(bench, case, gateway)


def measure(bench, args, systems, facts):
    lines, cases = [], [c for c in CASES if not args.only or c.name in args.only]
    for case in cases:
        figures = run_case(bench, case, systems, args.rounds)
        lines += [report.line_of(case, line, figures) for line in [*case.lines, OTHERS]]
    lines += report.derived(lines)
    facts["load_average_after"] = os.getloadavg()
    print(report.table(cases, lines))
    print(f"\nmedian [min max] of {args.rounds} rounds; {facts['cpu']}, {facts['cores']} cores (proxy, load, upstream on {facts['pinned']}), "
          f"Linux {facts['kernel']}, idle cores {facts['idle_cores']}, {facts['nginx']}")
    if any(s.name == "gateway" for s in systems):
        print(report.goals(lines))
    for note in bench.notes:
        print("note: " + note)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"machine": facts, "rounds": args.rounds, "quick": args.quick, "lines": lines, "notes": bench.notes}, f, indent=1)


def main():
    args = arguments()
    if args.list:
        for case in CASES:
            print(f"{case.name:<14}{case.title}")
        return 0
    nofile = raise_nofile(65536)
    awake = not args.let_idle and keep_awake()
    shop = Workshop()
    shop.compile()
    upstream = Upstream(shop)
    bench = Bench(shop, upstream, args.quick, nofile, args.patience)
    try:
        systems, gateway = [Direct(upstream)], None
        nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        if nginx:
            systems += [Nginx(upstream, shop, nginx), NginxPlus(upstream, shop, nginx)]
        else:
            bench.note("NO NGINX HERE: no ratios")
        program = os.path.join(args.build, "llm-gateway")
        if os.access(program, os.X_OK):
            gateway = Gateway(upstream, shop, program)
            systems.append(gateway)
            note_build(bench, args.build)
        else:
            bench.note(f"NO GATEWAY AT {program}: only what surrounds it is measured")
        if cores()[0] is None:
            bench.note("ONE CORE ONLY: proxy and tools share it, throughput says nothing")
        if args.profile:
            profile_all(bench, args, gateway)
        else:
            measure(bench, args, systems, machine(nginx, nofile, awake))
    finally:
        upstream.stop()
    return 1 if bench.broken else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all is stopped and removed
    try:
        sys.exit(main())
    except Broken as broken:
        sys.exit(f"bench: {broken}")
    except KeyboardInterrupt:
        sys.exit(130)
