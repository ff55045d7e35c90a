"""cases.py - what is measured and how. A case runs one load against one system and returns its figures by name."""

import dataclasses
import itertools
import json
import os
import resource
import subprocess
import time
import typing

import stalled
from machines import KEY, Broken, cores, cpu_seconds, machine_busy, rss_kb, spawn


@dataclasses.dataclass
class Goal:
    """`kind` "ratio": to nginx in the same run; "value": of the gateway itself."""

    kind: str
    limit: float


@dataclasses.dataclass
class Line:
    figure: str
    label: str
    unit: str
    goal: typing.Optional[Goal] = None
    digits: int = 1
    ratio: bool = True  # does a ratio to nginx say anything?


@dataclasses.dataclass
class Case:
    name: str
    title: str
    how: str
    run: typing.Callable
    lines: list
    systems: tuple = ("direct", "nginx", "nginx+", "gateway")
    fresh: bool = False  # start the system anew in each round
    cached: str = ""  # each system answers from its own cache, the gateway from this plugin: one request goes upstream
    profiled: typing.Optional[typing.Callable] = None  # what --profile runs, where that is not `run`


class Bench:
    """What a case needs: the upstream, the tools, how long to take, and where to put what went wrong."""

    def __init__(self, shop, upstream, quick, nofile, patience=0.0):
        self.shop, self.upstream, self.quick, self.nofile, self.patience = shop, upstream, quick, nofile, patience
        self.notes, self.broken = [], False
        self.others = 0.0  # share of the machine that others used during the last load

    def seconds(self, full):
        return full / 2 if self.quick else full

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)
            print("  ! " + text, flush=True)

    def streams(self, wanted):
        """How many streams the limit of open files allows: a proxy needs two descriptors each and some more."""
        possible = int((self.nofile - 500) / 2.1)
        if self.nofile < 4 * wanted:
            self.note(f"the limit of open files, {self.nofile}, is low for {wanted} streams: 2 each are needed, 4 are plenty")
        if possible < wanted:
            self.note(f"SCALED DOWN FROM {wanted} TO {possible} STREAMS: raise the hard limit of open files (ulimit -Hn)")
        return min(wanted, possible)

    def command(self, system, mode, ramp=0.0, warmup=0.5, seconds=2.0, grace=5.0, api=None, **options):
        """The load generator's. `api`: another path of the gateway's than that of chats."""
        url = system.url(mode, api) if api else system.url(mode)
        argv = [self.shop.path("load"), "--url", url, "--model", mode, "--key", KEY]
        argv += ["--watch", str(system.pid), "--ramp", str(ramp), "--warmup", str(warmup)]
        argv += ["--seconds", str(seconds), "--grace", str(grace)]
        for name, value in options.items():
            argv += ["--" + name.replace("_", "-")] + ([] if value is True else [str(value)])
        return argv

    def load(self, system, mode, ramp=0.0, warmup=0.5, seconds=2.0, grace=5.0, **options):
        argv = self.command(system, mode, ramp, warmup, seconds, grace, **options)
        self.wait_for_quiet()
        ours = self.ours_seconds(system)
        process = spawn(argv, cores()[1], stdout=subprocess.PIPE, text=True)
        try:
            out, _ = process.communicate(timeout=ramp + warmup + seconds + grace + 15)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Broken(f"the load generator did not end: {' '.join(argv)}") from None
        if process.returncode != 0:
            raise Broken(f"the load generator failed: {' '.join(argv)}")
        self.others = self.others_since(ours, self.ours_seconds(system))
        seen = json.loads(out)
        self.check(system, mode, seen, options)
        return seen

    def ours_seconds(self, system):
        """(clock, busy of the machine, busy with us)"""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours = cpu_seconds(system.pid) + cpu_seconds(self.upstream.process.pid) + children.ru_utime + children.ru_stime
        return time.monotonic(), machine_busy(), ours + time.process_time()

    @staticmethod
    def others_since(before, after):
        span, busy, ours = (b - a for a, b in zip(before, after))
        return max(0.0, busy - ours) / span / os.cpu_count()

    def wait_for_quiet(self):
        """With --patience: waits until nobody else uses the machine, but not for ever."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            clock, busy = time.monotonic(), machine_busy()
            time.sleep(0.5)
            if (machine_busy() - busy) / (time.monotonic() - clock) / os.cpu_count() < 0.05:
                return

    def check(self, system, mode, seen, options):
        wrong = [f"{seen[k]} {k}" for k in ("errors", "non_200", "connect_errors", "unfinished") if seen[k]]
        if seen["non_200"]:
            wrong.append(f"last status {seen['status']}")
        if seen["reconnects"]:
            self.note(f"{system.name}, {mode}: {seen['reconnects']} kept-alive connections were closed by the server")
        if seen["unsent"]:
            self.note(f"{system.name}, {mode}: {seen['unsent']} of {seen['all_answers']} requests were due and never sent")
        if wrong:
            self.broken = True
            self.note(f"{system.name}, {mode}: {', '.join(wrong)} of {seen['all_answers']} answers; its figures do not count")
        if "cancel_after" not in options:
            inside = system.after_load(seen["all_answers"], mode)
            if inside:
                self.note(f"{system.name}, {mode}: {inside}")


def cpu_us(seen, count):
    return seen["cpu_ns"] / 1000 / seen[count] if "cpu_ns" in seen and seen[count] else None


def saturated(body, mode, stream=False, api=None):
    """32 connections in a closed loop."""

    def run(bench, system):
        more = {"stream": True} if stream else {}
        if api:
            more["api"] = api
        seen = bench.load(system, mode, seconds=bench.seconds(2), body=body, connections=32, **more)
        used = cpu_us(seen, "answers")
        return {
            "cpu": used,
            "per_core": 1e6 / used if used else None,
            "rate": seen["answers"] / seen["seconds"],
            "busy": 100 * seen["cpu_ns"] / 1e9 / seen["seconds"] if "cpu_ns" in seen else None,
        }

    return run


def burst(mode, events):
    """32 connections in a closed loop; each stream comes at once."""

    def run(bench, system):
        seen = bench.load(system, mode, seconds=bench.seconds(2), connections=32, stream=True, events=events)
        return {"cpu": cpu_us(seen, "events"), "busy": 100 * seen["cpu_ns"] / 1e9 / seen["seconds"] if "cpu_ns" in seen else None}

    return run


def saturated_case(name, title, body, mode, limit=None, stream=False):
    return Case(
        name,
        title,
        "32 kept-alive connections in a closed loop, 2 s; CPU = user + system of the proxy / answers in the window",
        saturated(body, mode, stream),
        [
            Line("cpu", "CPU per request", "us", Goal("ratio", limit) if limit else None),
            Line("per_core", "requests/s per core (1e6 / CPU)", "", digits=0),
            Line("rate", "requests/s reached", "", digits=0, ratio=False),
            Line("busy", "proxy's core busy (< 95: tools the limit)", "%", digits=0, ratio=False),
        ],
    )


def hit_case(name, title, mode, limit=None, stream=False, plugin="memory"):
    """The same request again and again: the proxies' own cache answers it."""
    case = saturated_case(name, title, 1024, mode, limit, stream)
    how = case.how + "; one request went upstream, the cache of the proxy gives its answer again (nginx: proxy_cache by address and body)"
    if plugin == "memcached":
        how += "; the gateway's is on memcached: its CPU is without its helper process, the helper's and memcached's come on top"
    return dataclasses.replace(case, how=how, systems=("nginx", "nginx+", "gateway"), cached=plugin)


