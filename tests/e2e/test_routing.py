"""test_routing.py - which target gets a request: by strategy, by what it did before, by its secrets' limits."""

import collections
import json
import os
import tempfile
import threading
import time
import unittest

from client import Conn, build, wait_for
from harness import Case, Gateway, provider
from upstream import DONE, Upstream, chunk, delta, good, reply_json, stream_head, usage_event

ON = {"GW_TEST_HEALTH": "1", "KEY_A": "sk-a-a-a-a", "KEY_B": "sk-b-b-b-b"}


def failing(status, headers=()):
    return lambda request, out: out.send(reply_json({"error": {"message": "no", "code": "x"}}, status, headers))


def metrics(gw):
    return gw.request("GET", "/metrics").body.decode()


class Two(Case):
    """Two upstreams, each its own provider; `b` is good unless a test has it otherwise."""

    model = 'model "m" { "a/real", "b/real" }\n'

    def setUp(self):
        self.a, self.b = Upstream(good), Upstream(good)
        self.addCleanup(self.a.stop)
        self.addCleanup(self.b.stop)

    def gateway(self, model=None, env=None, more=""):
        lua = provider("a", self.a.url) + provider("b", self.b.url) + (model or self.model) + more
        return Gateway(lua, env=dict(ON, **(env or {})))

    def ask(self, gw, n=1, model="m"):
        """Of each request who answered, "" for nobody; and the statuses."""
        statuses = collections.Counter(gw.chat(model=model).status for _ in range(n))
        return statuses

    def converse(self, gw, n, model="m", turns=1):
        """The same of n conversations."""
        statuses = collections.Counter()
        for _ in range(turns):
            for i in range(n):
                statuses[gw.chat(model=model, headers=[("x-gw-session", "s%d" % i)]).status] += 1
        return statuses

    def counts(self):
        return len(self.a.requests), len(self.b.requests)


class Order(Two):
    def test_a_target_that_is_down_is_left_out_after_five_failures(self):
        self.a.handler = failing(500)
        with self.gateway() as gw:
            self.assertEqual(self.ask(gw, 20), {200: 20})
            self.assertEqual(self.counts(), (5, 20))
            self.assertTrue(any('the target "a/real" fails (status_500): it gets no requests for' in line for line in gw.stderr))
            self.assertIn('gw_upstream_health{target="a/real"} 0\n', metrics(gw))
            self.assertIn('gw_upstream_health{target="b/real"} 1\n', metrics(gw))
            line = gw.log_for(gw.chat(model="m").id)
            self.assertTrue(line["fallback"])
            self.assertEqual([a["provider"] for a in line["attempts"]], ["b"])

    def test_it_is_tried_by_one_and_comes_back(self):
        self.a.handler = failing(500)
        with self.gateway() as gw:
            self.ask(gw, 6)
            self.a.handler = good
            before = self.counts()
            self.assertTrue(wait_for(lambda: self.ask(gw) and self.counts()[0] > before[0], 8, 0.2))
            self.ask(gw, 10)
            self.assertEqual(self.counts()[0], before[0] + 11)
            self.assertIn('gw_upstream_health{target="a/real"} 1\n', metrics(gw))

    def test_the_callers_own_mistakes_eject_nobody(self):
        self.a.handler = failing(400)
        with self.gateway() as gw:
            self.assertEqual(self.ask(gw, 30), {400: 30})
            self.assertEqual(self.counts(), (30, 0))

    def test_the_same_target_is_tried_once_more_after_a_moment(self):
        turns = iter([500, 200, 500, 500])

        def turn(request, out):
            status = next(turns)
            failing(status)(request, out) if status != 200 else good(request, out)

        self.a.handler = turn
        with self.gateway('model "m" { "a/real" }\n') as gw:
            begun = time.monotonic()
            answer = gw.chat(model="m")
            self.assertEqual(answer.status, 200)
            self.assertGreaterEqual(time.monotonic() - begun, 0.2)
            line = gw.log_for(answer.id)
            self.assertEqual([a["outcome"] for a in line["attempts"]], ["status_500", "ok"])
            answer = gw.chat(model="m")  # once, not twice
            self.assert_error(answer, 502, "upstream_error", "upstream_unavailable")
            self.assertEqual(len(self.a.requests), 4)

    def test_what_may_not_be_repeated_is_not(self):
        for status, headers in ((504, ()), (500, [("x-should-retry", "false")]), (501, ()), (403, ()), (429, ())):
            with self.subTest(status):
                self.a.handler = failing(status, headers)
                with self.gateway('model "m" { "a/real" }\n') as gw:
                    before = len(self.a.requests)
                    self.assertGreaterEqual(gw.chat(model="m").status, 400)
                    self.assertEqual(len(self.a.requests), before + 1)

    def test_a_client_that_leaves_in_the_pause_ends_it(self):
        self.a.handler = failing(500)
        with self.gateway('model "m" { "a/real" }\n') as gw:
            body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode()
            with Conn(gw.port) as conn:
                conn.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                          b"Content-Length: %d\r\n\r\n" % len(body) + body)
                self.assertTrue(wait_for(lambda: self.a.requests, 5))
                time.sleep(0.05)
            line = gw.log_when(lambda line: line["face"] == "chat")
            self.assertEqual((line["status"], len(line["attempts"]), line["attempts"][0]["outcome"]), (499, 1, "status_500"))
            time.sleep(0.6)
            self.assertEqual(len(self.a.requests), 1)


