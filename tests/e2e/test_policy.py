"""test_policy.py - rules in Lua, through the whole gateway: every client API, whole and streamed."""

import hashlib
import json
import os
import tempfile
import unittest

import client
from harness import Case, Gateway, provider, tsan

RULES = {
    "guard.lua": """
local policy = {}
function policy.on_request(req)
    if req:find("forbidden") then
        return gw.deny(403, "not_allowed_text", "that may not leave the company", { reason = "guard" })
    end
    if req:find("busy") then return gw.deny(429, "come_back", "later", { retry_after_s = 7 }) end
    if req:find("faq") then return gw.answer("the answer is 42", "faq") end
    if req:find("cut") then return gw.answer { text = "half", finish = "length" } end
    if req:find("broken") then local x = nil; return x.y end
    if req:find("endless") then while true do end end
    if req:find("hungry") then local s = "x" while true do s = s .. s end end
end
function policy.on_finish(req, done)
    gw.note(done.outcome .. " " .. done.status)
end
return policy
""",
    "harmless.lua": """
return { on_request = function(req) if req:find("skipped") then error("a slip") end end }
""",
    "watch.lua": """
return { on_request = function(req) if req:find("observed") then return gw.deny(403, "x", "y") end end }
""",
    "order.lua": """
local args = gw.args { first = "two" }
return {
    on_request = function(req) if req:find("order") then req:tag("experiment", "a") return gw.route("both", "wanted") end end,
    on_route = function(req, targets)
        if not req:find("order") then return end
        if req:find("nowhere") then return gw.deny(403, "region", "nobody may answer") end
        for i, target in ipairs(targets) do
            if target.provider == args.first then table.insert(targets, 1, table.remove(targets, i)) end
        end
    end,
}
""",
}

LUA = """
%(up)s
provider "one" { plugin = "demo" }
provider "two" { plugin = "demo" }
provider "demo" {}
model "m" { { "demo/demo" } }
model "relayed" { { "up/real" } }
model "both" { { "one/a" }, { "two/b" } }
policy "%(dir)s/guard.lua" {}
policy "%(dir)s/harmless.lua" { on_error = "skip" }
policy "%(dir)s/watch.lua" { mode = "observe" }
policy "%(dir)s/order.lua" { args = { first = "two" }, kinds = { "chat" } }
policy { when = 'req.estimated_input_tokens > 5000', route = "both" }
"""

FACES = ("chat", "messages", "responses")


def body_of(face, text, stream):
    body = {"model": "m", "stream": stream}
    if face == "responses":
        body["input"] = text
    else:
        body["messages"] = [{"role": "user", "content": text}]
    if face == "messages":
        body["max_tokens"] = 100
    return body


PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}