def fixed_rate(bench, system):
    seen = bench.load(system, "w1k", seconds=bench.seconds(4), rate=1000, connections=32)
    late = seen["latency_us"]
    return {"p50": late["p50"], "p99": late["p99"], "cpu": cpu_us(seen, "answers")}


def streams_fast(mode):
    def run(bench, system):
        seen = bench.load(
            system, mode, ramp=1, warmup=0.5, seconds=4, grace=6, once=True, stream=True, events=60, connections=bench.streams(1000)
        )
        check_open(bench, system, seen)
        late = seen["lateness_us"]
        return {"cpu": cpu_us(seen, "events"), "p50": late["p50"], "p99": late["p99"], "max": late["max"]}

    return run


def check_open(bench, system, seen):
    if seen["open_begin"] != seen["open_end"]:
        bench.note(f"{system.name}: {seen['open_begin']} streams open at the window's begin, {seen['open_end']} at its end")


def streams_many(bench, system):
    time.sleep(0.3)
    idle = rss_kb(system.pid)
    seen = bench.load(
        system, "t1", ramp=4.5, warmup=1, seconds=8, grace=12, once=True, stream=True, events=15, connections=bench.streams(9000)
    )
    check_open(bench, system, seen)
    late = seen["lateness_us"]
    return {
        "core": seen["cpu_ns"] / 1e9 / seen["seconds"],
        "cpu": cpu_us(seen, "events"),
        "p50": late["p50"],
        "p99": late["p99"],
        "idle": idle / 1024,
        "rss": seen["rss_end_kb"] / 1024,
        "each": (seen["rss_end_kb"] - idle) / max(seen["open_end"], 1),
        "streams": seen["open_end"],
    }


