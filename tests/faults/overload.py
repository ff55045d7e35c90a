"""overload.py - three times as many requests as the upstream can take: what is answered, how long critical requests take, who waits.

A cell of cells.py: "overload/plain" without a critical key, "overload/critical" with 3 % of the requests from one. The upstream takes CAP
requests at a time, a second each on average; the gateway knows that (max_in_flight). 5 s at half of that, then three times of it, then half again.

Of each: at least 90 % of what the upstream can do is done; it never has more than CAP at a time; p95 of critical requests is at most twice what it was; nobody
waits longer than 2 s; what is refused is 503 or 529 and asks the client to come again; the memory stays; afterwards all is as before. "asked 0.30 s late": 99 % of the requests
began at most so long after they were due; where that is much, the machine had other work, and the times are its own.
"""

import asyncio
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from upstream import DONE, chunk, completion, delta, reply_json, stream_head, usage_event

CAP, BEFORE_S, AFTER_S, SETTLING_S = 24, 5, 6, 2
FACES = ("/v1/chat/completions", "/v1/messages")


class Upstream:
    """Answers after about a second; counts how many it has at a time."""

    def __init__(self, rng):
        self.rng, self.now, self.most = rng, 0, 0

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await self.answer(json.loads(await reader.readexactly(length)), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, body, writer):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            took = 0.7 + 0.6 * self.rng.random()
            if body.get("stream"):
                await asyncio.sleep(took / 4)
                writer.write(stream_head() + chunk(delta("fi")))
                await asyncio.sleep(took * 3 / 4)
                end = chunk(delta("ne")) + chunk(delta(finish="stop")) + chunk(usage_event()) + chunk(DONE) + b"0\r\n\r\n"
            else:
                await asyncio.sleep(took)
                end = reply_json(completion("fine"))
        finally:
            self.now -= 1  # before its end is seen, after which the next one may come
        writer.write(end)
        await writer.drain()


class Asked:
    def __init__(self, due, critical):
        self.due, self.critical, self.took, self.status, self.good, self.why, self.head = due, critical, None, None, False, "no answer", b""

    def ended(self):
        return self.due + self.took


async def ask(port, number, asked, begun):
    body = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "x"}]}
    path = FACES[number % 2]
    if number % 4 > 1:
        body["stream"] = True
    text = json.dumps(body).encode()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (
            path.encode(), b"vip" if asked.critical else b"n", len(text), text))
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        asked.head, _, rest = answer.partition(b"\r\n\r\n")
        asked.status = int(asked.head.split()[1])
        ended = b"message_stop" in rest or b"[DONE]" in rest if number % 4 > 1 else rest.endswith(b"}")
        asked.good = asked.status == 200 and ended and b"fi" in rest and b"ne" in rest and b'"error"' not in rest
        asked.why = "%r" % answer[:300]
    except (OSError, ValueError, IndexError, asyncio.TimeoutError) as error:
        asked.why = "%s: %s" % (type(error).__name__, error)
    asked.took = time.monotonic() - begun - asked.due


def metric(gw, name):
    lines = gw.request("GET", "/metrics").body.decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


async def drive(gw, seconds, share, rng, memory):
    """Asks at CAP / 2, 3 CAP and CAP / 2 requests a second. Returns all that was asked."""
    begun, all_asked, tasks, due, number, next_look = time.monotonic(), [], [], 0.0, 0, 0
    overload, over = BEFORE_S, BEFORE_S + seconds
    loop = asyncio.get_running_loop()
    while due < over + AFTER_S:
        await asyncio.sleep(max(0, begun + due - time.monotonic()))
        asked = Asked(due, rng.random() < share)
        asked.late = time.monotonic() - begun - due
        all_asked.append(asked)
        tasks.append(asyncio.ensure_future(ask(gw.port, number, asked, begun)))
        number += 1
        if due >= next_look:
            memory.append((due, await loop.run_in_executor(None, gw.rss)))
            next_look += 1
        due += 1 / (3 * CAP if overload <= due < over else CAP / 2)
    await asyncio.wait(tasks, timeout=60)
    return all_asked


def p95(asked):
    times = sorted(float("inf") if a.took is None else a.took for a in asked)
    return times[int(0.95 * (len(times) - 1))] if times else 0.0