class Policies(Case):
    @classmethod
    def make(cls):
        from upstream import Upstream

        cls.up = Upstream()
        cls.dir = tempfile.mkdtemp(prefix="gw-policy-")
        for name, text in RULES.items():
            with open(os.path.join(cls.dir, name), "w", encoding="utf-8") as f:
                f.write(text)
        return Gateway(LUA % {"dir": cls.dir, "up": provider("up", cls.up)})

    def ask(self, face, text, stream=False):
        return self.gw.request("POST", PATHS[face], [("anthropic-version", "2023-06-01")], body_of(face, text, stream))

    def each(self):
        for face in FACES:
            for stream in (False, True):
                with self.subTest(face=face, stream=stream):
                    yield face, stream

    @tsan
    def test_a_refusal_in_every_api(self):
        for face, stream in self.each():
            answer = self.ask(face, "this is forbidden", stream)
            self.assertEqual(answer.status, 403, answer)
            self.assertEqual(answer.header("x-should-retry"), "false")
            text = answer.body.decode()
            self.assertIn("that may not leave the company", text)
            self.assertIn("not_allowed_text", text)
            line = self.gw.log_for(answer.id)
            self.assertEqual((line["row"], line["attempts"], line["error"]["code"]), ("policy.request", [], "not_allowed_text"))
            first, last = line["policies"][0], line["policies"][-1]
            self.assertEqual(
                (first["policy"], first["hook"], first["decision"], first["reason"]), ("guard", "on_request", "deny", "guard")
            )
            self.assertEqual((last["hook"], last["notes"]), ("on_finish", ["denied 403"]))
        again = self.ask("chat", "busy")
        self.assertEqual((again.status, again.header("x-should-retry"), again.header("retry-after")), (429, "true", "7"))

    @tsan
    def test_an_answer_in_every_api(self):
        for face, stream in self.each():
            answer = self.ask(face, "the faq please", stream)
            self.assertEqual((answer.status, answer.complete), (200, True), answer)
            self.assertEqual(self.text_of(face, stream, answer), "the answer is 42", answer.body)
            line = self.gw.log_for(answer.id)
            self.assertEqual((line["status"], line["attempts"], line["usage"]["source"]), (200, [], "none"), line)
            self.assertEqual(line["policies"][0]["decision"], "answer")
            cut = self.ask(face, "cut it", stream)
            self.assertRegex(cut.body.decode(), '"(length|max_tokens|max_output_tokens)"')

    def text_of(self, face, stream, answer):
        if not stream:
            body = answer.json()
            if face == "chat":
                return body["choices"][0]["message"]["content"]
            if face == "messages":
                return body["content"][0]["text"]
            return body["output"][0]["content"][0]["text"]
        events = [json.loads(data) for _, data in client.sse(answer.body) if data != "[DONE]"]
        if face == "chat":
            return "".join(e["choices"][0]["delta"].get("content") or "" for e in events if e["choices"])
        if face == "messages":
            self.assertEqual(events[-1]["type"], "message_stop")
            return "".join(e["delta"]["text"] for e in events if e["type"] == "content_block_delta")
        self.assertEqual([e["sequence_number"] for e in events], list(range(len(events))))
        self.assertEqual(events[-1]["type"], "response.completed")
        self.assertEqual(events[-1]["response"]["output"][0]["content"][0]["text"], "the answer is 42")
        return "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")

    @tsan
    def test_what_fails_gives_nothing_away(self):
        for text, why in (("broken", "guard.lua:10: "), ("endless", "guard.lua:11: it ran for too long"), ("hungry", "guard.lua:12: ")):
            with self.subTest(text):
                answer = self.ask("chat", text)
                self.assert_error(answer, 500, "server_error", "internal_error", retry=False)
                self.assertNotIn("lua", answer.body.decode().lower())
                line = self.gw.log_for(answer.id)
                self.assertEqual(line["policies"][0]["decision"], "error")
                self.assertIn(why, line["policies"][0]["reason"])
                self.assertIn('policy "guard", on_request', self.gw.said())
        self.assertEqual(self.ask("chat", "hello").status, 200)

    def test_skip_and_observe(self):
        answer = self.ask("chat", "skipped and observed")
        self.assertEqual(answer.status, 200, answer)
        rows = {p["policy"]: p for p in self.gw.log_for(answer.id)["policies"]}
        self.assertIn("a slip", rows["harmless"]["reason"])
        self.assertEqual((rows["watch"]["decision"], rows["watch"]["observed"]), ("deny", True))

    @tsan
    def test_a_route_and_the_order_of_targets(self):
        for stream in (False, True):
            answer = self.ask("chat", "order", stream)
            self.assertEqual((answer.status, answer.header("x-gw-provider")), (200, "two"), answer)
            line = self.gw.log_for(answer.id)
            self.assertEqual((line["model"], line["asked_model"], line["tags"]), ("both", "m", "experiment=a"))
            self.assertEqual(
                [(p["hook"], p["decision"]) for p in line["policies"] if p["policy"] == "order"],
                [("on_request", "route"), ("on_route", "order")],
            )
        denied = self.ask("chat", "order nowhere")
        self.assertEqual(denied.status, 403, denied)
        self.assertEqual(self.gw.log_for(denied.id)["row"], "policy.route")

    def test_a_rule_of_one_line(self):
        answer = self.ask("messages", "long " * 5000)
        self.assertEqual((answer.status, answer.header("x-gw-provider")), (200, "one"), answer)
        names = [p["policy"] for p in self.gw.log_for(answer.id)["policies"] if p.get("decision") == "route"]
        self.assertRegex(names[0], r"^line-\d+$")


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COOKBOOK = """
provider "cheap" { plugin = "demo", price = { input_usd_per_mtok = 100, output_usd_per_mtok = 1 } }
provider "large" { plugin = "demo", price = { input_usd_per_mtok = 100, output_usd_per_mtok = 1 } }
model "fast" { { "cheap/a" } }
model "smart" { { "large/b" } }
ledger { path = "ledger" }
team "support" {}
team "writers" {}
team "spenders" { budget = { usd = 1, per = "day" } }
key { sha256 = "%(support)s", team = "support", name = "s" }
key { sha256 = "%(writers)s", team = "writers", name = "w" }
key { sha256 = "%(spenders)s", team = "spenders", name = "m" }
policy "%(root)s/scripts/guard.lua" { args = { most_tokens = 20000, words = { "Nightfall" } } }
policy "%(root)s/scripts/guard.lua" { name = "rate", teams = { "writers" }, args = { per_minute = 3 } }
policy "%(root)s/scripts/support.lua" {
    teams = { "support" },
    args = { cheap = "fast", large = "smart", faq = { ["opening hours"] = "Nine to six." } },
}
policy "%(root)s/scripts/soft-budget.lua" { args = { share = 0.0005, cheap = "fast" }, teams = { "spenders" } }
policy "%(root)s/scripts/route-by-length.lua" { args = { long = "smart", over_tokens = 1000 }, teams = { "writers" } }
"""


