"""test_policy_explain.py - what policies decided is with the request in the ledger: explain shows it from the journal and from the
store, beside a gateway, after a restart and without one."""

import json
import os
import unittest

from command import run
from harness import Gateway
from stored import StoreCase, ask, check_store, delivered, opened
from test_ledger import lua, records, usage
from upstream import reply_json

RULES = {
    "guard.lua": """local policy = {}
function policy.on_request(req)
    gw.note("looked at " .. req.id)
    if req:find("forbidden") then
        return gw.deny(403, "not_allowed", "that may not leave", { reason = "a word" })
    end
    if req:find("faq") then return gw.answer("42", "known") end
    if req:find("broken") then
        return "smart"
    end
    if req:find("cheap") then return gw.route("m2", "a route") end
end
return policy
""",
    "order.lua": """return { on_route = function(req, targets)
    if not req:find("other first") then return end
    table.insert(targets, 1, table.remove(targets))
    return targets
end }
""",
    "watch.lua": """return { on_request = function(req)
    for i = 1, req:find("chatty") and 16 or 0 do gw.note(("long note "):rep(20)) end
    if req:find("watched") then return gw.deny(400, "seen", "no") end
end }
""",
}


class Explained(StoreCase):
    def setUp(self):
        super().setUp()
        self.more = ""
        for name, text in RULES.items():
            with open(os.path.join(self.folder.name, name), "w", encoding="utf-8") as f:
                f.write(text)
            self.more += 'policy "%s/%s" { %s }\n' % (self.folder.name, name, 'mode = "observe"' if name == "watch.lua" else "")
        self.config_path = os.path.join(self.folder.name, "gateway.lua")
        with open(self.config_path, "w", encoding="utf-8") as f:
            f.write(lua(self.path, self.up, self.up2) + self.more)

    def at(self, name, line):
        return "%s/%s:%d" % (self.folder.name, name, line)

    def explained(self, answer, *flags):
        said = run("explain", "-c", self.config_path, *flags, answer.id)
        self.assertEqual((said.code, said.err), (0, ""), said)
        return json.loads(said.out) if flags else said.out

    def policies(self, answer):
        """Of its last record; the others have none."""
        rows = self.explained(answer, "--json")["records"]
        self.assertTrue(all("policies" not in row for row in rows[:-1]))
        return {(p["policy"], p["hook"]): p for p in rows[-1]["policies"] if "policy" in p}

    def test_each_decision_in_text_and_json(self):
        with self.gateway(more=self.more) as gw:
            said = {text: gw.chat(text, model=model) for text, model in (("hello", "m"), ("forbidden", "m"), ("faq", "m"), ("broken", "m"), ("cheap", "m"), ("other first", "f"), ("watched", "m"), ("chatty cheap", "m"))}
            self.assertEqual([a.status for a in said.values()], [200, 403, 200, 500, 200, 200, 200, 200])

            def look():
                guard = ("guard", "on_request")
                none = self.policies(said["hello"])[guard]
                self.assertNotIn("decision", none)
                self.assertEqual(none["notes"], ["looked at " + said["hello"].id])
                deny = self.policies(said["forbidden"])[guard]
                self.assertEqual((deny["decision"], deny["code"], deny["reason"], deny["at"]), ("deny", "not_allowed", "a word", self.at("guard.lua", 5)))
                answer = self.policies(said["faq"])[guard]
                self.assertEqual((answer["decision"], answer["reason"], answer["at"]), ("answer", "known", self.at("guard.lua", 7)))
                broken = self.policies(said["broken"])[guard]
                self.assertEqual(broken["decision"], "error")
                self.assertIn(self.at("guard.lua", 9) + ": ", broken["reason"])
                route = self.policies(said["cheap"])[guard]
                self.assertEqual((route["decision"], route["model"], route["at"]), ("route", "m2", self.at("guard.lua", 11)))
                order = self.policies(said["other first"])[("order", "on_route")]
                self.assertEqual((order["decision"], order["attempt"], order["at"]), ("order", 1, self.at("order.lua", 4)))
                watch = self.policies(said["watched"])[("watch", "on_request")]
                self.assertEqual((watch["decision"], watch["observed"], watch["at"]), ("deny", True, self.at("watch.lua", 3)))
                chatty = self.policies(said["chatty cheap"])  # over what a record holds: without notes
                self.assertEqual(list(chatty), [guard])
                self.assertNotIn("notes", chatty[guard])
                text = self.explained(said["forbidden"])
                self.assertIn("no upstream was asked", text)
                self.assertIn('policy "guard" on_request: deny not_allowed at %s (a word)\n  note: looked at ' % self.at("guard.lua", 5), text)
                self.assertIn('policy "watch" on_request: observed only, would deny seen at ', self.explained(said["watched"]))
                self.assertIn('policy "order" on_route of attempt 1: order at ', self.explained(said["other first"]))
                self.assertIn('policy "order" on_route of attempt 1: nothing\n', self.explained(said["hello"]))

            look()
            self.assertTrue(delivered(gw))
            look()
        look()
        with self.gateway(more=self.more) as gw:
            look()
            self.assertTrue(delivered(gw))
        self.assertEqual(ask(self.store, "SELECT count(*) FROM decisions WHERE policies LIKE '%guard.lua:5%'"), [(1,)])
        check_store(self, self.path, self.store)
        refused = [r for r in records(self.path, "row") if r["request"] == said["forbidden"].id]
        self.assertEqual([(r.get("final"), r["outcome"]) for r in refused], [(None, "not_allowed")])  # no request of the reports

    def test_a_store_of_the_version_before(self):
        with self.gateway(more=self.more) as gw:
            self.assertEqual(gw.chat("hello", model="m").status, 200)
            self.assertTrue(delivered(gw))
        with opened(self.store) as db:
            db.execute("ALTER TABLE decisions DROP COLUMN policies")
            db.execute("PRAGMA user_version = 1")
        with self.gateway(more=self.more) as gw:
            answer = gw.chat("forbidden", model="m")
            self.assertTrue(delivered(gw))
            self.assertEqual(self.policies(answer)[("guard", "on_request")]["decision"], "deny")
        self.assertEqual(ask(self.store, "PRAGMA user_version"), [(2,)])



class Refused(StoreCase):
    """A first attempt fails, and a policy refuses the second: the request has one last record, and the attempt is counted once."""

    RULE = 'return { on_route = function(req, targets) if req.attempt > 1 then return gw.deny(503, "no_more", "not elsewhere") end end }'

    def refused(self, more):
        path = os.path.join(self.folder.name, "refuse.lua")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.RULE)
        self.up.handler = lambda request, out: out.send(reply_json({"error": {"message": "no"}}, 500))
        with Gateway(lua(self.path, self.up, self.up2) + more + 'model "two" { "up/real", "up2/real" }\npolicy "%s" {}\n' % path) as gw:
            answer = gw.chat(model="two")
            self.assertEqual((answer.status, answer.error["code"]), (503, "no_more"))
            gw.log_for(answer.id)
        self.assertEqual(len(self.up2.requests), 0)
        all_records = [r for kind in ("end", "row") for r in records(self.path, kind)]
        self.assertEqual(sorted(r.get("final", False) for r in all_records), [False, True])
        self.assertEqual([r["outcome"] for r in all_records if r.get("final")], ["no_more"])
        self.assertEqual([row["requests"] for row in usage(self.path)], [1])

    def test_with_a_budget(self):
        self.refused("budget { usd = 10 }\n")

    def test_without_one(self):
        self.refused("")


if __name__ == "__main__":
    unittest.main()