def in_flight(count, seconds):
    def run(bench, system):
        number = count if count <= 1000 else bench.streams(count)
        seen = bench.load(system, "slow", ramp=2, warmup=4.5, seconds=bench.seconds(seconds), connections=number)
        late = seen["latency_us"]
        return {"cpu": cpu_us(seen, "answers"), "p99": late["p99"] - 2e6, "count": seen["open_end"]}

    return run


def in_flight_case(count, seconds):
    return Case(
        f"inflight{count}",
        f"{count} requests in flight, the upstream's first byte after 2 s",
        f"{count} connections in a closed loop, started evenly over 2 s, 4.5 s of warm-up; {count // 2} requests/s; {seconds} s",
        in_flight(count, seconds),
        [
            Line("cpu", "CPU per request", "us"),
            Line("p99", "p99 beyond the 2 s", "us", digits=0, ratio=False),
            Line("count", "in flight", "", digits=0, ratio=False),
        ],
        systems=("nginx", "gateway"),
    )


def memory(bench, system):
    seen = bench.load(system, "w1k", warmup=1, seconds=60, connections=32, requests=100000)
    return {"before": seen["rss_begin_kb"] / 1024, "after": seen["rss_end_kb"] / 1024,
            "growth": seen["rss_end_kb"] - seen["rss_begin_kb"]}


