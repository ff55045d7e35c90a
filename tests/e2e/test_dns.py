"""test_dns.py - the name of an upstream moves to another address while the gateway runs: it follows, whether the old one is there or not.

The name is in an /etc/hosts of the gateway's own (a mount namespace)."""

import os
import socket
import stat
import subprocess
import threading
import time
import unittest

import harness
from harness import Case, Gateway, provider
from upstream import Upstream, completion, reply_json

SPACE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]


class At(Upstream):
    """An upstream at another loopback address, at a port that is free at both."""

    def __init__(self, address, port):
        self.address = address
        super().__init__(lambda request, out: out.send(reply_json(completion(address))))
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()


class Names(Case):
    def setUp(self):
        if subprocess.run(SPACE + ["mount", "--bind", "/etc/hosts", "/etc/hosts"], capture_output=True).returncode != 0:
            self.skipTest("no mount namespaces here")
        self.old = At("127.0.0.2", 0)
        self.new = At("127.0.0.3", self.old.port)
        self.addCleanup(self.new.stop)
        self.addCleanup(self.old.stop)
        self.folder = harness.tempfile.mkdtemp()
        self.addCleanup(harness.shutil.rmtree, self.folder)
        self.hosts = os.path.join(self.folder, "hosts")
        self.name("127.0.0.2")

    def name(self, address):
        with open(self.hosts, "w") as f:
            f.write("127.0.0.1 localhost\n%s up.example.test\n" % address)

    def gateway(self):
        binary, wrapper = harness.BINARY, os.path.join(self.folder, "llm-gateway")
        with open(wrapper, "w") as f:
            f.write('#!/bin/sh\nexec %s sh -c \'mount --bind %s /etc/hosts && exec %s "$@"\' sh "$@"\n' % (" ".join(SPACE), self.hosts, binary))
        os.chmod(wrapper, os.stat(wrapper).st_mode | stat.S_IXUSR)
        lua = provider("up", "http://up.example.test:%d/v1" % self.old.port) + 'model "m" { "up/real" }\nlimits { dns_max_age_s = 5 }\n'
        try:
            harness.BINARY = wrapper
            return Gateway(lua, env={"GW_TEST_HEALTH": "1"})  # the same target is tried once more
        finally:
            harness.BINARY = binary

    def follows(self, gw, within):
        begun = time.monotonic()
        while time.monotonic() - begun < within:
            answer = gw.chat(model="m")
            self.assertEqual(answer.status, 200, answer)
            if answer.json()["choices"][0]["message"]["content"] == "127.0.0.3":
                return
            time.sleep(0.05)
        self.fail("not within %s s" % within)

    def test_it_is_followed_while_the_old_one_answers(self):
        with self.gateway() as gw:
            self.assertEqual(gw.chat(model="m").json()["choices"][0]["message"]["content"], "127.0.0.2")
            self.name("127.0.0.3")
            moved = time.monotonic()
            self.follows(gw, 6)  # the connection is busy all the time
            time.sleep(max(0, moved + 6 - time.monotonic()))  # each worker has its own
            self.old.take()
            self.follows(gw, 1)
            self.assertEqual(self.old.take(), [])

    def test_it_is_followed_at_once_when_the_old_one_is_gone(self):
        with self.gateway() as gw:
            self.assertEqual(gw.chat(model="m").status, 200)
            self.name("127.0.0.3")
            self.old.stop()
            self.follows(gw, 2)


if __name__ == "__main__":
    unittest.main()
