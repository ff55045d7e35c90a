"""test_crossing.py - every feature of a request, from both faces to each kind of provider: what it says must arrive at
the upstream, or be told as lost, or be refused, by the capability table. judge.py reads what arrives; it is not the
translator.

Prints a matrix case x provider for each face:
  =        relayed as it came          ok       written anew, and all of it arrived
  lossy    told in x-gw-dropped, as a row of the table says       refused  by a row of the table
  FAIL     none of these               -        no such request in this API
"""

import json
import unittest

import command
import crossing_media
import crossing_settings
import crossing_shape
import crossing_talk
import crossing_tools
import judge
import judge_chat
import judge_messages
import upstream
from client import Conn
from grid import FAIL, Grid
from harness import UP_KEY, Case, Gateway
from upstream import completion, delta, event, reply_json, stream, usage_event

CASES = crossing_talk.CASES + crossing_media.CASES + crossing_tools.CASES + crossing_shape.CASES
CASES += crossing_settings.CASES

# What the messages face itself leaves out on the way to other APIs, before any provider is asked: the canonical form
# has no place for it.
FACE_DROPS = {
    "system.x-anthropic-billing-header": "differs in every request, and is not for the model",
    "thinking.display": "a chat cannot ask for reasoning that is not shown",
    "messages.server_tool_use": "what Anthropic's own tools did; the texts around it arrive",
    "messages.web_search_tool_result": "what Anthropic's own tools did; the texts around it arrive",
    "metadata.account": "only the user's id has an equal",
    "output_config.task_budget": "a chat has no such limit",
    "tools.bash_20250124": "runs at Anthropic, or is known to its models only",
    "tools.input_examples": "a function of a chat has no examples",
    "tools.eager_input_streaming": "how Anthropic streams arguments",
    "tools.web_search.allowed_domains": "a chat's web search cannot be limited so",
    "tools.web_search.max_uses": "a chat's web search cannot be limited so",
    "tool_choice": "the tools it is about were left out",
    "messages.tool_use.cache_control": "a call in a chat carries no marker",
    "cache_control": "a chat has no marker of everything",
    "messages.document.citations": "a chat cannot ask for citations of what it sends",
    "context_management": "Anthropic edits the conversation",
    "container": "where Anthropic's own tools run",
    "mcp_servers": "Anthropic calls them itself",
    "inference_geo": "where Anthropic computes",
}


class Target:
    """A provider and a model of it, and what judge.py must know of them."""

    def __init__(
        self, name, service, model, more="", kind="chat", reasons=False, adaptive=False, one_of_two=False, **traits
    ):
        self.name, self.service, self.model, self.kind = name, service, model, kind
        self.reasons, self.adaptive, self.one_of_two = reasons, adaptive, one_of_two
        self.thinks_itself = traits.get("thinks_itself", False)  # unless it is told not to
        self.takes_system = traits.get("takes_system", False)  # a system message amid the others
        self.no_stream_options = traits.get("no_stream_options", False)
        self.openai = service in ("openai", "azure")
        self.knows_developer = self.openai and not traits.get("no_developer", False)
        self.relays = {"messages"} if kind == "messages" else set() if service == "mistral" else {"chat"}
        plugin = kind == "messages" and "anthropic" or service == "azure" and "azure" or "openai"
        self.lua = 'provider "%s" { plugin = "%s", base_url = "%%s", secret = env "UP_KEY", %s }\n' % (
            name,
            plugin,
            more,
        )
        self.lua += 'model "%s" { { "%s/%s" } }\n' % (name, name, model)
        self.lua += 'model "strict-%s" { lossy = "refuse", { "%s/%s" } }\n' % (name, name, model)
        self.table = []  # rows of the capability table

    def read(self, body):
        return (judge_messages.of_messages if self.kind == "messages" else judge_chat.of_chat)(body, self)

    def rows(self, field, how):
        return [r for r in self.table if r["how"] == how and r["field"] == field]

    def how(self, field):
        return [r["how"] for r in self.table if r["field"] == field]


def preset(service, model, **traits):
    return Target(service, service, model, 'service = "%s"' % service, **traits)


