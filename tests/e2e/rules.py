"""rules.py - what real services refuse with a 400, as rows: service, models, name, check, source.

Written from the vendors' pages and from their errors, not from the gateway's code: it judges what the gateway sends.

    rules.judge("/v1/messages", body, headers)   -> ["anthropic blank-text: ... (source)", ...]

The fake upstreams call note() for each request; the runner fails the test that sent what a service would refuse. What a
test's own client sent in the same words is a relay, and the client's affair: sent() knows those. Any other test that sends
broken input on purpose says so: `with rules.broken("why"): ...`, or `UPSTREAM_RULES = "why not"` in its class
or module. The rows of each service are in rules_anthropic.py, rules_chat.py and
rules_gemini.py.
"""

import contextlib
import json
import re
import threading

LOCK = threading.Lock()
FOUND = []
REASONS = []
SENT = set()


class Rule:
    """One row. check(body, headers) yields a text for each place that is wrong. `models`: a pattern of the names."""

    def __init__(self, service, models, name, check, source):
        self.services = service.split()
        self.models = re.compile(models)
        self.name, self.check, self.source = name, check, source

    def judge(self, service, body, headers):
        if service not in self.services or not self.models.search(str(body.get("model", ""))):
            return []
        try:
            return ["%s %s: %s (%s)" % (service, self.name, found, self.source) for found in self.check(body, headers)]
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as e:
            return ["%s %s: the request has another shape: %r (%s)" % (service, self.name, e, self.source)]


SERVICES = (  # whose model it is, for requests in the form of a chat
    (r"^(gpt-|o\d|chatgpt|ft:gpt)", "openai"),
    (r"mistral|ministral|magistral|codestral|devstral|pixtral", "mistral"),
    (r"^deepseek", "deepseek"),
    (r"^(kimi|moonshot)", "moonshot"),
    (r"^sonar", "perplexity"),
)


GEMINI = re.compile(r"/(?:models|tunedModels)/([^/]+):(?:streamGenerateContent|generateContent)$")


def service_of(path, body):
    """The service that a request is judged as; None: no rule is known for it."""
    path = path.split("?")[0]
    if path.endswith("/messages") or path.endswith("/messages/count_tokens"):
        return "anthropic"
    if GEMINI.search(path):
        return "gemini"
    if not path.endswith("/chat/completions"):
        return None
    if "/openai/" in path:
        return "azure"
    model = str(body.get("model", ""))
    for pattern, service in SERVICES:
        if re.search(pattern, model):
            return service
    return "chat"


def all_rules():
    import rules_anthropic
    import rules_chat
    import rules_gemini

    return rules_anthropic.RULES + rules_chat.RULES + rules_gemini.RULES


def judge(path, body, headers=None, service=None):
    """What the service would refuse. `service` where the path and the model do not show it ("strict": a template)."""
    if not isinstance(body, dict):
        return []
    headers = dict(headers or {}, **{":path": path.split("?")[0]})
    service = service or service_of(path, body)
    named = GEMINI.search(headers[":path"])
    body = dict(body, model=named.group(1)) if named else body
    return [text for rule in all_rules() for text in rule.judge(service, body, headers)]


def words_of(value):
    """What a relay leaves as it is: all but the model's name and what the gateway adds to streams."""
    left_out = ("model", "stream_options")
    return hash(json.dumps({k: v for k, v in value.items() if k not in left_out}, sort_keys=True))


def sent(body):
    """A client of a test is about to send these bytes to the gateway."""
    try:
        value = json.loads(body)
        with LOCK:
            SENT.add(words_of(value))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return


def note(path, body, headers, service=None):
    """Judges a request that a fake upstream got (the body as bytes); what is not JSON is left to other tests."""
    try:
        value = json.loads(body)
        if words_of(value) in SENT:
            return
    except (ValueError, AttributeError, TypeError, RecursionError):
        return
    found = judge(path, value, headers, service)
    with LOCK:
        if found and not REASONS:
            FOUND.extend(found)


def take():
    """What was found since, and forgets it."""
    global FOUND
    with LOCK:
        out, FOUND = FOUND, []
        SENT.clear()
    return out


@contextlib.contextmanager
def broken(why):
    """The test sends on purpose what a service refuses, and the gateway must relay it. `why` is for the reader."""
    REASONS.append(why)
    try:
        yield
    finally:
        REASONS.remove(why)