def judge(asked, lines, upstream, memory, seconds, critical):
    end = BEFORE_S + seconds
    before = [a for a in asked if 1 <= a.due < BEFORE_S - 1]
    during = [a for a in asked if BEFORE_S <= a.due < end]
    after = [a for a in asked if a.due >= end + 3]
    done = sum(1 for a in asked if a.good and BEFORE_S + SETTLING_S <= a.ended() < end)
    refused = [a for a in during if not a.good]
    vip = [a for a in during if a.critical]
    queued = max([line.get("queued_ms", 0) for line in lines] + [0])
    late = sorted(a.late for a in asked)[int(0.99 * (len(asked) - 1))]
    rss = [r for at, r in memory if BEFORE_S + SETTLING_S <= at < end]
    figures = {"requests": len(during), "goodput": done / (CAP * (seconds - SETTLING_S)), "p95 before": p95(before), "critical p95": p95(vip), "p95 after": p95(after),
               "queued": queued / 1000, "rss": (rss[-1] - rss[0]) / (1 << 20), "late": late, "most": upstream.most}
    wrong = []
    if figures["goodput"] < 0.9:
        wrong.append("%.3f of what the upstream can do was done" % figures["goodput"])
    if upstream.most > CAP:
        wrong.append("the upstream had %d requests at a time, and takes %d" % (upstream.most, CAP))
    if critical and (figures["critical p95"] > 2 * figures["p95 before"] or any(not a.good for a in vip)):
        wrong.append("critical requests: p95 %.2f s, %d of %d without an answer" % (figures["critical p95"], sum(not a.good for a in vip), len(vip)))
    if queued > 2200:
        wrong.append("one waited %d ms" % queued)
    bad = [a for a in refused if a.status not in (503, 529) or b"x-should-retry: true" not in a.head.lower() or b"retry-after: " not in a.head.lower()]
    if bad:
        wrong.append("%d were refused in other words; the first: %s" % (len(bad), bad[0].why))
    if figures["rss"] > 64:
        wrong.append("the memory grew by %.0f MB" % figures["rss"])
    if any(not a.good for a in before + after) or figures["p95 after"] > 1.5 * figures["p95 before"]:
        wrong.append("before and after: %d without an answer, p95 %.2f and %.2f s" % (sum(not a.good for a in before + after), figures["p95 before"], figures["p95 after"]))
    if len(lines) != len(asked):
        wrong.append("%d requests, and %d lines in the access log" % (len(asked), len(lines)))
    return figures, wrong


async def play(gateway, seconds, share, seed):
    rng, memory = random.Random(seed), []
    upstream = Upstream(rng)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, backlog=512)
    loop = asyncio.get_running_loop()
    gw = await loop.run_in_executor(None, gateway, "http://127.0.0.1:%d/v1" % server.sockets[0].getsockname()[1])
    try:
        asked = await drive(gw, seconds, share, rng, memory)
        left = await loop.run_in_executor(None, metric, gw, "gw_queue_waiting_requests")
        lines = await loop.run_in_executor(None, gw.stop)
    finally:
        gw.kill()
        server.close()
    figures, wrong = judge(asked, lines, upstream, memory, seconds, share > 0)
    if left:
        wrong.append("%d still wait at the end" % left)
    return figures, wrong


def cell(kind, seconds, seed):
    """Runs it; returns its figures in words and what was not as promised."""
    from harness import Gateway, key_line, provider
    share = 0.03 if kind == "critical" else 0

    def gateway(url):
        lua = provider("up", url, 'price = "free"') + 'model "m" { { "up/real", max_in_flight = %d }, timeout = { total_s = 60 } }\n' % CAP
        lua += 'team "t" {}\n' + key_line("n", "t") + (key_line("vip", "t", ', priority = "critical"') if share else "")
        return Gateway(lua, env={"GW_TEST_HEALTH": "1"})

    figures, wrong = asyncio.run(play(gateway, seconds, share, seed))
    words = "%(requests)5d requests, goodput %(goodput).3f, p95 before %(p95 before).2f s, after %(p95 after).2f s, longest wait %(queued).2f s, memory %(rss)+.1f MB, asked %(late).2f s late" % figures
    return words + (", critical p95 %.2f s" % figures["critical p95"] if share else ""), wrong