TARGETS = [
    Target("gpt-4.1", "openai", "gpt-4.1"),
    Target("gpt-5.4", "openai", "gpt-5.4-mini", reasons=True),
    Target("o3", "openai", "o3", reasons=True),
    Target("az-dated", "azure", "gpt-4o", 'api_version = "2024-10-21"'),
    Target(
        "az-2023", "azure", "gpt-4o", 'api_version = "2023-12-01-preview"', no_stream_options=True, no_developer=True
    ),
    Target("az-v1", "azure", "gpt-5", reasons=True),
    Target("haiku-3-5", "anthropic", "claude-3-5-haiku-20241022", kind="messages"),
    Target("sonnet-4-5", "anthropic", "claude-sonnet-4-5", kind="messages", one_of_two=True),
    Target("opus-4-8", "anthropic", "claude-opus-4-8", kind="messages", adaptive=True),
    Target(
        "sonnet-5-5",
        "anthropic",
        "claude-sonnet-5-5",
        kind="messages",
        adaptive=True,
        thinks_itself=True,
        takes_system=True,
    ),
    preset("deepseek", "deepseek-chat"),
    preset("fireworks", "accounts/fireworks/models/kimi-k2"),
    preset("groq", "openai/gpt-oss-120b"),
    preset("huggingface", "openai/gpt-oss-120b"),
    preset("llamacpp", "qwen3"),
    preset("lmstudio", "qwen3"),
    preset("mistral", "mistral-large-latest", no_stream_options=True),
    preset("moonshot", "kimi-k2.5"),
    preset("ollama", "qwen3"),
    preset("openrouter", "anthropic/claude-sonnet-4.5"),
    preset("perplexity", "sonar", no_stream_options=True),
    preset("sglang", "qwen3"),
    preset("together", "moonshotai/Kimi-K2.5"),
    preset("vllm", "qwen3"),
    preset("xai", "grok-4"),
]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 2},
}
MESSAGE_EVENTS = [
    {"type": "message_start", "message": dict(MESSAGE, content=[], stop_reason=None)},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]


def reply_to(request, out):
    """A right answer in the dialect of the address."""
    asked = request.json()
    if "/messages" in request.path and asked.get("stream"):
        out.send(stream(*[b"event: %s\n" % e["type"].encode() + event(e) for e in MESSAGE_EVENTS]))
    elif "/messages" in request.path:
        out.send(reply_json(MESSAGE))
    elif asked.get("stream"):
        out.send(stream(delta("hello"), delta(finish="stop"), usage_event(), upstream.DONE))
    else:
        out.send(reply_json(completion()))


class Verdict:
    """What became of a case: an outcome of the matrix, and why."""

    def __init__(self, outcome, *why):
        self.outcome, self.why = outcome, list(why)


