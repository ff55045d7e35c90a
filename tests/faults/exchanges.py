"""exchanges.py - cells of cells.py: exchanges/sharp and exchanges/health. Thousands of requests through five client APIs, whole and streamed, to providers
that speak OpenAI's and Anthropic's words and do what menu.py has, with another target behind them or without. A seed decides all.

Every client gets the right answer or one well-formed error in the words of its own API, within the deadline of its model and a second more; what menu.py says of the
fault is what comes of it; requests at the providers = attempts in the access log = attempts in the ledger; the tokens that were reported = those that the client was given =
those that the ledger has; at the end no descriptor, no slot, no hold and no request is left. In exchanges/health, targets are ejected and have a limit in flight, so
that what comes of a fault is not known beforehand; all else is the same.
"""

import asyncio
import collections
import itertools
import os
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import menu
import verdict
from client import wait_for
from wire import PATHS, Client, Service

ROUND, CLIENTS = 5000, 64  # requests with one ledger; at a time
TOTAL_S = 8
APIS = ("chat", "chat", "responses", "messages", "messages", "completions", "embeddings")
READY_S = 12
CLOSED, SLOTS, NAMES = "closed", 6, 16  # with a limit in flight: how many, and upstream models at each provider
PRICE = "price = { input_usd_per_mtok = 2.5, cache_read_usd_per_mtok = 0.25, output_usd_per_mtok = 10, reasoning_usd_per_mtok = 12 }"


FAULTS = sorted(menu.FAULTS)


class Plan:
    """What happens to a request. Its number is all that a provider, a client and the checker need to know."""

    def __init__(self, seed, number, health=False):
        dice = self.dice = random.Random("%s/%d" % (seed, number))
        self.number, self.api = number, dice.choice(APIS)
        self.streams = self.api != "embeddings" and dice.random() < 0.6
        only = self.api in ("completions", "embeddings", "responses")  # relayed, never translated
        self.first = "o" if only else dice.choice("oa")
        self.second = dice.choice(("", "so", "so" if only else "sa"))
        self.fault = dice.choice(FAULTS)
        self.fault = "429" if health and self.fault == "429 for long" else self.fault
        if dice.random() < 0.03:
            self.first = self.fault = dice.choice((CLOSED, "no tls"))
        self.second_fails = dice.random() < 0.1
        self.texts = ["%d \u00e9\U0001f600\n" % i * dice.randrange(1, 4) for i in range(dice.randrange(1, 8))]
        output, self.tokens = dice.randrange(2, 5000), {}
        self.tokens["reasoning"] = dice.randrange(output)
        self.tokens["output"] = output - self.tokens["reasoning"]
        self.tokens["cache_read"], self.tokens["input"] = dice.randrange(1, 90000), dice.randrange(1, 90000)
        if self.api == "embeddings":
            self.tokens.update(input=self.tokens["input"] + self.tokens["cache_read"], cache_read=0, output=0, reasoning=0)

    @property
    def model(self):
        return "%s-%s/%d" % (self.first.replace(" ", ""), self.second, self.number % NAMES)

    def outcome(self):
        return menu.FAILS if self.fault in (CLOSED, "no tls") else menu.FAULTS[self.fault][0]

    def body(self):
        asked = "%d" % self.number
        body = {"model": self.model}
        if self.api in ("chat", "messages"):
            body["messages"] = [{"role": "user", "content": asked}]
        else:
            body["prompt" if self.api == "completions" else "input"] = asked
        if self.api in ("chat", "messages", "completions"):
            body["max_tokens"] = 5000
        if self.streams:
            body["stream"] = True
            if self.api in ("chat", "completions"):
                body["stream_options"] = {"include_usage": True}
        return body