class Cookbook(Case):
    """The policies that come with the gateway do what they are for."""

    @classmethod
    def make(cls):
        names = ("support", "writers", "spenders")
        digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in names}
        return Gateway(COOKBOOK % dict(digests, root=ROOT))

    def ask(self, team, text, model="smart", **more):
        return self.gw.chat(text, model=model, headers=[("authorization", "Bearer " + team)], **more)

    def test_support(self):
        for _ in range(2):
            answer = self.ask("support", "What are your OPENING HOURS?")
            self.assertEqual(answer.json()["choices"][0]["message"]["content"], "Nine to six.")
        line = self.gw.log_for(answer.id)
        self.assertEqual((line["policies"][1]["reason"], line["tags"], line["attempts"]), ("faq, again", "support=faq", []))
        self.assertEqual(self.ask("support", "my order is late").header("x-gw-provider"), "cheap")
        self.assertEqual(self.ask("support", "I want a refund", model="fast").header("x-gw-provider"), "large")
        self.assertEqual(self.ask("support", "well " * 3000, model="fast").header("x-gw-provider"), "large")

    def test_guard(self):
        self.assertEqual(self.ask("spenders", "word " * 20000).status, 413)
        denied = self.ask("support", "about project nightFALL")
        self.assertEqual((denied.status, self.gw.log_for(denied.id)["policies"][0]["reason"]), (403, "nightfall, user"))
        self.assertEqual(self.ask("support", "my card 4111 1111 1111 1111 is lost").status, 403)
        self.assertEqual(self.ask("support", "my number 41111111111111112 is none").status, 200)

    def test_length_and_rate(self):
        self.assertEqual(self.ask("writers", "short", model="fast").header("x-gw-provider"), "cheap")
        self.assertEqual(self.ask("writers", "long " * 2000, model="fast").header("x-gw-provider"), "large")
        answers = [self.ask("writers", "again", model="fast") for _ in range(5)]
        denied = [a for a in answers if a.status == 429]
        self.assertGreaterEqual(len(denied), 1)
        self.assertTrue(1 <= int(denied[0].header("retry-after")) <= 60)

    def test_soft_budget(self):
        first = self.ask("spenders", "spend " * 40, max_tokens=50)
        self.assertEqual((first.status, first.header("x-gw-provider")), (200, "large"), first)
        later = self.ask("spenders", "and more", max_tokens=50)
        self.assertEqual((later.status, later.header("x-gw-provider")), (200, "cheap"), later)
        line = self.gw.log_for(later.id)
        self.assertIn("USD of the day", [p for p in line["policies"] if p["policy"] == "soft-budget"][0]["reason"])


