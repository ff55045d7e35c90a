"""drive.py - starts the services and a gateway before each, runs the clients' tests against them, prints the table.

    drive.py --build DIR [--py PYTHON] [--js FOLDER] [--claude BINARY] [--promptfoo FOLDER] [--why CLIENT=WHY]

PYTHON has the Python clients installed, FOLDER has node_modules. What is not given is skipped; --why says why.
Every client test prints a line `ok KIND NAME`, `FAILED KIND NAME: why` or `skipped KIND NAME: why`; KIND is the
service behind the gateway. The last line here is `clients: N passed, N failed, N skipped`.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
KEY = "sk-canary-client-sdk"
KINDS = ("demo", "openai", "azure", "anthropic", "aimock-openai", "aimock-anthropic", "spent")
TALKS = {  # five turns: kind: (client, shape of the service, the service's name, what it takes of earlier reasoning)
    "anthropic-client>anthropic": ("anthropic", "anthropic", None, None),
    "anthropic-client>openrouter": ("anthropic", "openai", "openrouter", "details"),
    "anthropic-client>deepseek": ("anthropic", "openai", "deepseek", "content"),
    "anthropic-client>openai": ("anthropic", "openai", "openai", "none"),
    "openai-client>anthropic": ("openai", "anthropic", None, None),
}
ANNOUNCED = "CONNECT r.promptfoo.app:443"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
FOREIGN = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL")


class Table:
    """What became of every test: client x kind."""

    def __init__(self):
        self.cells = collections.defaultdict(lambda: collections.Counter())
        self.notes = collections.OrderedDict()
        self.rows = []

    def add(self, client, kind, outcome, line=""):
        if client not in self.rows:
            self.rows.append(client)
        self.cells[client, kind][outcome] += 1
        if outcome == "failed":
            print("    %s: %s" % (client, line), flush=True)
        if outcome == "skipped":
            print(line if line.startswith("SKIPPED") else "SKIPPED %s/%s" % (client, line.partition(" ")[2]), flush=True)

    def skip(self, client, kinds, why):
        for kind in kinds:
            self.add(client, kind, "skipped", "SKIPPED %s/%s: %s" % (client, kind, why))

    def show(self, kinds):
        print("\n%-18s" % "client \\ service" + "".join("%-18s" % k for k in kinds))
        for client in self.rows:
            row = "%-18s" % client
            for kind in kinds:
                cell = self.cells.get((client, kind), {})
                said = []
                if cell.get("passed"):
                    said.append("%d pass" % cell["passed"])
                if cell.get("failed"):
                    said.append("%d FAIL" % cell["failed"])
                if cell.get("skipped"):
                    said.append("skipped")
                row += "%-18s" % (", ".join(said) or "-")
            if row[18:].replace("-", "").strip():
                print(row.rstrip())

    def total(self, outcome):
        return sum(cell[outcome] for cell in self.cells.values())


def run_client(label, command, environment, table, kinds, fixed=None):
    """`fixed`: for a script that names no kinds, {test: kind} and under "" the kind of the others."""
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
        lines, code, more = done.stdout.splitlines(), done.returncode, done.stderr
    except subprocess.TimeoutExpired as e:
        out = e.stdout or b""
        lines, code, more = out.decode("utf-8", "replace").splitlines(), 1, "it took more than 400 s"
    seen = failed = 0
    for line in lines:
        word, _, rest = line.partition(" ")
        outcome = {"ok": "passed", "FAILED": "failed", "skipped": "skipped"}.get(word)
        if outcome:
            name = rest.split(" ")[0].rstrip(":")
            kind = fixed.get(name.replace("test_", ""), fixed[""]) if fixed else name
            table.add(label, kind, outcome, line)
            seen, failed = seen + 1, failed + (outcome == "failed")
    if not seen or code != 0 and not failed:
        table.add(label, kinds[0], "failed", "ended with %d: %s" % (code, more[-3000:]))


class Stand:
    """Everything that listens: services, gateways, the trap."""

    def __init__(self, options, table):
        import upstreams

        self.options, self.table, self.upstreams = options, table, upstreams
        self.services, self.gateways, self.plan, self.talks, self.missing = [], {}, {}, {}, {}
        self.aimock = None
        self.trap = upstreams.Trap()

    def built(self, plugin):
        return os.path.exists(os.path.join(self.options.build, "plugins", plugin + ".so"))

    def service(self, *args, **more):
        self.services.append(self.upstreams.Service(*args, **more))
        return self.services[-1]

    def start_aimock(self):
        self.aimock = subprocess.Popen(
            ["node", os.path.join(HERE, "aimock.mjs")],
            env=dict(os.environ, CLIENTS_JS=os.path.abspath(self.options.js)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self.aimock.stdout.readline().strip()

    def gateway(self, kind, lua):
        from harness import Gateway

        lua += 'key { sha256 = "%s", name = "sdk" }\n' % hashlib.sha256(KEY.encode()).hexdigest()
        self.gateways[kind] = Gateway(lua)
        return self.gateways[kind].base

    def provider(self, plugin, url, more=""):
        line = 'provider "up" { plugin = "%s", base_url = "%s", secrets = { env "UP_KEY" }, %s }\n'
        return line % (plugin, url, more)

    def start(self, each):
        models = 'model "m" { { "up/m" } }\nmodel "claude-*" { { "up/claude-opus-5" } }\n'
        models += 'model "rec-*" { { "up/*" } }\nmodel "quota-*" { { "up/*" } }\n'
        demo = 'provider "demo" { plugin = "demo", tokens_per_second = 20000 }\n'
        demo += 'model "m" { { "demo/demo" } }\nmodel "claude-*" { { "demo/demo" } }\n'
        self.plan["demo"] = {"url": self.gateway("demo", demo), "cases": [], "quota": False}
        mock = self.start_aimock() if self.options.js else None
        for kind in KINDS[1:-1]:
            plugin = kind.replace("aimock-", "")
            if not self.built(plugin):
                self.missing[kind] = "provider plugin %s not built" % plugin
                continue
            if kind.startswith("aimock") and not mock:
                self.missing[kind] = "aimock is not installed"
                continue
            cases = []
            if mock and kind.startswith("aimock"):
                url = mock + ("" if plugin == "anthropic" else "/v1")
            else:
                service = self.service(kind)
                url, cases = service.url if kind == "openai" else service.base, service.cases(each)
            more = 'api_version = "2024-10-21"' if plugin == "azure" else ""
            self.plan[kind] = {
                "url": self.gateway(kind, self.provider(plugin, url, more) + models),
                "cases": cases,
                "quota": kind in ("openai", "azure"),
            }
        self.plan["spent"] = {"url": self.start_spent(), "cases": [], "quota": "alone"}
        for kind, (client, shape, name, want) in TALKS.items():
            if not self.built(shape):
                self.missing[kind] = "provider plugin %s not built" % shape
                continue
            self.talks[kind] = {"client": client, "url": self.start_talk(kind, shape, name, want)}

    def start_spent(self):
        """A gateway whose budget is spent: each client asks once, and stops."""
        from client import request

        self.ledger = tempfile.TemporaryDirectory()
        service = self.service("openai")
        fee = "price = { request_usd = 1, input_usd_per_mtok = 0, output_usd_per_mtok = 0 }"
        lua = 'ledger { path = "%s" }\nbudget { usd = 1, ceiling_usd = 1, per = "month" }\n' % self.ledger.name
        url = self.gateway("spent", lua + self.provider("openai", service.url, fee) + 'model "*" { { "up/m" } }\n')
        body = {"model": "m", "messages": [{"role": "user", "content": "the last dollar"}]}
        answer = request(self.gateways["spent"].port, "POST", "/v1/chat/completions", [("Authorization", "Bearer " + KEY)], body)
        assert answer.status == 200, answer
        return url

    def start_talk(self, kind, shape, name, want):
        import conversation

        if shape == "anthropic":
            service = self.service(shape, script=conversation.anthropic)
            lua = self.provider("anthropic", service.base) + 'model "m" { { "up/claude-sonnet-4-5" } }\n'
        else:
            judged = name if name != "openrouter" else "chat"  # it takes what any service takes
            service = self.service(shape, script=lambda body: conversation.openai(body, want), judged=judged)
            lua = self.provider("openai", service.url, 'service = "%s"' % name) + 'model "m" { { "up/some-model" } }\n'
        return self.gateway(kind, lua)

    def count(self, model, operation=None):
        """{kind: log lines of this model}, those with a status of 200 or 429 alike."""
        return {
            kind: [x for x in gw.lines if x.get("model") == model and operation in (None, x.get("operation"))]
            for kind, gw in self.gateways.items()
        }

    def check_logs(self, ran):
        """What the clients cannot see: how often they asked, counted where it is paid for."""
        for client, model in ran.items():
            for kind in ("openai", "azure", "spent"):
                lines = self.count(model).get(kind)
                if lines is not None:
                    ok = [x["status"] for x in lines] == [429]
                    line = "FAILED %s refused_once: the gateway's log has %s" % (kind, [x["status"] for x in lines])
                    self.table.add(client, kind, "passed" if ok else "failed", line)
        if "claude-code" in ran:
            for kind, lines in self.count("claude-context").items():
                if kind in self.plan and kind != "spent":
                    paid = [x for x in lines if x["operation"] != "count_tokens"]
                    ok = lines and not paid and all(x["status"] == 200 for x in lines)
                    said = [(x["operation"], x["status"]) for x in lines]
                    line = "FAILED %s context_is_free: the gateway's log has %s" % (kind, said)
                    self.table.add("claude-code", kind, "passed" if ok else "failed", line)
        # promptfoo tells its makers when its telemetry is switched off, and has no switch for that: the trap
        # refuses it, and it is said. Nothing else may have tried.
        announced = [x for x in self.trap.asked if x == ANNOUNCED and self.options.promptfoo]
        if announced:
            self.table.notes["promptfoo: asked %d times for its makers' server and was refused" % len(announced)] = None
        other = [x for x in self.trap.asked if x not in announced]
        ok = not other
        line = "FAILED: %s" % other[:10]
        self.table.add("nothing went out", "demo", "passed" if ok else "failed", line)

    def stop(self):
        for kind, gateway in self.gateways.items():
            try:
                gateway.stop()
            except AssertionError as e:
                self.table.add("gateway", kind, "failed", "the gateway: %s" % e)
        if hasattr(self, "ledger"):
            self.ledger.cleanup()
        for service in self.services:
            service.server.stop()
        self.trap.server.stop()
        if self.aimock:
            self.aimock.stdin.close()
            try:
                self.aimock.wait(10)
            except subprocess.TimeoutExpired:
                self.aimock.kill()


def environment_of(stand, folder, name, plan):
    path = os.path.join(folder, name + ".json")
    with open(path, "w") as f:
        json.dump(plan, f)
    clean = {k: v for k, v in os.environ.items() if k not in PROXIES + FOREIGN and not k.startswith("LANG")}
    clean.update(KEY=KEY, PLAN=path, NO_PROXY="127.0.0.1,localhost", no_proxy="127.0.0.1,localhost")
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        clean[proxy] = stand.trap.url
    clean.update(LANGSMITH_TRACING="false", LANGCHAIN_TRACING_V2="false", PYTHONDONTWRITEBYTECODE="1")
    clean["CLIENTS_JS"] = os.path.abspath(stand.options.js) if stand.options.js else ""
    return clean


def jobs_of(stand, folder):
    """[(label, command, environment, kinds, fixed)] of all that can run; what cannot is put down as skipped."""
    options, table, jobs = stand.options, stand.table, []
    whys = dict(w.partition("=")[::2] for w in options.why)
    kinds = list(stand.plan)

    def add(label, installed, command, plan=stand.plan, fixed=None, environment=None):
        if not installed:
            tool = "py" if "python" in label or label in ("langchain", "five-turns") else "js"
            table.skip(label, list(plan), whys.get(label) or whys.get(tool) or "not installed")
            return False
        known = environment or environment_of(stand, folder, label, plan)
        jobs.append((label, command, known, list(plan) or kinds, fixed))
        return True

    py, js = options.py, options.js
    ran = {}
    if add("claude-code", options.claude, [py or sys.executable, os.path.join(HERE, "claude_code.py"), options.claude]):
        ran["claude-code"] = "quota-claude-code"
    cross = {k: v for k, v in stand.plan.items() if k != "demo"}  # before the demo test_openai.* do it, and more
    for label, name in (("openai-python", "openai"), ("anthropic-python", "anthropic"), ("langchain", "langchain")):
        plan = cross if name == "openai" else stand.plan
        if add(label, py, [py, os.path.join(HERE, "cross.py"), name], plan):
            ran[label] = "quota-%s-py" % name
    for label, name in (
        ("openai-js", "openai"),
        ("anthropic-js", "anthropic"),
        ("ai-sdk-chat", "ai-openai"),
        ("ai-sdk-anthropic", "ai-anthropic"),
    ):
        plan = cross if name == "openai" else stand.plan
        if add(label, js, ["node", os.path.join(HERE, "cross.mjs"), name], plan) and not name.startswith("ai-"):
            ran[label] = "quota-%s-js" % name
    add("five-turns", py, [py, os.path.join(HERE, "five.py")], stand.talks)
    add("promptfoo", options.promptfoo, [sys.executable, os.path.join(HERE, "promptfoo.py"), options.promptfoo])
    return jobs, ran


def start_replay(stand, folder, each):
    """The OpenAI SDKs' own tests (test_openai.*): the demo, and the recordings of every service of OpenAI's shape."""
    import replay
    from harness import provider

    server = replay.Replay()
    cases = os.path.join(folder, "cases.json")
    with open(cases, "w") as f:
        json.dump(server.choice(each), f)
    lua = provider("up", server.url) + 'model "rec-*" { { "up/*" } }\nmodel "demo" { { "demo/demo" } }\n'
    lua += 'provider "demo" { plugin = "demo", tokens_per_second = 2000, slow_ms = 500 }\n'
    jobs = []
    for label, given, command in (
        ("openai-python", stand.options.py, [stand.options.py, os.path.join(HERE, "test_openai.py")]),
        ("openai-js", stand.options.js, ["node", os.path.join(HERE, "test_openai.mjs")]),
    ):
        if given:
            environment = environment_of(stand, folder, label + "-own", {})
            environment.update(DIRECT=server.url, CASES=cases, GATEWAY=stand.gateway(label, lua) + "/v1")
            jobs.append((label, command, environment, ["demo"], {"": "demo", "recordings": "openai"}))
    return server, jobs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--py", default="")
    parser.add_argument("--js", default="")
    parser.add_argument("--claude", default="")
    parser.add_argument("--promptfoo", default="")
    parser.add_argument("--why", action="append", default=[], help="CLIENT=WHY it is not installed")
    parser.add_argument("--only", default="", help="the clients to run, separated by commas")
    parser.add_argument("--each", type=int, default=2, help="recordings of every service and kind")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    os.environ["GW_BUILD"] = options.build
    sys.path.insert(0, HERE)
    sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
    from harness import Gateway

    table = Table()
    stand = Stand(options, table)
    server = None
    try:
        with tempfile.TemporaryDirectory() as folder:
            try:
                stand.start(options.each)
                jobs, ran = jobs_of(stand, folder)
                server, own = start_replay(stand, folder, options.each)
                jobs += own
            except unittest.SkipTest as e:
                print(e)
                jobs, ran = [], {}
                table.skip("all", KINDS, "the recordings are not there")
            if options.only:
                jobs = [job for job in jobs if job[0] in options.only.split(",")]
                ran = {label: model for label, model in ran.items() if label in options.only.split(",")}
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                for future in [pool.submit(run_client, *job[:3], table, *job[3:]) for job in jobs]:
                    future.result()
            for kind, why in stand.missing.items():
                for label in ("five-turns",) if kind in TALKS else sorted({job[0] for job in jobs} - {"five-turns"}):
                    table.skip(label, [kind], "%s: %s" % (kind, why))
            stand.check_logs(ran)
    finally:
        stand.stop()
        Gateway.kill_all()
        if server:
            server.server.stop()
    table.show(KINDS)
    if any(k in TALKS for _, k in table.cells):
        print("\nfive turns with thinking and tools")
        for kind in TALKS:
            cell = table.cells.get(("five-turns", kind), {})
            print("  %-30s%s" % (kind, ", ".join("%d %s" % (n, word) for word, n in cell.items())))
    for note in table.notes:
        print(note)
    totals = {word: table.total(word) for word in ("passed", "failed", "skipped")}
    print("clients: %(passed)d passed, %(failed)d failed, %(skipped)d skipped" % totals)
    return 1 if totals["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