class Crossing(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(reply_to)
        lua = "".join(t.lua % (cls.up.url[:-3] if t.service in ("azure", "anthropic") else cls.up.url) for t in TARGETS)
        gw = Gateway(lua)
        cls.read_table(gw.config)
        cls.conn = Conn(gw.port)
        return gw

    @classmethod
    def read_table(cls, config):
        """The capability table, as `llm-gateway models --fields` prints it."""
        said = command.run("models", "--fields", "--json", "-c", config, env={"UP_KEY": UP_KEY})
        if said.code != 0:
            raise AssertionError("models --fields: %r" % said)
        told = {m["name"]: m["targets"][0]["fields"] for m in json.loads(said.out)}
        for target in TARGETS:
            target.table = told[target.name]

    @classmethod
    def tidy(cls):
        cls.conn.close()
        super().tidy()

    def send(self, face, target, body, model=None):
        """The answer, and what the upstream was sent; None when nothing was."""
        body = dict(body, model=model or target.name)
        self.up.take()
        path = "/v1/messages" if face == "messages" else "/v1/chat/completions"
        answer = self.conn.ask("POST", path, [("anthropic-version", "2023-06-01")] if face == "messages" else (), body)
        seen = self.up.take()
        return answer, seen[0].json() if seen else None

    def refused(self, case, target, answer):
        """Nothing was sent: a row of the table must say so, and its reason be in the message."""
        message = answer.json()["error"]["message"]
        if not 400 <= answer.status < 500:
            return Verdict(FAIL, "status %d: %s" % (answer.status, message))
        rows = [r for r in target.table if r["how"] == "refused" and r["why"] and r["why"] in message]
        if not rows:
            return Verdict(FAIL, "refused, but no row of the table says so: %s" % message)
        return Verdict("refused", *["%s: refused: %s" % (r["field"], r["why"]) for r in rows[:1]])

    def relayed(self, target, body, sent):
        want, got = dict(body, model=target.model), dict(sent)
        for one in (want, got):
            one.pop("stream_options", None)
        return Verdict("=") if got == want else Verdict(FAIL, "relayed, but changed: %r" % sent)

    def why_of(self, name, face, target, case):
        """(reason, None) of a loss, from the table of the provider or of the face; else (None, what is wrong)."""
        rows = target.rows(name, "dropped")
        own = FACE_DROPS.get(name) if face == "messages" else None
        if not rows and own:
            self.face_used.add(name)
            return own, None
        if not rows:
            return None, "%s is told as dropped, and is not in the table" % name
        # A model that refuses loss tells the first of them with its reason.
        answer, sent = self.send(face, target, case.bodies[face], "strict-" + target.name)
        error = answer.json()["error"]
        if sent is not None or answer.status != 400:
            return None, 'lossy = "refuse" lets it pass: %d' % answer.status
        said = [r["why"] for r in rows if r["why"] in error["message"]]
        if not said and own:
            self.face_used.add(name)
            return own, None
        if not said and name + " cannot be carried" in error["message"]:
            return None, "the table gives other reasons for %s: %s" % (name, error["message"])
        return said[0] if said else rows[0]["why"], None

    def judge(self, case, face, target):
        body = case.bodies[face]
        answer, sent = self.send(face, target, body)
        if sent is None:
            return self.refused(case, target, answer)
        told = [n for n in (answer.header("x-gw-dropped") or "").split(", ") if n]
        if answer.status != 200:
            return Verdict(FAIL, "status %d: %s" % (answer.status, answer.body[:300]))
        if face in target.relays:
            return (
                Verdict(FAIL, "relayed, and told as dropped: %s" % told) if told else self.relayed(target, body, sent)
            )
        meaning = target.read(sent)
        wrong = ["the upstream would refuse it: " + p for p in meaning.problems]
        wrong += [] if meaning.member("model") == target.model else ["model %r" % meaning.member("model")]
        missing = [f for f in case.facts if not f.arrived(meaning, target)]
        covered = set()
        for fact in missing:
            names = set(fact.names) & set(told)
            covered |= names
            if not names:
                wrong.append(
                    "%s does not arrive, and nothing is told (dropped: %s): %s"
                    % (fact.label, told, json.dumps(sent)[:1500])
                )
        reasons = []
        for name in told:
            if name not in covered:
                wrong.append("%s is told as dropped, and all of it arrives: %s" % (name, json.dumps(sent)[:600]))
            reason, problem = self.why_of(name, face, target, case)
            wrong += [problem] if problem else []
            reasons.append("%s: %s" % (name, reason))
        return Verdict(FAIL, *wrong) if wrong else Verdict("lossy", *reasons) if told else Verdict("ok")

    def test_every_case(self):
        failures, type(self).face_used = [], set()
        for face in ("chat", "messages"):
            grid = Grid("from " + face, [t.name for t in TARGETS])
            for case in CASES:
                for target in TARGETS if case.bodies[face] else []:
                    verdict = self.judge(case, face, target)
                    grid.add(case.name, target.name, verdict.outcome)
                    if verdict.outcome == FAIL:
                        failures += ["%s: %s -> %s: %s" % (case.name, face, target.name, w) for w in verdict.why]
                    else:
                        for why in verdict.why:
                            grid.because(why, "%s at %s" % (case.name, target.name))
            grid.print(short=True)
            grid.print_reasons("lost or refused on the way from " + face)
        print("\n".join("FAIL: " + f for f in failures))
        self.assertEqual(failures, [], "%d:\n" % len(failures) + "\n".join(failures))
        self.assertEqual(set(FACE_DROPS) - self.face_used, set(), "rows of FACE_DROPS that nothing needs")

    def test_efforts_rise(self):
        """More reasoning asked for is never less at the upstream."""
        for target in TARGETS:
            for face in {"chat", "messages"} - target.relays:
                strengths = []
                for case in [
                    c for c in CASES if c.name in ["effort " + level for level in judge.LEVELS] and c.bodies[face]
                ]:
                    answer, sent = self.send(face, target, case.bodies[face])
                    effort = target.read(sent).effort
                    strengths.append(
                        effort if isinstance(effort, int) else judge.LEVELS.index(effort) if effort else None
                    )
                known = [s for s in strengths[:6] if s is not None]
                self.assertEqual(known, sorted(known), "%s -> %s: %s" % (face, target.name, strengths))

    def test_a_case_of_each_can_fail(self):
        """The judge sees what is missing: with the facts of another case, nearly every case must fail."""
        target = next(t for t in TARGETS if t.name == "gpt-4.1")
        answer, sent = self.send("messages", target, crossing_talk.CASES[0].bodies["messages"])
        meaning = target.read(sent)
        blind = [c.name for c in CASES if all(f.arrived(meaning, target) for f in c.facts)]
        expected = {"text", "max tokens", "no limit", "one answer", "penalties of 0", "service_tier auto", "effort none"}
        self.assertEqual(set(blind) - expected, set())

    def test_what_is_taken_away_is_missed(self):
        """The judge again: whatever member of a good request is taken away, some fact is missed or a rule is broken."""
        unseen = []
        defaults = [("tool_choice", "auto"), ("tool_choice", {"type": "auto"}), ("service_tier", "auto")]
        for face, name in (("messages", "gpt-4.1"), ("chat", "sonnet-4-5")):
            target = next(t for t in TARGETS if t.name == name)
            for case in [c for c in CASES if c.bodies[face]]:
                sent = self.send(face, target, case.bodies[face])[1] or {}
                arrived = {f.label for f in case.facts if f.arrived(target.read(sent), target)} if sent else set()
                for member in set(sent) - {"model", "messages"}:
                    if (member, sent[member]) in defaults:
                        continue
                    meaning = target.read({k: v for k, v in sent.items() if k != member})
                    missed = [f for f in case.facts if f.label in arrived and not f.arrived(meaning, target)]
                    if not missed and not meaning.problems:
                        unseen.append("%s -> %s: %s without %s" % (face, name, case.name, member))
        self.assertEqual(unseen, [])


if __name__ == "__main__":
    unittest.main()
