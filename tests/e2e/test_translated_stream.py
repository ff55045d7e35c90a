"""test_translated_stream.py - streams that are translated: a character that two events share arrives as one, and what came
before an error arrives, also where both came in one read."""

import json
import unittest

import client
import upstream
from harness import Case, Gateway, claude, provider
from upstream import chunk, event, stream_head

PARTS = ("a\\ud83d", "\\ude00b")  # as JSON has them
WANTED = "a\U0001f600b"
END = b"0\r\n\r\n"


def chat_piece(inside):
    return event('{"id":"c","choices":[{"index":0,"delta":{%s},"finish_reason":null}]}' % inside)


def chat_call(args, opening=""):
    return chat_piece('"tool_calls":[{"index":0,%s"function":{%s"arguments":"%s"}}]' % (opening, opening and '"name":"f",', args))


def block(kind, delta, member):
    more = '"id":"toolu_1","name":"f","input":{}' if kind == "tool_use" else '"%s":""' % member
    out = [event('{"type":"message_start","message":{"id":"m","model":"claude","usage":{"input_tokens":1,"output_tokens":1}}}')]
    out.append(event('{"type":"content_block_start","index":0,"content_block":{"type":"%s",%s}}' % (kind, more)))
    for part in PARTS if kind != "tool_use" else ('{\\"k\\":\\"' + PARTS[0], PARTS[1] + '\\"}'):
        out.append(event('{"type":"content_block_delta","index":0,"delta":{"type":"%s","%s":"%s"}}' % (delta, member, part)))
    out.append(event('{"type":"content_block_stop","index":0}'))
    end = '{"type":"message_delta","delta":{"stop_reason":"%s"},"usage":{"output_tokens":2}}'
    return out + [event(end % ("tool_use" if kind == "tool_use" else "end_turn")), event('{"type":"message_stop"}')]


def google(part, finish=""):
    return event('{"candidates":[{"content":{"role":"model","parts":[{%s}]}%s,"index":0}],"modelVersion":"g"}' % (part, finish))


FINISH = [event('{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'), upstream.DONE]
CHAT = {
    "text": [chat_piece('"content":"%s"' % p) for p in PARTS] + FINISH,
    "refusal": [chat_piece('"refusal":"%s"' % p) for p in PARTS] + FINISH,
    "reasoning": [chat_piece('"reasoning_content":"%s"' % p) for p in PARTS] + [chat_piece('"content":"x"')] + FINISH,
    "details": [
        chat_piece('"reasoning":"%s","reasoning_details":[{"type":"reasoning.text","text":"%s","index":0,"format":"x"}]' % (p, p))
        for p in PARTS
    ]
    + [chat_piece('"content":"x"')]
    + FINISH,
    "arguments": [chat_call('{\\"k\\":\\"' + PARTS[0], '"id":"c1","type":"function",'), chat_call(PARTS[1] + '\\"}')] + FINISH,
}
MESSAGES = {
    "text": block("text", "text_delta", "text"),
    "reasoning": block("thinking", "thinking_delta", "thinking"),
    "arguments": block("tool_use", "input_json_delta", "partial_json"),
}
GEMINI = {
    "text": [google('"text":"%s"' % PARTS[0]), google('"text":"%s"' % PARTS[1], ',"finishReason":"STOP"')],
    "reasoning": [google('"text":"%s","thought":true' % p) for p in PARTS]
    + [google('"text":"x"', ',"finishReason":"STOP"')],
}
ERRORS = {
    "up": (CHAT["text"][0], event({"error": {"message": "no more", "type": "server_error", "code": "overloaded"}})),
    "claude": (b"".join(MESSAGES["text"][:3]), event({"type": "error", "error": {"type": "overloaded_error", "message": "no more"}})),
    "g": (GEMINI["text"][0], event({"error": {"code": 503, "message": "no more", "status": "UNAVAILABLE"}})),
}


class TranslatedStream(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        lua = 'provider "g" { plugin = "gemini", base_url = "%s/v1beta", secret = env "UP_KEY" }\n' % cls.up.url[:-3]
        return Gateway(lua + provider("up", cls.up) + claude("claude", cls.up))

    def ask(self, face, name, body):
        """The events of an answer."""
        self.up.handler = [stream_head() + body + END]
        asked = {"model": name + "/gpt-4o", "max_tokens": 99, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        asked["tools"] = [{"name": "f", "input_schema": {"type": "object"}}]
        if face == "chat":
            asked["tools"] = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
        path, headers = ("/v1/chat/completions", ()) if face == "chat" else ("/v1/messages", [("anthropic-version", "2023-06-01")])
        answer = self.gw.request("POST", path, headers, asked)
        self.assertEqual(answer.status, 200, answer)
        return [json.loads(data) for _, data in client.sse(answer.body) if data != "[DONE]"]

    def texts(self, face, events):
        """What was said, by kind."""
        said = {}

        def add(kind, text):
            said[kind] = said.get(kind, "") + (text or "")

        for e in events:
            if face == "chat":
                for choice in e.get("choices", ()):
                    d = choice["delta"]
                    add("text", d.get("content"))
                    add("reasoning", d.get("reasoning_content"))
                    for call in d.get("tool_calls") or ():
                        add("arguments", call["function"].get("arguments"))
            elif e["type"] == "content_block_delta":
                d = e["delta"]
                add("text", d.get("text"))
                add("reasoning", d.get("thinking"))
                add("arguments", d.get("partial_json"))
            elif e["type"] == "message_delta":
                add("refusal", (e["delta"].get("stop_details") or {}).get("explanation"))
        return said

    def test_a_character_that_two_events_share(self):
        ways = [("messages", "up", CHAT), ("chat", "claude", MESSAGES), ("chat", "g", GEMINI), ("messages", "g", GEMINI)]
        for face, name, streams in ways:
            for kind, events in streams.items():
                for one_read in (False, True):
                    with self.subTest(kind, face=face, provider=name, one_read=one_read):
                        body = chunk(b"".join(events)) if one_read else b"".join(chunk(e) for e in events)
                        said = self.texts(face, self.ask(face, name, body))
                        got = said["reasoning" if kind == "details" else kind]
                        self.assertEqual(json.loads(got)["k"] if kind == "arguments" else got, WANTED, said)

    def test_text_before_an_error(self):
        for face, name in (("messages", "up"), ("chat", "claude"), ("chat", "g"), ("messages", "g"), ("chat", "up"), ("messages", "claude")):
            text, error = (e.replace(b"\\ud83d", b"") for e in ERRORS[name])
            for body in (chunk(text + error), chunk(text) + chunk(error), chunk(text + error + upstream.DONE)):
                with self.subTest(face=face, provider=name, body=body):
                    events = self.ask(face, name, body)
                    self.assertEqual(self.texts(face, events)["text"], "a", events)
                    self.assertIn("error", events[-1], events)


if __name__ == "__main__":
    unittest.main()