class Round:
    """Requests `first` to `last` at one gateway."""

    def __init__(self, seed, first, last, health):
        self.seed, self.first, self.last, self.health = seed, first, last, health
        self.calls, self.answers, self.wrong, self.kinds = collections.defaultdict(list), {}, [], collections.Counter()
        self.barriers = {}

    def plan(self, number):
        return Plan(self.seed, number, self.health)

    def serves(self, name):
        async def answer(call):
            number = int(call.prompt())
            if number < 0:
                return await self.at_once(call, name)
            plan = self.plan(number)
            self.calls[number].append(name)
            tokens = None if plan.fault == "no usage" and name in "oa" else plan.tokens
            right = menu.Right(call, plan.texts, tokens)
            if name in "oa":
                await menu.FAULTS[plan.fault][1](call, right, plan.dice)
            elif plan.second_fails:
                await menu.status(500)(call, right, plan.dice)
            else:
                await menu.right_answer(call, right, plan.dice)
        return answer

    async def at_once(self, call, name):
        """The requests of the end: answered when as many are there as may be."""
        waiting, there = self.barriers.setdefault((name, call.body["model"], call.prompt()), ([], asyncio.Event()))
        waiting.append(call)
        if len(waiting) >= SLOTS or int(call.prompt()) == -2:
            there.set()
        await asyncio.wait_for(there.wait(), 20)
        await menu.right_answer(call, menu.Right(call, ["x"], None), random.Random(1))

    def lua(self, folder, services):
        from harness import provider
        text = 'ledger { path = "%s" }\nbudget { usd = 1000000, ceiling_usd = 100000000 }\n' % os.path.join(folder, "ledger")
        for name, service in services.items():
            text += provider(name, service.url, PRICE).replace("openai", "anthropic").replace("/v1", "") if name in ("a", "sa") else provider(name, service.url, PRICE)
        text += provider(CLOSED, "http://127.0.0.1:1/v1", PRICE) + provider("notls", services["o"].url.replace("http", "https"), PRICE)
        cap = ", max_in_flight = %d" % SLOTS if self.health else ""
        times = "timeout = { connect_s = 3, first_token_s = 3, idle_s = 3, total_s = %d }" % TOTAL_S
        for first, second, name in itertools.product(("o", "a", CLOSED, "notls"), ("", "so", "sa"), range(NAMES)):
            more = ', fallback = { "%s/%d" }' % (second, name) if second else ""
            text += 'model "%s-%s/%d" { { "%s/%d"%s }%s, %s }\n' % (first, second, name, first, name, cap if first in "oa" else "", more, times)
        return text

    async def work(self, port, numbers):
        client = Client(port)
        for number in numbers:
            plan, begun = self.plan(number), time.monotonic()
            try:
                answer = await asyncio.wait_for(client.ask(PATHS[plan.api], plan.body()), TOTAL_S + 30)
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                self.wrong.append("%d: no answer: %r (%s)" % (number, error, describe(plan)))
                client.close()
                continue
            self.answers[number] = answer, time.monotonic() - begun
        client.close()

    async def run(self):
        services = {name: await Service(self.serves(name)).start() for name in ("o", "a", "so", "sa")}
        loop = asyncio.get_running_loop()
        with tempfile.TemporaryDirectory() as folder:
            from harness import Gateway
            gw = await loop.run_in_executor(None, lambda: Gateway(self.lua(folder, services), env={"GW_TEST_HEALTH": "1" if self.health else "0"}))
            try:
                await self.all_connect(gw)
                fds, numbers = verdict.descriptors(gw), iter(range(self.first, self.last))
                await asyncio.gather(*(self.work(gw.port, numbers) for _ in range(CLIENTS)))
                if self.health:
                    await self.takes_all_slots(gw)
                await self.leaves_nothing(gw, fds, services)
                lines = await loop.run_in_executor(None, gw.stop)
                await loop.run_in_executor(None, self.check, os.path.join(folder, "ledger"), lines)
            finally:
                gw.kill()
                for service in services.values():
                    self.wrong += service.failed
                    await service.stop()

    async def all_connect(self, gw):
        """As many connections at a time as there will ever be: what the gateway keeps for them is there from now on."""
        clients = [Client(gw.port) for _ in range(2 * NAMES * SLOTS)]
        await asyncio.gather(*(client.ask("/v1/nothing", {}) for client in clients))
        for client in clients:
            client.close()
        await asyncio.get_running_loop().run_in_executor(None, lambda: wait_for(lambda: verdict.metric(gw, "gw_connections") <= 1))

    async def takes_all_slots(self, gw):
        """A slot that leaked is missing when all of them are used at once. What is ejected or cools may need some time first; who needs more is left out."""
        end = time.monotonic() + READY_S

        async def ask(model, number, once):
            client, body = Client(gw.port), {"model": model, "max_tokens": 10, "messages": [{"role": "user", "content": "%d" % number}]}
            while (answer := await client.ask(PATHS["chat"], body)).status != 200 and not once and time.monotonic() < end:
                await asyncio.sleep(0.2)
            client.close()
            return answer
        models = ["%s-/%d" % (first, name) for first in "oa" for name in range(NAMES)]
        ready = [model for model, answer in zip(models, await asyncio.gather(*(ask(model, -2, False) for model in models))) if answer.status == 200]
        answers = await asyncio.gather(*(ask(model, -1, True) for model in ready for _ in range(SLOTS)))
        if len(ready) < len(models) / 2 or any(answer.status != 200 for answer in answers):
            self.wrong.append("%d of %d targets were usable again, and not all slots of these: %s" % (len(ready), len(models), [a for a in answers if a.status != 200][:2]))

    async def leaves_nothing(self, gw, fds, services):
        loop = asyncio.get_running_loop()
        for service in services.values():
            service.close_all()
        dialing = 8  # each thread that dials makes an epoll of its own when it first does

        def left():
            opened = verdict.descriptors(gw) - fds
            values = {name: verdict.metric(gw, name) for name in ("gw_inflight_requests", "gw_held_usd", "gw_queue_waiting_requests", "gw_budget_waiting_requests")}
            return {name: value for name, value in dict(values, descriptors=sorted(opened) if len(opened) > dialing or any("eventpoll" not in what for _, what in opened) else 0).items() if value}
        for _ in range(100):
            if not (now := await loop.run_in_executor(None, left)):
                return
            await asyncio.sleep(0.1)
        self.wrong.append("left at the end: %s" % now)

    def check(self, path, lines):
        ledger = verdict.Ledger(path)
        by_id = {line["id"]: line for line in lines}
        for number, (answer, took) in self.answers.items():
            plan = self.plan(number)
            why = verdict.judge(plan, answer, took, TOTAL_S, self.health)
            why = why or verdict.agree(plan, answer, self.calls[number], by_id.get(answer.id), ledger)
            self.kinds[plan.fault] += 1
            if why:
                self.wrong.append("%d: %s (%s; %r)" % (number, why, describe(plan), answer))
        rest = [id_ for id_ in ledger.attempts if id_ not in by_id]
        if rest or ledger.problems:
            self.wrong.append("the ledger has %d requests that nobody made, and %s" % (len(rest), ledger.problems))


def describe(plan):
    return "%s %s to %s, \"%s\"%s" % (plan.api, "stream" if plan.streams else "whole", plan.model, plan.fault, ", the second fails" if plan.second and plan.second_fails else "")


def cell(kind, count, seed):
    """Runs it; returns its figures in words and what was not as promised."""
    wrong, begun, kinds, done = [], time.monotonic(), collections.Counter(), 0
    for first in range(0, count, ROUND):
        round_ = Round(seed, first, min(count, first + ROUND), kind == "health")
        asyncio.run(round_.run())
        wrong += round_.wrong
        kinds += round_.kinds
        done += len(round_.answers)
        if len(wrong) > 20:
            break
    if not wrong and len(kinds) < len(menu.FAULTS) + (kind != "health") + 1:
        wrong.append("only %d kinds of faults came up" % len(kinds))
    return "%d exchanges, %d kinds of faults, %.0f s" % (done, len(kinds), time.monotonic() - begun), wrong