class Limits(Two):
    def test_a_secret_at_its_limit_cools_and_the_other_is_used(self):
        def by_key(request, out):
            if request.headers["authorization"] == "Bearer sk-a-a-a-a":
                return failing(429, [("Retry-After", "30")])(request, out)
            return good(request, out)

        self.a.handler = by_key
        lua = provider("a", self.a.url).replace('env "UP_KEY"', 'env "KEY_A", env "KEY_B"')
        with Gateway(lua + 'model "m" { "a/real" }\n', env=ON) as gw:
            self.assertEqual(self.converse(gw, 30), {200: 30})
            used = collections.Counter(r.headers["authorization"] for r in self.a.requests)
            self.assertEqual(used, {"Bearer sk-a-a-a-a": 1, "Bearer sk-b-b-b-b": 30})

    def test_when_all_cool_nothing_is_sent_and_the_client_learns_when(self):
        self.a.handler = failing(429, [("Retry-After", "20")])
        with self.gateway('model "m" { "a/real" }\n') as gw:
            self.assert_error(gw.chat(model="m"), 429, "rate_limit_error", "upstream_rate_limited", retry=True, retry_after=20)
            answer = gw.chat(model="m")
            self.assert_error(answer, 429, "rate_limit_error", "upstream_rate_limited", retry=True, retry_after=(19, 22))
            self.assertEqual(len(self.a.requests), 1)
            self.assertEqual(gw.log_for(answer.id)["attempts"], [])

    def test_a_limit_of_one_model_is_not_that_of_another(self):
        self.a.handler = lambda request, out: (failing(429, [("Retry-After", "30")]) if request.json()["model"] == "large" else good)(request, out)
        with self.gateway('model "m" { "a/large" }\nmodel "n" { "a/small" }\n') as gw:
            self.assertEqual(self.ask(gw, 3), {429: 3})
            self.assertEqual(self.ask(gw, 5, "n"), {200: 5})
            self.assertEqual(self.counts()[0], 6)

    def test_a_refused_credential_cools_for_every_model_where_there_is_another(self):
        def by_key(request, out):
            return (failing(401) if request.headers["authorization"] == "Bearer sk-a-a-a-a" else good)(request, out)

        self.a.handler = by_key
        lua = provider("a", self.a.url).replace('env "UP_KEY"', 'env "KEY_A", env "KEY_B"')
        with Gateway(lua + 'model "m" { "a/large" }\nmodel "n" { "a/small" }\n', env=ON) as gw:
            self.assertEqual(self.converse(gw, 30), {200: 30})
            self.assertEqual(self.converse(gw, 30, "n"), {200: 30})
            used = collections.Counter(r.headers["authorization"] for r in self.a.requests)
            self.assertEqual(used["Bearer sk-a-a-a-a"], 1)

    def test_a_limit_of_one_target_sends_the_requests_to_the_other(self):
        self.a.handler = failing(429, [("Retry-After", "20")])
        with self.gateway() as gw:
            self.assertEqual(self.ask(gw, 10), {200: 10})
            self.assertEqual(self.counts(), (1, 10))
            self.assertIn('gw_upstream_health{target="a/real"} 1\n', metrics(gw))  # a limit is no failure

    def test_it_is_used_again_when_its_time_is_over(self):
        self.a.handler = failing(429, [("Retry-After", "1")])
        with self.gateway() as gw:
            self.ask(gw, 3)
            self.a.handler = good
            self.assertTrue(wait_for(lambda: self.ask(gw) and self.counts()[0] > 1, 5, 0.1))
            self.ask(gw, 5)
            self.assertEqual(self.counts()[0], 7)

    def test_a_refused_credential_alone_is_not_hidden(self):
        self.a.handler = failing(401)
        with self.gateway('model "m" { "a/real" }\n') as gw:
            for _ in range(3):
                self.assert_error(gw.chat(model="m"), 502, "upstream_error", "upstream_auth", retry=False)


