"""test_admin_litellm.py - the calls of LiteLLM's own documentation for keys, teams and spend, against the admin API.

Bodies are those of docs.litellm.ai: proxy/virtual_keys, proxy/users, proxy/team_budgets, proxy/cost_tracking (2026-10)."""

import datetime
import hashlib
import json
import time
import unittest

from test_admin import Admin as Base


class LiteLLM(Base):
    """The cases of test_admin.py are not repeated: only its helpers are used."""

    def use(self, gw, key, model="m", **headers):
        return gw.chat(model=model, headers=[("Authorization", "Bearer " + key), *headers.items()]).status

    def settled(self, path, want):
        end = time.monotonic() + 60
        while True:
            answer = self.good("GET", path)
            if want(answer) or time.monotonic() > end:
                return answer
            time.sleep(0.1)

    def test_a_key_as_the_documentation_makes_it(self):
        with self.gateway() as gw:
            made = self.good("POST", "/key/generate", {"models": ["m", "other"], "metadata": {"user": "ishaan@berri.ai"}})
            key = made["key"]
            self.assertRegex(made["key_name"], r"\Ask-\.\.\.%s\Z" % key[-4:])
            self.assertEqual((made["models"], made["metadata"], made["expires"], made["max_budget"], made["team_id"], made["not_carried"]),
                             (["m", "other"], {"user": "ishaan@berri.ai"}, None, None, "default", []))
            self.assertEqual((self.use(gw, key), self.use(gw, "sk-none")), (200, 401))
            info = self.good("GET", "/key/info?key=" + key)
            self.assertEqual(info["key"], hashlib.sha256(key.encode()).hexdigest())
            self.assertEqual(info["info"]["spend"], 1)
            for name in (info["key"], made["key_alias"]):
                self.assertEqual(self.good("GET", "/key/info?key=" + name), info)
            self.assertNotIn(key, json.dumps(info))
            self.refused(404, "not_found", "GET", "/key/info?key=sk-other")
            self.assertEqual(self.good("POST", "/key/delete", {"keys": [key, key], "key_aliases": [made["key_alias"]]}), {"deleted_keys": [made["key_alias"]]})
            self.assertEqual(self.use(gw, key), 401)
            self.refused(404, "not_found", "POST", "/key/delete", {"keys": ["sk-other"]})

    def test_settings_of_a_key(self):
        with self.gateway() as gw:
            made = self.good("POST", "/key/generate", {
                "key_alias": "all", "team_id": "a", "user_id": "u-1", "max_budget": 1.0, "budget_duration": "30d", "duration": "20m", "tpm_limit": 9000,
                "rpm_limit": 100, "max_parallel_requests": 7, "tags": ["job:7", "batch"], "metadata": {"n": 3, "deep": {"x": 1}}, "aliases": {}, "config": {},
                "permissions": {}, "models": [], "soft_budget": 1.0})
            key = made.pop("key")
            self.assertEqual((made["max_budget"], made["budget_duration"], made["rpm_limit"], made["tpm_limit"], made["max_parallel_requests"], made["user_id"],
                              made["metadata"], made["models"], made["not_carried"]),
                             (1, "30d", 100, 9000, 7, "u-1", {"job": "7", "batch": "true", "n": "3"}, [], ["deep", "soft_budget"]))
            left = datetime.datetime.fromisoformat(made["expires"].replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)
            self.assertTrue(1100 < left.total_seconds() <= 1200, made)
            self.assertEqual([self.use(gw, key) for _ in range(2)], [200, 429])  # 1 of 1 USD
            changed = self.good("POST", "/key/update", {"key": key, "max_budget": 4, "budget_duration": "1d", "models": ["m"]})
            self.assertEqual((changed["max_budget"], changed["budget_duration"], changed["rpm_limit"], changed["user_id"], changed["models"]),
                             (4, "1d", 100, "u-1", ["m"]))
            self.assertEqual((self.use(gw, key), self.use(gw, key, "other")), (200, 404))
            # What an update does not name stays.
            changed = self.good("POST", "/key/update", {"key": key, "max_budget": 5, "user_id": "u-2", "tags": ["job:8"]})
            self.assertEqual((changed["max_budget"], changed["budget_duration"], changed["user_id"], changed["metadata"]),
                             (5, "1d", "u-2", {"batch": "true", "job": "8", "n": "3"}))
            changed = self.good("POST", "/key/update", {"key": key, "models": None, "duration": None, "max_budget": None})
            self.assertEqual((changed["models"], changed["expires"] is None, changed["max_budget"]), (["m"], False, 5))
            changed = self.good("POST", "/key/update", {"key": key, "models": [], "duration": "-1"})
            self.assertEqual((changed["models"], changed["expires"], changed["max_budget"]), ([], None, 5))
            for body, words in (({"aliases": {"m": "other"}}, '"aliases" has no counterpart'), ({"permissions": {"x": True}}, '"permissions" has no'),
                                ({"key": "sk-1234"}, '"key" has no counterpart'), ({"budget_duration": "45d", "max_budget": 1}, "is no period here"),
                                ({"budget_duration": "30d"}, "is the period of"), ({"duration": "soon"}, '"duration" takes'),
                                ({"max_budget": "1"}, '"max_budget" takes a number'), ({"max_budget": -1}, "at least 0"),
                                ({"team_id": "nobody"}, 'there is no team "nobody"'), ({"maxbudget": 1}, 'did you mean "max_budget"?')):
                with self.subTest(body):
                    self.assertIn(words, self.refused(400, "invalid_body", "POST", "/key/generate", body))
            self.refused(409, "exists", "POST", "/key/generate", {"key_alias": "all"})

    def test_a_team_and_what_it_spends(self):
        with self.gateway() as gw:
            team = self.good("POST", "/team/new", {"team_alias": "my-new-team_4", "members_with_roles": [{"role": "admin", "user_id": "5c4a0aa3"}],
                                                   "rpm_limit": 99, "max_budget": 20, "budget_duration": "1d"})
            self.assertEqual((team["team_id"], team["rpm_limit"], team["max_budget"], team["budget_duration"], team["not_carried"]),
                             ("my-new-team_4", 99, 20, "1d", ["members_with_roles"]))
            key = self.good("POST", "/key/generate", {"team_id": "my-new-team_4", "key_alias": "of-team"})["key"]
            other = self.good("POST", "/key/generate", {"key_alias": "other-key"})["key"]
            answers = [gw.chat(model=model, user=user, headers=[("Authorization", "Bearer " + k)])
                       for k, model, user in ((key, "m", "palantir"), (key, "other", "palantir"), (other, "m", "acme"))]
            self.assertEqual([a.status for a in answers], [200] * 3)
            info = self.settled("/team/info?team_id=my-new-team_4", lambda i: i["team_info"]["spend"] == 2)
            self.assertEqual((info["team_info"]["spend"], [k["key_alias"] for k in info["keys"]]), (2, ["of-team"]))
            today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
            days = "start_date=%s&end_date=%s" % (today, today)
            report = self.settled("/global/spend/report?" + days, lambda r: r and sum(t["total_spend"] for t in r[0]["teams"]) == 3)
            self.assertEqual([d["group_by_day"] for d in report], [today + "T00:00:00+00:00"])
            self.assertEqual({t["team_name"]: t["total_spend"] for t in report[0]["teams"]}, {"my-new-team_4": 2, "default": 1})
            rows = next(t for t in report[0]["teams"] if t["team_name"] == "my-new-team_4")["metadata"]
            self.assertEqual({(r["model"], r["spend"], r["api_key"], r["total_tokens"] > 0) for r in rows},
                             {(m, 1, hashlib.sha256(key.encode()).hexdigest(), True) for m in ("m", "other")})
            report = self.good("GET", "/global/spend/report?group_by=customer&" + days)
            self.assertEqual({c["customer"]: c["total_spend"] for c in report[0]["customers"]}, {"palantir": 2, "acme": 1})
            report = self.good("GET", "/global/spend/report?group_by=api_key&" + days)
            self.assertEqual({c["key_name"]: c["total_spend"] for c in report[0]["api_keys"]}, {"of-team": 2, "other-key": 1})
            logs = self.good("GET", "/spend/logs?" + days)
            self.assertEqual((logs[0]["startTime"], logs[0]["spend"], logs[0]["users"], logs[0]["models"]),
                             (today, 3, {"palantir": 2, "acme": 1}, {"m": 2, "other": 1}))
            one = self.good("GET", "/spend/logs?request_id=" + gw.log_for(answers[0].id)["id"])
            self.assertEqual((len(one), {r["team"] for r in one[0]["records"] if "team" in r}), (1, {"my-new-team_4"}))
            self.assertEqual(self.good("GET", "/spend/logs?start_date=2020-01-01&end_date=2020-01-31"), [])
            self.refused(400, "invalid_query", "GET", "/spend/logs?start_date=yesterday")
            self.refused(400, "invalid_query", "GET", "/global/spend/report?group_by=colour")

    def test_a_key_maker_sees_its_team_alone(self):
        with self.gateway() as gw:
            maker = self.credential("maker", "key_maker", team="a", budget="10")
            self.good("POST", "/key/generate", {"key_alias": "b-key", "team_id": "b"})
            key = self.good("POST", "/key/generate", {"key_alias": "a-key", "team_id": "a", "max_budget": 10}, credential=maker)["key"]
            self.assertEqual(self.use(gw, key), 200)
            self.refused(403, "other_team", "POST", "/key/generate", {"team_id": "b", "max_budget": 1}, credential=maker)
            self.refused(403, "beyond_own_bounds", "POST", "/key/generate", {"team_id": "a", "max_budget": 11}, credential=maker)
            self.refused(403, "beyond_own_bounds", "POST", "/key/update", {"key": key, "max_budget": 11}, credential=maker)
            for path in ("/key/info?key=b-key", "/team/info?team_id=b"):
                self.refused(404, "not_found", "GET", path, credential=maker)
            self.refused(404, "not_found", "POST", "/key/delete", {"key_aliases": ["a-key", "b-key"]}, credential=maker)
            self.assertEqual(self.use(gw, key), 200)  # none of them is deleted where one is not there
            report = self.settled("/global/spend/report", lambda r: r)
            self.assertEqual([t["team_name"] for t in report[0]["teams"]], ["a"])
            self.good("POST", "/key/delete", {"key_aliases": ["a-key"]}, credential=maker)


def load_tests(loader, _standard, _pattern):
    suite = unittest.TestSuite()
    for name in loader.getTestCaseNames(LiteLLM):
        if name in LiteLLM.__dict__:
            suite.addTest(LiteLLM(name))
    return suite


if __name__ == "__main__":
    unittest.main()
