"""stalled.py - a provider whose connects stall beside one that answers: what the second one's requests lose by it."""

import json
import socket
import subprocess
import time

from machines import KEY, Broken, Gateway, cores, spawn

STALLED, HEALTHY, RATE = 500, 200, 100
CONNECT_S = 4  # the stalled ones wait so long, and then go to the healthy one
KINDS = ("dropped", "silent")


class Traps:
    """Two addresses that never let a connection be used: one drops each SYN, one takes all and never answers to TLS."""

    def __init__(self):
        self.drop, self.silent = socket.create_server(("127.0.0.1", 0), backlog=0), socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.fill = [socket.socket() for _ in range(4)]  # the queue of the first one is full with these
        for sock in self.fill:
            sock.setblocking(False)
            sock.connect_ex(self.drop.getsockname())
        self.url = {"dropped": f"http://127.0.0.1:{self.drop.getsockname()[1]}/v1",
                    "silent": f"https://127.0.0.1:{self.silent.getsockname()[1]}/v1"}

    def close(self):
        for sock in [self.drop, self.silent, *self.fill]:
            sock.close()


class Beside(Gateway):
    """The gateway with the two traps as providers, each with the healthy one behind it."""

    def __init__(self, like, traps):
        super().__init__(like.upstream, like.shop, like.program)
        self.traps = traps

    def _config(self):
        lines = []
        for kind, url in self.traps.url.items():
            lines.append(f'provider "p-{kind}" {{ plugin = "openai", base_url = "{url}", secrets = {{ env "GW_BENCH_KEY" }} }}')
            lines.append(f'model "{kind}" {{ {{ "p-{kind}/m" }}, {{ "p-w1k/m" }}, timeout = {{ connect_s = {CONNECT_S} }} }}')
        return super()._config() + "\n".join(lines) + "\n"


def stalled_load(bench, system, kind):
    """STALLED requests at once, each on a connection of its own."""
    argv = [bench.shop.path("load"), "--url", system.url(kind), "--model", kind, "--key", KEY, "--connections", str(STALLED), "--once",
            "--ramp", "0", "--warmup", "0", "--seconds", str(CONNECT_S + 3), "--grace", "10"]
    return spawn(argv, cores()[1], stdout=subprocess.PIPE, text=True)


def run(bench, like):
    """The healthy provider's p99 alone, and beside each kind of trap, on the same process."""
    traps = Traps()
    system = Beside(like, traps)
    load = {"seconds": HEALTHY / RATE, "rate": RATE, "connections": 32, "warmup": 0.3}
    try:
        system.start()
        figures = {"alone": bench.load(system, "w1k", **load)["latency_us"]["p99"]}
        for kind in KINDS:
            process = stalled_load(bench, system, kind)
            time.sleep(0.5)
            figures[kind] = bench.load(system, "w1k", **load)["latency_us"]["p99"]
            if process.poll() is not None:
                raise Broken("the stalled requests ended too soon: nothing was measured")
            seen = json.loads(process.communicate(timeout=CONNECT_S + 30)[0])
            bench.check(system, "w1k", seen, {"cancel_after": None})  # they all went to the healthy one in the end
            figures[f"{kind}_x"] = figures[kind] / figures["alone"]
            system.after_load(seen["all_answers"], kind)
        return figures
    finally:
        system.stop()
        traps.close()