def cancel(bench, system):
    bench.upstream.stats()  # forget what was before
    seen = bench.load(system, "long", ramp=2, warmup=0, seconds=8, once=True, stream=True, cancel_after=10, connections=1000)
    closed = dict(seen["cancels"])
    left = {}
    end = time.monotonic() + 3
    while time.monotonic() < end and not closed.keys() <= left.keys():
        time.sleep(0.2)
        left.update({number: at for number, at in bench.upstream.stats()["left"]})
    delays = sorted((left[n] - closed[n]) / 1e6 for n in closed if n in left)
    missing = len(closed) - len(delays)
    if missing or not delays:
        bench.broken = True
        bench.note(f"{system.name}: {missing} of {len(closed)} upstream streams ran on 3 s after their clients had left")
    if not delays:
        return {}
    return {"p50": delays[len(delays) // 2], "p99": delays[int(len(delays) * 0.99)], "max": delays[-1], "count": len(delays)}


def beside(mode, size):
    """Small relayed requests at a fixed rate, alone and beside one client that sends large ones, translated, in a closed loop."""

    def run(bench, system):
        small = {"rate": 500, "connections": 32, "seconds": bench.seconds(4)}
        alone = bench.load(system, "w1k", **small)["latency_us"]
        large = bench.command(system, mode, image=True, body=size, connections=1, warmup=0, seconds=small["seconds"] + 3, grace=10)
        process = spawn(large, cores()[1], stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        late = bench.load(system, "w1k", **small)["latency_us"]
        seen = json.loads(process.communicate(timeout=40)[0])
        system.after_load(0, mode)
        if not seen["answers"] or seen["errors"] or seen["non_200"]:
            bench.broken = True
            bench.note(f"{mode}: the large requests failed: {seen['errors']} errors, {seen['non_200']} not 200")
        return {"alone": alone["p99"] / 1000, "p50": late["p50"] / 1000, "p99": late["p99"] / 1000, "max": late["max"] / 1000,
                "large": seen["answers"] / seen["seconds"], "each": cpu_us(seen, "answers") / 1000}

    return run


def beside_case(name, size, words, limit):
    return Case(
        name,
        f"small requests beside one client that sends {words}, an image, translated",
        f"500 requests/s of 1 KB, relayed, 4 s, alone and while one connection sends requests of {words} to an Anthropic upstream in a closed "
        "loop, on the same worker; a request's time counts from when it was due",
        beside("a1k", size),
        [
            Line("alone", "p99, alone", "ms", digits=2),
            Line("p50", "p50", "ms", digits=2),
            Line("p99", "p99", "ms", Goal("value", limit), digits=2),
            Line("max", "longest", "ms", digits=2),
            Line("large", "large requests/s", "", digits=1),
            Line("each", "CPU of all for each large one", "ms", digits=2),
        ],
        systems=("gateway",),
    )


def translated_case(name, title, how, relay, translated, what, more=(), goal=None):
    """Two loads on the same process in each round, the rounds beginning with the one and the other in turn."""
    turns = itertools.count()

    def run(bench, system):
        loads, others = [("relayed", relay), ("translated", translated)], 0.0
        figures = {}
        for kind, load in loads[:: -1 if next(turns) % 2 else 1]:
            figures |= {f"{kind}_{figure}": value for figure, value in load(bench, system).items()}
            others = max(others, bench.others)
        bench.others = others
        one, other = figures["relayed_cpu"], figures["translated_cpu"]
        return {**figures, "quotient": other / one if one and other else None}

    lines = [Line(f"{kind}_{figure}", f"{label}, {kind}", unit, digits=digits)
             for figure, label, unit, digits in (("cpu", f"CPU per {what}", "us", 2), *more) for kind in ("relayed", "translated")]
    lines.insert(2, Line("quotient", f"CPU per {what}, translated / relayed", "x", goal and Goal("value", goal), digits=2))
    return Case(name, title, how, run, lines, systems=("gateway",), profiled=translated)


def bodies_case(size, words, to_openai, goal):
    """A body of `size` bytes, translated one way or the other, beside the relay of the same body."""
    api = "messages" if to_openai else None
    relay, translated = ("a1k", "w1k") if to_openai else ("w1k", "a1k")
    way = "messages to an OpenAI upstream" if to_openai else "chat to an Anthropic upstream"
    return translated_case(
        f"{'back' if to_openai else 'trans'}{words.replace(' ', '').lower().removesuffix('b')}",
        f"{way}, {words} request, 1 KB answer, beside the relay",
        "as req1k, in turn: relayed to an upstream of the client's own API, and translated, request and answer",
        saturated(size, relay, api=api),
        saturated(size, translated, api=api),
        "request",
        [("busy", "proxy's core busy", "%", 0)],
        goal,
    )


CASES = [
    saturated_case("req1k", "1 KB request, 1 KB answer", 1024, "w1k", 1.8),
    saturated_case("req10k", "10 KB request, 1 KB answer", 10240, "w1k", 1.8),
    saturated_case("req100k", "100 KB request, 1 KB answer", 102400, "w1k", 2.0),
    saturated_case("ans10k", "1 KB request, 10 KB answer", 1024, "w10k"),
    saturated_case("ans100k", "1 KB request, 100 KB answer", 1024, "w100k"),
    saturated_case("sse10k", "1 KB request, 10 KB stream of 50 events sent at once", 1024, "s10k", stream=True),
    saturated_case("sse100k", "1 KB request, 100 KB stream of 512 events sent at once", 1024, "s100k", stream=True),
    hit_case("hit1k", "1 KB request, 1 KB answer from the cache", "w1k", 3),
    hit_case("hit1k-memcached", "1 KB request, 1 KB answer from the cache on memcached", "w1k", plugin="memcached"),
    hit_case("hit100k", "1 KB request, 100 KB answer from the cache", "w100k"),
    hit_case("hitsse10k", "1 KB request, 10 KB stream of 50 events from the cache", "s10k", stream=True),
    Case(
        "rate",
        "1,000 requests/s, 1 KB request, 1 KB answer",
        "open loop, 32 kept-alive connections, 4 s; a request's time counts from when it was due",
        fixed_rate,
        [
            Line("p50", "p50", "us"),
            Line("p99", "p99", "us"),
            Line("cpu", "CPU per request", "us"),
        ],
    ),
    Case(
        "streams10",
        "1,000 streams of 10 events/s, 200 B each",
        "one stream on each of 1,000 connections, opened over 1 s, 4 s with all open, each to its [DONE]; "
        "late = arrival of an event less the time at which the upstream was to send it",
        streams_fast("t10"),
        [
            Line("cpu", "CPU per event", "us", Goal("ratio", 1.2)),
            Line("p50", "late, p50", "us", digits=0),
            Line("p99", "late, p99", "us", digits=0),
            Line("max", "late, max", "us", digits=0),
        ],
    ),
    Case(
        "streams1",
        "9,000 streams of 1 event/s, 200 B each",
        "the system started anew; one stream on each of 9,000 connections, opened over 4.5 s, 8 s with all open; memory = Rss of "
        "smaps_rollup before the first request and at the end of the 8 s",
        streams_many,
        [
            Line("core", "core used", "core", Goal("value", 0.25), digits=3),
            Line("cpu", "CPU per event", "us"),
            Line("p50", "late, p50", "us", digits=0),
            Line("p99", "late, p99", "us", digits=0),
            Line("idle", "memory idle", "MB", Goal("value", 20)),
            Line("rss", "memory with all streams open", "MB"),
            Line("each", "memory per open stream", "KB", Goal("value", 24)),
            Line("streams", "streams open", "", digits=0, ratio=False),
        ],
        systems=("nginx", "gateway"),
        fresh=True,
    ),
    in_flight_case(200, 8),
    in_flight_case(8000, 4),
    Case(
        "memory",
        "memory over 100,000 requests of 1 KB",
        "the system started anew; 32 connections in a closed loop, 1 s of warm-up, then 100,000 answers; growth between the two; "
        "flat = at most 1 MB",
        memory,
        [
            Line("before", "memory after the warm-up", "MB"),
            Line("after", "memory 100,000 requests later", "MB"),
            Line("growth", "growth", "KB", Goal("value", 1024), digits=0, ratio=False),
        ],
        systems=("nginx", "gateway"),
        fresh=True,
    ),
    Case(
        "cancel",
        "a client that leaves mid-stream",
        "1,000 streams of 10 events/s, each closed by its client after its 10th event; from just before the client's close() to when "
        "the upstream saw its connection end",
        cancel,
        [
            Line("p50", "delay, p50", "ms", digits=2),
            Line("p99", "delay, p99", "ms", Goal("value", 100), digits=2),
            Line("max", "delay, max", "ms", digits=2),
            Line("count", "streams", "", digits=0, ratio=False),
        ],
    ),
    Case(
        "stalled",
        "a provider whose connects stall, beside one that answers",
        f"{stalled.STALLED} requests at once to an address that drops each SYN (dropped) or takes connections and never answers to TLS "
        f"(silent), with the healthy provider as fallback after {stalled.CONNECT_S} s; meanwhile {stalled.HEALTHY} requests of 1 KB to the "
        f"healthy one, {stalled.RATE} a second, their time counted from when they were due; the same alone, before; no request may fail",
        stalled.run,
        [
            Line("alone", "p99, alone", "us"),
            *(Line(kind, f"p99, beside {kind}", "us") for kind in stalled.KINDS),
            *(Line(f"{kind}_x", f"p99, beside {kind} / alone", "x", Goal("value", 2), digits=2) for kind in stalled.KINDS),
        ],
        systems=("gateway",),
    ),
    *(bodies_case(size, words, to_openai, goal) for to_openai in (False, True)
      for size, words, goal in ((1024, "1 KB", 1.8), (10240, "10 KB", 2.8), (102400, "100 KB", 5))),
    beside_case("beside1m", 1 << 20, "1 MB", 5),
    beside_case("beside10m", 10 << 20, "10 MB", 15),
    translated_case(
        "transstream",
        "chat to an Anthropic upstream, 1,000 streams of 10 events/s, 200 B each, beside the relay",
        "as streams10, in turn: from an OpenAI-shaped upstream as it is, and from Anthropic's, each event translated",
        streams_fast("t10"),
        streams_fast("a10"),
        "event",
        [("p99", "late, p99", "us", 0)],
    ),
    translated_case(
        "transburst",
        "chat to an Anthropic upstream, streams of 512 events of 200 B sent at once, beside the relay",
        "32 kept-alive connections in a closed loop, 2 s, in turn: from an OpenAI-shaped upstream as it is, and from Anthropic's, each "
        "event translated; one read brings many events, so what they cost by themselves is not hidden by waking and writing",
        burst("s100k", 512),
        burst("a100k", 512),
        "event",
        [("busy", "proxy's core busy", "%", 0)],
    ),
]
