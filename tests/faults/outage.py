"""outage.py - cells outage/refused, outage/500 and outage/hang of cells.py: both targets of a model fail for a while, and clients go on to ask, 40 times a second. A third of them
tries twice more after half a second, whatever the answer says about that.

In any 3 s, and over the whole outage: attempts at the upstreams <= 1.1 x the requests that came to the gateway; beside that each target has had at most 25 more, which its bucket of second
attempts holds; and once all targets are out, most requests are answered without an attempt. Each request gets one well-formed error (a hang: within its deadline). Within 15 s after the end
(the quick run: 8 s) answers come again, and no request fails any more.
"""

import asyncio
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import menu
import verdict
from wire import PATHS, Client, Service

RATE, HEALTHY_S, WINDOW_S, MORE, BACK_S = 40, 3, 3, 25, 15
TOTAL_S = 6
THROTTLED = {"refused": 0.2, "500": 0.2, "hang": 0.7}  # attempts for each request, while nothing is usable; a hang is seen later


class Plan:
    api, texts, fault, second, first = "chat", ["fine"], "right", "", "o"

    def __init__(self, number):
        self.streams = number % 2 == 1

    def outcome(self):
        return menu.EITHER


class Run:
    def __init__(self, kind, seconds, seed):
        self.kind, self.seconds, self.dice = kind, seconds, random.Random(seed)
        self.after_s = min(seconds, BACK_S + 3)
        self.asked, self.attempts, self.answers, self.wrong, self.fault = [], [], [], [], None

    async def serve(self, call):
        self.attempts.append(time.monotonic())
        if self.fault == "500":
            await menu.status(500)(call, None, self.dice)
        elif self.fault == "hang":
            await call.gone()
        else:
            await asyncio.sleep(0.03)
            await menu.right_answer(call, menu.Right(call, Plan.texts, None), self.dice)

    async def ask(self, port, number):
        """A client that may try again whether it is to or not."""
        plan, tries = Plan(number), 3 if number % 3 == 0 else 1
        for turn in range(tries):
            begun = time.monotonic()
            self.asked.append(begun)
            client = Client(port)
            body = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "x"}], **({"stream": True} if plan.streams else {})}
            try:
                answer = await asyncio.wait_for(client.ask(PATHS["chat"], body), TOTAL_S + 20)
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                self.wrong.append("no answer: %r" % error)
                return
            finally:
                client.close()
            read = verdict.Read(plan, answer)
            self.answers.append((begun, time.monotonic(), read.kind, read.why or (answer if read.kind != "good" else None)))
            why = verdict.judge(plan, answer, time.monotonic() - begun, TOTAL_S, True)
            if why:
                self.wrong.append("%s: %r" % (why, answer))
            if read.kind == "good" or turn + 1 == tries:
                return
            await asyncio.sleep(0.5)

    async def run(self):
        from harness import Gateway, provider
        services = [await Service(self.serve).start() for _ in "ab"]
        loop = asyncio.get_running_loop()
        lua = "".join(provider(name, s.url, 'price = "free"') for name, s in zip("ab", services))
        lua += 'model "m" { "a/x", "b/x", timeout = { connect_s = 2, first_token_s = 2, total_s = %d } }\n' % TOTAL_S
        gw = await loop.run_in_executor(None, lambda: Gateway(lua, env={"GW_TEST_HEALTH": "1"}))
        try:
            begun, tasks = time.monotonic(), []
            self.failed_s, self.back_s = begun + HEALTHY_S, begun + HEALTHY_S + self.seconds
            for number in range(int(RATE * (HEALTHY_S + self.seconds + self.after_s))):
                await asyncio.sleep(max(0, begun + number / RATE - time.monotonic()))
                await self.switch(services, time.monotonic())
                tasks.append(asyncio.ensure_future(self.ask(gw.port, number)))
            await asyncio.gather(*tasks)
            lines = await loop.run_in_executor(None, gw.stop)
        finally:
            gw.kill()
            for service in services:
                self.wrong += service.failed
                await service.stop()
        return self.judge(lines)

    async def switch(self, services, now):
        wanted = self.kind if self.failed_s <= now < self.back_s else None
        if wanted == self.fault:
            return
        self.fault = wanted
        if self.kind != "refused":
            return
        for service in services:
            if wanted:
                await service.stop()
            else:
                await service.start(service.port)

    def attempts_of(self, lines):
        """When the gateway tried, by its log: connections that are refused are seen by nobody else."""
        now, wall = time.monotonic(), time.time()
        return sorted(verdict.begun(line) - wall + now for line in lines for _ in line["attempts"])

    def judge(self, lines):
        attempts = self.attempts_of(lines) if self.kind == "refused" else self.attempts

        def count(times, start, end):
            return sum(1 for t in times if start <= t < end)
        during = count(attempts, self.failed_s, self.back_s)
        requests = count(self.asked, self.failed_s, self.back_s)
        worst = 0.0
        for step in range(int(2 * self.seconds) + 1):
            at = self.failed_s - WINDOW_S + step / 2
            mine, theirs = count(attempts, at, at + WINDOW_S), count(self.asked, at, at + WINDOW_S)
            worst = max(worst, mine - 1.1 * theirs)
        if worst > 2 * MORE:
            self.wrong.append("%.0f attempts more than 1.1 for each request within 3 s" % worst)
        if during > 1.1 * requests + (0 if self.seconds >= 60 else 2 * MORE):
            self.wrong.append("%d attempts for %d requests" % (during, requests))
        if during > THROTTLED[self.kind] * requests:
            self.wrong.append("%d attempts for %d requests: they were not throttled" % (during, requests))
        bad = [(begun, why) for begun, _, kind, why in self.answers if kind != "good" and begun >= self.back_s]
        back = max([begun for begun, _ in bad], default=self.back_s) - self.back_s
        if back > min(BACK_S, self.after_s - 2):
            self.wrong.append("a request that came %.1f s after the end failed: %r" % (back, bad[-1][1]))
        if any(kind != "good" for begun, end, kind, _ in self.answers if end < self.failed_s):
            self.wrong.append("a request failed before the outage")
        if len(lines) != len(self.asked):
            self.wrong.append("%d requests, and %d lines in the access log" % (len(self.asked), len(lines)))
        return "%d requests in %d s, %.3f attempts for each, at most %.0f beyond 1.1 within 3 s, all answered %.1f s after its end" % (
            requests, self.seconds, during / max(1, requests), worst, back), self.wrong


def cell(kind, seconds, seed):
    return asyncio.run(Run(kind, seconds, seed).run())