class Outage(Two):
    def test_when_everything_fails_a_part_is_sent_and_the_rest_is_told_to_come_again(self):
        self.a.handler = self.b.handler = failing(500)
        with self.gateway() as gw:
            self.ask(gw, 10)  # both are out now
            before = sum(self.counts())
            statuses = collections.Counter()
            for _ in range(60):
                answer = gw.chat(model="m")
                statuses[answer.status] += 1
                if answer.status == 503:
                    self.assert_error(answer, 503, "upstream_error", "upstream_unavailable", retry=True, retry_after=(3, 8))
            self.assertGreater(statuses[503], 30)
            self.assertLess(sum(self.counts()) - before, 30)
            self.a.handler = self.b.handler = good
            self.assertTrue(wait_for(lambda: self.ask(gw, 10) == {200: 10}, 15, 0.2))


class Strategies(Two):
    def share(self, model, n=400):
        with self.gateway(model) as gw:
            self.assertEqual(self.ask(gw, n), {200: n})
        return self.counts()

    def test_weights_divide_the_requests(self):
        a, b = self.share('model "m" { { "a/real", weight = 3 }, { "b/real", weight = 1 } }\n')
        self.assertTrue(240 <= a <= 360, (a, b))  # 300 +- 7 sigma

    def test_without_weights_the_first_has_all(self):
        self.assertEqual(self.share('model "m" { "a/real", "b/real" }\n', 30), (30, 0))

    def test_a_weight_of_zero_is_for_want_of_others(self):
        self.assertEqual(self.share('model "m" { { "a/real", weight = 0 }, { "b/real", weight = 5 } }\n', 40), (0, 40))
        self.b.handler = failing(500)
        with self.gateway('model "m" { { "a/real", weight = 0 }, { "b/real", weight = 5 } }\n') as gw:
            self.assertEqual(self.ask(gw, 10), {200: 10})

    def test_fallbacks_wait_for_all_targets(self):
        model = 'model "m" { { "a/real", weight = 1 }, fallback = { { "b/real", weight = 100 } } }\n'
        self.assertEqual(self.share(model, 40), (40, 0))

    def test_the_less_busy_one_gets_more(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.a.handler = lambda request, out: (gate.wait(20), good(request, out))
        with self.gateway('model "m" { "a/real", "b/real", strategy = "least_busy" }\n') as gw:
            threads = [threading.Thread(target=gw.chat, kwargs={"model": "m"}) for _ in range(40)]
            for thread in threads:
                thread.start()
                time.sleep(0.02)
            self.assertTrue(wait_for(lambda: self.counts()[1] >= 30, 10), self.counts())
            gate.set()
            for thread in threads:
                thread.join()
        self.assertLessEqual(self.counts()[0], 5)  # two at random: the busy one is taken when it is both


class Cheapest(Two):
    @staticmethod
    def priced(name, of_input, cached, output, more=""):
        return ('{ "%s/real", price = { input_usd_per_mtok = %s, cache_read_usd_per_mtok = %s, output_usd_per_mtok = %s }%s }' %
                (name, of_input, cached, output, more))

    def model_of(self, a, b, more=""):
        return 'model "m" { %s, %s, strategy = "lowest_cost"%s }\n' % (self.priced("a", *a), self.priced("b", *b), more)

    def test_the_cheaper_one_for_this_prompt_is_asked(self):
        long = "word " * 4000  # some 5,700 tokens; an answer is taken to have 2, as those before
        with self.gateway(self.model_of((1, 1, 100), (4, 4, 4))) as gw:
            self.assertEqual({gw.chat("short", max_tokens=64).header("x-gw-provider") for _ in range(10)}, {"b"})
            answer = gw.chat(long, max_tokens=64)
            self.assertEqual(answer.header("x-gw-provider"), "a")
            self.assertEqual(gw.log_for(answer.id)["attempts"][0]["chosen"], "lowest_cost")
            self.a.handler = failing(500)
            answer = gw.chat(long, max_tokens=64)
            self.assertEqual((answer.status, answer.header("x-gw-provider")), (200, "b"))

    def test_a_warm_cache_makes_a_target_cheaper(self):
        long = "word " * 4000
        session = [("x-gw-session", "one")]
        with self.gateway(self.model_of((3, 0.3, 1), (2, 0.2, 1))) as gw:
            self.b.handler = failing(500)
            self.assertEqual(gw.chat(long, headers=session).header("x-gw-provider"), "a")
            self.b.handler = good
            for _ in range(5):
                self.assertEqual(gw.chat(long, headers=session).header("x-gw-provider"), "a")  # .27 + .3 < 2
                self.assertEqual(gw.chat(long, headers=[("x-gw-session", "two")]).header("x-gw-provider"), "b")

    def test_one_without_a_price_comes_last_and_sticky_divides_equals(self):
        with self.gateway('model "m" { "a/real", %s, strategy = "lowest_cost" }\n' % self.priced("b", 90, 90, 90)) as gw:
            self.ask(gw, 10)
            self.assertEqual(self.counts(), (0, 10))
        same = (1, 1, 1)
        with self.gateway(self.model_of(same, same)) as gw:
            self.converse(gw, 20)
            self.assertEqual(self.counts(), (20, 10))
        with self.gateway(self.model_of(same, same, ', sticky = "conversation"')) as gw:
            self.converse(gw, 60)
        a, b = self.counts()
        self.assertTrue(a - 20 >= 12 and b - 10 >= 12, (a, b))


class Fastest(Two):
    def test_the_faster_one_gets_more_and_the_slower_one_some(self):
        def slow(request, out):
            time.sleep(0.15)
            good(request, out)

        self.a.handler = slow
        self.b.handler = lambda request, out: (time.sleep(0.05), good(request, out))
        with self.gateway('model "m" { "a/real", "b/real", strategy = "lowest_latency" }\n') as gw:
            for _ in range(12):  # both are measured
                gw.chat(stream=True)
            before = self.counts()
            for _ in range(100):
                answer = gw.chat(stream=True)
                self.assertEqual(answer.status, 200)
            a, b = (now - was for now, was in zip(self.counts(), before))
            self.assertGreaterEqual(b, 70, (a, b))  # 9 of 10 by the formula, less what the gateway itself takes
            self.assertGreaterEqual(a, 1, (a, b))
            self.assertEqual(gw.log_for(answer.id)["attempts"][0]["chosen"], "lowest_latency")


class Conversations(Two):
    model = 'model "m" { { "a/real", weight = 3 }, { "b/real", weight = 1 }, sticky = "conversation" }\n'

    @staticmethod
    def where(gw, *texts, headers=None, system="s"):
        """The answer's target for a conversation whose user said these texts."""
        messages = [{"role": "system", "content": system}]
        for text in texts:
            messages += [{"role": "user", "content": text}, {"role": "assistant", "content": "yes"}]
        answer = gw.chat(model="m", messages=messages[:-1], headers=headers or ())
        return answer.header("x-gw-provider")

    def test_each_stays_where_it_began_and_weights_divide_them(self):
        with self.gateway() as gw:
            self.assertEqual(self.converse(gw, 120, turns=3), {200: 360})
            a, b = self.counts()
            self.assertEqual((a % 3, b % 3), (0, 0))
            self.assertTrue(72 <= a / 3 <= 108, (a, b))  # 90 +- 4 sigma
            line = gw.log_for(gw.chat(model="m").id)
            self.assertEqual(line["attempts"][0]["chosen"], "sticky")

    def test_without_a_session_the_first_message_names_it(self):
        with self.gateway() as gw:
            for i in range(12):
                first = self.where(gw, "question %d" % i)
                self.assertEqual(self.where(gw, "question %d" % i, "and then?"), first)
                self.assertEqual(self.where(gw, "question %d" % i, "and then?", "so?"), first)
            self.assertEqual({self.where(gw, "q%d" % i) for i in range(40)}, {"a", "b"})  # the system text alone is no conversation
            self.assertEqual(len({self.where(gw, "q%d" % i, headers=[("X-Claude-Code-Session-Id", "x")]) for i in range(20)}), 1)

    def test_one_whose_target_is_out_goes_elsewhere_and_the_others_stay(self):
        with self.gateway('model "m" { "a/real", "b/real", sticky = "conversation" }\n') as gw:
            before = {i: self.where(gw, "q%d" % i) for i in range(30)}
            self.a.handler = failing(500)
            for i in range(30):
                self.assertEqual(self.where(gw, "q%d" % i), "b")
            self.assertEqual(set(before.values()), {"a", "b"})

    def test_secrets_are_divided_among_conversations(self):
        lua = provider("a", self.a.url).replace('env "UP_KEY"', 'env "KEY_A", env "KEY_B"')
        with Gateway(lua + 'model "m" { "a/real" }\n', env=ON) as gw:
            self.assertEqual(self.converse(gw, 60, turns=2), {200: 120})
        used = [r.headers["authorization"] for r in self.a.requests]
        self.assertEqual(used[:60], used[60:])
        self.assertTrue(15 <= used.count("Bearer sk-a-a-a-a") / 2 <= 45, used.count("Bearer sk-a-a-a-a"))


class Silent(Two):
    """The first target hangs. What is usual there is known from 30 streams before."""

    def setUp(self):
        super().setUp()
        self.gate = threading.Event()
        self.addCleanup(self.gate.set)

    def hang(self, gw):
        for _ in range(30):
            self.assertEqual(gw.chat(model="m", stream=True, max_tokens=9).status, 200)

        def wait(request, out):
            self.gate.wait(20)
            out.send(stream_head() + chunk(delta("late")) + chunk(delta(finish="stop")) + chunk(usage_event(prompt=7)) + chunk(DONE) + b"0\r\n\r\n")

        self.a.handler = wait

    def ask_all(self, gw, count):
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(gw.chat(model="m", stream=True, max_tokens=9))) for _ in range(count)]
        for thread in threads:
            thread.start()
        return threads, answers

    def test_who_waits_there_goes_to_the_other(self):
        with self.gateway() as gw:
            self.hang(gw)
            begun = time.monotonic()
            threads, answers = self.ask_all(gw, 6)
            for thread in threads:
                thread.join()
            self.assertLess(time.monotonic() - begun, 6)
            for answer in answers:
                line = gw.log_for(answer.id)
                self.assertEqual([(a["provider"], a["outcome"]) for a in line["attempts"]], [("a", "silent"), ("b", "ok")])
            self.assertEqual(gw.log_for(gw.chat(model="m").id)["attempts"][0]["provider"], "b")
            self.gate.set()

    def test_four_are_too_few(self):
        with self.gateway() as gw:
            self.hang(gw)
            threads, answers = self.ask_all(gw, 4)
            time.sleep(4)
            self.assertEqual(answers, [])
            self.gate.set()
            for thread in threads:
                thread.join()
            self.assertEqual([gw.log_for(answer.id)["attempts"][0]["outcome"] for answer in answers], ["ok"] * 4)

    def test_the_rest_of_a_client_that_has_left_is_read_all_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            price = "price = { input_usd_per_mtok = 1, output_usd_per_mtok = 1 }"
            lua = ('ledger { path = "%s/ledger" }\nbudget { usd = 10, mode = "strict" }\n' % folder +
                   provider("a", self.a.url, price) + provider("b", self.b.url, price) + self.model)
            with Gateway(lua, env=ON) as gw:
                self.hang(gw)
                body = {"model": "m", "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
                with Conn(gw.port) as conn:
                    before = len(self.a.requests)
                    conn.send(build("POST", "/v1/chat/completions", (), body))
                    self.assertTrue(wait_for(lambda: len(self.a.requests) > before, 5))
                threads, _ = self.ask_all(gw, 6)
                for thread in threads:
                    thread.join()
                time.sleep(1)
                self.gate.set()
                line = gw.log_when(lambda line: line["status"] == 499, 10)
                self.assertEqual([a["provider"] for a in line["attempts"]], ["a"])
                self.assertNotEqual(line["attempts"][0]["outcome"], "silent")
                self.assertEqual((line["usage"]["source"], line["usage"]["input"]), ("reported", 7), line)


class Slow(Two):
    model = 'model "m" { "a/real", "b/real" }\nmodel "only" { "a/real" }\n'

    def slow(self, seconds):
        def handler(request, out):
            time.sleep(seconds)
            good(request, out)
        self.a.handler = handler

    def stream(self, gw, n, model="m"):
        chosen = collections.Counter()
        for _ in range(n):
            answer = gw.chat(model=model, stream=True)
            self.assertEqual(answer.status, 200)
            (attempt,) = gw.log_for(answer.id)["attempts"]
            chosen[attempt["provider"], attempt["chosen"]] += 1
        return chosen

    def test_a_target_that_is_far_slower_than_it_was_gets_two_of_a_hundred(self):
        self.slow(0.02)
        with self.gateway() as gw:
            self.assertEqual(self.stream(gw, 60), {("a", "order"): 60})
            self.slow(0.6)
            chosen = self.stream(gw, 100)  # the first four show it
            self.assertEqual(chosen["a", "order"], 4, chosen)
            self.assertLess(chosen["a", "degraded"], 10, chosen)
            self.assertEqual(chosen["b", "order"], 96 - chosen["a", "degraded"], chosen)
            self.assertIn('gw_upstream_health{target="a/real"} 0.5\n', metrics(gw))
            self.assertTrue(any('the target "a/real" is slow' in line for line in gw.stderr))
            self.assertEqual(self.stream(gw, 1, "only"), {("a", "degraded"): 1})  # there is no other
            self.slow(0.02)
            self.stream(gw, 5, "only")
            self.assertIn('gw_upstream_health{target="a/real"} 1\n', metrics(gw))
            self.assertEqual(self.stream(gw, 10), {("a", "order"): 10})


class Deadline(Two):
    def timed(self, gw, **more):
        begun = time.monotonic()
        answer = gw.chat(model="m", **more)
        return answer, time.monotonic() - begun

    def hang(self, *upstreams):
        gate = threading.Event()
        self.addCleanup(gate.set)
        for upstream in upstreams:
            upstream.handler = lambda request, out: gate.wait(20)

    def test_all_attempts_share_it(self):
        self.hang(self.a, self.b)
        with self.gateway('model "m" { "a/real", "b/real", timeout = { first_token_s = 1, total_s = 3.5 } }\n') as gw:
            answer, took = self.timed(gw, stream=True)  # 1 s at a, 1 s at b
            self.assert_error(answer, 504, "upstream_error", "upstream_timeout")
            self.assertLess(took, 3)
            self.assertEqual(self.counts(), (1, 1))
        with self.gateway('model "m" { "a/real", "b/real", timeout = { first_token_s = 2.5, total_s = 3 } }\n') as gw:
            answer, took = self.timed(gw, stream=True)  # 2.25 s at a, so that b has the last quarter of the time
            self.assertEqual(answer.status, 504)
            self.assertLess(took, 4)
            self.assertEqual(self.counts(), (2, 2))
            outcomes = [a["outcome"] for a in gw.log_for(answer.id)["attempts"]]
            self.assertEqual(outcomes, ["time_first", "time_total"])

    def test_the_client_shortens_it_and_that_is_no_failure_of_the_target(self):
        self.hang(self.a)
        with self.gateway() as gw:
            for _ in range(6):  # b has the last quarter
                answer, took = self.timed(gw, stream=True, headers=[("x-gw-timeout", "2")])
                self.assertEqual(answer.status, 200)
                self.assertTrue(1.2 <= took < 2, took)
            self.assertEqual(self.counts(), (6, 6))
            self.assertIn('gw_upstream_health{target="a/real"} 1\n', metrics(gw))
        with self.gateway('model "m" { "a/real" }\n') as gw:
            for stream in (False, True, False, True, False, True):
                answer, took = self.timed(gw, stream=stream, headers=[("x-gw-timeout", "0.3")])
                self.assertEqual(answer.status, 504)
                self.assertIn("x-gw-timeout", answer.error["message"])
                self.assertTrue(0.25 <= took < 1.3, took)
            self.assertEqual(self.counts(), (12, 6))  # it is not ejected
            self.assertIn('gw_upstream_health{target="a/real"} 1\n', metrics(gw))

    def test_the_client_cannot_prolong_it(self):
        self.hang(self.a)
        with self.gateway('model "m" { "a/real", timeout = { total_s = 0.5 } }\n') as gw:
            answer, took = self.timed(gw, headers=[("x-gw-timeout", "60")])
            self.assertEqual(answer.status, 504)
            self.assertLess(took, 1.5)

    def test_a_wrong_one_is_named(self):
        with self.gateway() as gw:
            answer = gw.chat(model="m", headers=[("x-gw-timeout", "soon")])
            self.assertEqual(answer.status, 400)
            self.assertIn("x-gw-timeout takes seconds from 0.05 to 86400", answer.json()["error"]["message"])
            self.assertEqual(self.counts(), (0, 0))


class Policies(Two):
    def test_the_order_of_a_policy_stands_above_the_strategy(self):
        with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as f:
            f.write("return { on_route = function(req, targets) return { targets[2], targets[1] } end }")
        self.addCleanup(os.unlink, f.name)
        rule = 'policy "%s" {}\n' % f.name
        with self.gateway('model "m" { { "a/real", weight = 1000 }, "b/real" }\n', more=rule) as gw:
            self.assertEqual(self.ask(gw, 20), {200: 20})
        self.assertEqual(self.counts(), (0, 20))


if __name__ == "__main__":
    unittest.main()