class Wrong(unittest.TestCase):
    """What `check` finds in a policy before anything runs."""

    def check(self, lua, files):
        import command

        folder = tempfile.mkdtemp(prefix="gw-policy-")
        for name, text in dict(files, **{"gateway.lua": lua}).items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        return command.run("check", "-c", os.path.join(folder, "gateway.lua"))

    def test_it_names_file_line_and_the_nearest_name(self):
        cases = (
            ('policy "p.lua" {}', "return {}", "p.lua: it has no hook"),
            ('policy "p.lua" {}', "\n\nreturn { on_reqest = print }", 'did you mean "on_request"?'),
            ('policy "p.lua" {}', "local x = = 1", "p.lua:1: unexpected symbol"),
            ('policy "q.lua" {}', "return {}", "cannot be read: No such file"),
            ('policy "p.lua" { agrs = {} }', "return {}", 'unknown setting "agrs" (did you mean "args"?)'),
            ('policy "p.lua" { teams = { "suport" } }\nteam "support" {}', "return {}", 'did you mean "support"?'),
            ('policy "p.lua" { kinds = { "cat" } }', "return {}", 'did you mean "chat"?'),
            ('policy { when = "req.x ==", route = "model1" }', "", "gateway.lua:2: policy \"line-2\": "),
            ('policy { when = "true", route = "modl1" }', "", 'did you mean "model1"?'),
            ('policy { when = "true" }', "", "without a file it takes when and route"),
            ('policy "p.lua" { args = { chep = "m" } }', 'local a = gw.args { cheap = "m" }', 'did you mean "cheap"?'),
            ('policy "p.lua" {}', 'local a = gw.args { m = gw.arg.model("modl") }', "the model \"modl\" is not configured"),
        )
        for word, policy, wanted in cases:
            with self.subTest(word, policy=policy):
                run = self.check('provider "demo" {} model "model1" { { "demo/demo" } }\n' + word + "\n", {"p.lua": policy})
                self.assertNotEqual(run.code, 0)
                self.assertIn(wanted, run.err + run.out)
                self.assertIn("gateway.lua:2", run.err + run.out)


class FirstOfASession(unittest.TestCase):
    def test_its_money_is_its_budget(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "cap.lua")
            with open(path, "w", encoding="utf-8") as f:
                f.write('return { on_request = function(req)\n    local s = gw.spend { session = req.session, per = "total" }\n'
                        '    gw.note(s.spent_usd .. " of " .. s.limit_usd)\nend }\n')
            digest = hashlib.sha256(b"k").hexdigest()
            with Gateway('provider "demo" { price = { input_usd_per_mtok = 100, output_usd_per_mtok = 1 } }\nledger { path = "%s/l" }\n'
                         'model "m" { "demo/demo" } team "a" { session_budget = { usd = 10, per = "total" } }\nkey { sha256 = "%s", team = "a", name = "k" }\n'
                         'policy "%s" {}\n' % (folder, digest, path)) as gw:
                notes = []
                for session in ("one", "one", "two"):
                    answer = gw.chat("hi", model="m", headers=[("authorization", "Bearer k"), ("x-gw-session", session)])
                    self.assertEqual(answer.status, 200, answer)
                    notes += gw.log_for(answer.id)["policies"][0]["notes"]
                self.assertEqual((notes[0], notes[2]), ("0.0 of 10.0", "0.0 of 10.0"))
                self.assertNotEqual(notes[1], notes[0])


if __name__ == "__main__":
    unittest.main()
