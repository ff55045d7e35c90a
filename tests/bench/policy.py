#!/usr/bin/env python3
"""policy.py - how long does a policy that does not end hold up the others of its worker?

    python3 tests/bench/policy.py [--build DIR] [--requests 30]

One worker; each runaway is sent on one connection, and right behind it a request for the list of models on another. Prints the worker's CPU
time for each runaway, beyond what a request costs that is refused at once, the most CPU time that the worker spent until the neighbour had
its answer, and the longest that this took. The goal is 15 ms of CPU for the neighbour with cpu_ms = 10; ends with 1 where it is missed. On
a busy machine the wait is longer than the CPU time: what counts is the latter. Hooks that run in one turn add up ("twice": on_request and
on_finish of a request that fails): the goal is that of all together.
"""

import argparse
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

GOAL_MS = 15
RUNAWAYS = {
    "loop": "while true do end",
    "pcall": "while true do pcall(function() while true do end end) end",
    "sort": "local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function(a, b) while true do end end)",
    "text": "local s = 'x' while true do s = s .. s:sub(1, 1000) end",
    "pattern": "local s = ('a'):rep(300) while true do s:find('.-.-.-.-.-b') end",
    "tables": "while true do local t = {} for i = 1, 100 do t[i] = { i } end end",
    "json": "local t = {} for i = 1, 1000 do t[i] = i end while true do gw.json.encode(t) end",
    "find": "while true do req:find('nothing of that kind') end",
    "regex": "local s = ('a'):rep(5000) .. 'b' while true do slow:find(s) end",
    "edit": "while true do req:map_text(function(text) return text .. 'x' end) end",
    "twice": "req.vars.again = true while true do end",
}


def measure(harness, client, requests):
    """{name: (CPU ms of one, the most CPU ms while a neighbour waited, its longest wait in ms)}"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "p.lua")
        with open(path, "w", encoding="utf-8") as f:
            f.write("local slow = gw.regex '(a+)+$'\nreturn { on_finish = function(req) while req.vars.again do end end, on_request = function(req)\n if req:find('quick') then error('at once') end\n")
            for name, body in RUNAWAYS.items():
                f.write(" if req:find('run %s') then %s end\n" % (name, body))
            f.write("end }\n")
        lua = 'listen { workers = 1 }\nprovider "demo" { tokens_per_second = 100000 }\nmodel "m" { { "demo/m" } }\npolicy "%s" { cpu_ms = 10 }\n' % path
        with harness.Gateway(lua) as gw:
            base = cpu_of_each(harness, gw, "quick", requests)[0]
            out = {}
            for name in RUNAWAYS:
                cpu = cpu_of_each(harness, gw, "run " + name, requests)[0] - base
                out[name] = (cpu, *neighbour(harness, gw, client, "run " + name, requests))
            return out


def worker_ns(harness, gw):
    names = harness.tasks(gw.process.pid, "comm")
    stat = harness.tasks(gw.process.pid, "schedstat")
    return sum(int(stat[task].split()[0]) for task, name in names.items() if name.startswith("gw-worker"))


def cpu_of_each(harness, gw, text, requests):
    before = worker_ns(harness, gw)
    for _ in range(requests):
        answer = gw.chat(text)
        if answer.status != 500:
            raise AssertionError("%s: %r" % (text, answer))
    return (worker_ns(harness, gw) - before) / requests / 1e6, requests


def neighbour(harness, gw, client, text, requests):
    """A small request is sent right behind a runaway: the most that the worker computed until it had its answer, and the longest that took."""
    most, longest = 0, 0.0
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    runaway = client.build("POST", "/v1/chat/completions", (), body)
    with client.Conn(gw.port) as first, client.Conn(gw.port) as second:
        for _ in range(requests):
            before, begun = worker_ns(harness, gw), time.monotonic()
            first.send(runaway)
            second.send(client.build("GET", "/v1/models", (), None))
            second.response("GET")
            longest = max(longest, time.monotonic() - begun)
            most = max(most, worker_ns(harness, gw) - before)
            first.response()
    return most / 1e6, longest * 1e3


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--build")
    options.add_argument("--requests", type=int, default=30)
    args = options.parse_args()
    if args.build:
        os.environ["GW_BUILD"] = os.path.abspath(args.build)
    import client
    import harness  # reads GW_BUILD

    over = 0
    worst = 0.0
    for name, (cpu, beside, wait) in measure(harness, client, args.requests).items():
        missed = beside > GOAL_MS
        over += missed
        worst = max(worst, beside)
        print("%-8s %5.1f ms of CPU   its neighbour waits for %5.1f ms of CPU, %6.1f ms in all%s" % (name, cpu, beside, wait, "   OVER" if missed else ""))
    print("the neighbour of a runaway policy waits for at most %.1f ms of CPU; the goal is %d" % (worst, GOAL_MS))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
