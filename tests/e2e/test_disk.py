"""test_disk.py - a disk that fails: new requests are refused, what runs ends, nothing is lost, and it recovers by itself. Faults come
from a file that a build for tests asks before each call (GW_TEST_DISK), and from file systems of one megabyte where mounting is
allowed."""

import os
import shutil
import subprocess
import tempfile
import threading
import unittest

import client
import upstream
from harness import Gateway, build_facts, wait_for
from test_ledger import lua, records, verify


class Held:
    """A request that the upstream keeps until release()."""

    def __init__(self, gw, up, **more):
        self.gate = threading.Event()
        self.answer = None
        up.take()
        up.handler = lambda request, out: (self.gate.wait(90), upstream.good(request, out))
        self.thread = threading.Thread(target=self.ask, args=(gw, more))
        self.thread.start()
        assert wait_for(up.take)
        up.handler = upstream.good

    def ask(self, gw, more):
        self.answer = gw.chat(model="m", **more)

    def release(self):
        self.gate.set()
        self.thread.join(60)
        return self.answer


def metric(gw, name):
    lines = [line for line in gw.request("GET", "/metrics").body.decode().splitlines() if line.startswith(name + " ")]
    return float(lines[0].split()[1])


@unittest.skipIf(build_facts().get("GW_TEST_BUILD") != "ON", "only a build for tests lets its disk fail")
class Faults(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "ledger")
        self.faults = os.path.join(self.folder.name, "faults")
        self.ask_for("")
        self.up = upstream.Upstream(upstream.good)

    def tearDown(self):
        self.up.stop()
        self.folder.cleanup()

    def ask_for(self, words):
        with open(self.faults + ".new", "w", encoding="ascii") as f:
            f.write(words)
        os.replace(self.faults + ".new", self.faults)

    def fail(self, words, sync_ms):
        """One request runs through the fault, one is refused in it; then all is well again."""
        shutil.rmtree(self.path, ignore_errors=True)
        with Gateway(lua(self.path, self.up).replace("sync_ms = 5", "sync_ms = %d" % sync_ms), env={"GW_TEST_DISK": self.faults}) as gw:
            self.assertEqual(gw.chat(model="m").status, 200)
            held = Held(gw, self.up)
            self.ask_for(words)
            if "sync" in words and sync_ms > 0:  # the thread that syncs meets it: until then a request may still be written
                gw.chat(model="m")
                self.assertTrue(wait_for(lambda: metric(gw, "gw_ledger_failures_total") > 0))
            refused = gw.chat(model="m")
            self.assertEqual((refused.status, refused.json()["error"]["code"], refused.header("retry-after")), (503, "ledger_unavailable", "5"), words)
            answer = held.release()
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(gw.chat(model="m", stream=True).status, 503)
            self.assertGreater(metric(gw, "gw_ledger_failures_total"), 0)
            self.ask_for("")
            self.assertTrue(wait_for(lambda: gw.chat(model="m").status == 200))
            self.assertEqual(metric(gw, "gw_ledger_waiting_records"), 0)
        report = verify(self.path)
        self.assertEqual(report["open"], 0)
        settled = {r["hold"] for r in records(self.path, "end") if r["ending"] == "settled"}
        self.assertIn(answer.id, {r["request"] for r in records(self.path, "hold") if r["number"] in settled})
        self.assertNotIn(refused.id, {r["request"] for r in records(self.path, "hold") if r["number"] in settled})
        with Gateway(lua(self.path, self.up)) as gw:  # and a start finds nothing wrong
            self.assertEqual(gw.chat(model="m").status, 200)
        self.assertEqual(verify(self.path)["doubt_usd"], "0")

    def test_full(self):
        self.fail("full", 5)
        self.fail("full", 0)

    def test_short_writes(self):
        """A write that takes half of a record, and less of the rest, and then nothing."""
        self.fail("short", 5)
        self.fail("short", 0)

    def test_errors_of_writes(self):
        self.fail("write", 5)
        self.fail("write", 0)

    def test_errors_of_syncs(self):
        self.fail("sync", 5)
        self.fail("sync", 0)

    def test_a_folder_that_takes_no_file(self):
        """As one that is read-only: after a sync that failed another file is needed."""
        self.fail("sync make", 5)
        self.fail("sync make", 0)

    def test_a_folder_that_is_removed(self):
        with Gateway(lua(self.path, self.up)) as gw:
            self.assertEqual(gw.chat(model="m").status, 200)
            held = Held(gw, self.up)
            shutil.rmtree(self.path)
            self.assertTrue(wait_for(lambda: gw.chat(model="m").status == 200 and os.path.isdir(self.path)))
            self.assertTrue(wait_for(lambda: any("was removed" in line for line in gw.stderr)))
            answer = held.release()
            self.assertEqual(answer.status, 200)
            gw.log_for(answer.id)
        report = verify(self.path)  # what was open was carried into the new folder, and ended there
        self.assertEqual(report["open"], 0)
        ends = [r for r in records(self.path, "end") if r["ending"] == "settled"]
        self.assertGreaterEqual(len(ends), 2)

    def test_a_folder_that_cannot_be_made_again(self):
        parent = os.path.join(self.folder.name, "parent")
        os.mkdir(parent)
        path = os.path.join(parent, "ledger")
        with Gateway(lua(path, self.up)) as gw:
            self.assertEqual(gw.chat(model="m").status, 200)
            held = Held(gw, self.up)
            shutil.rmtree(parent)
            self.assertTrue(wait_for(lambda: gw.chat(model="m").status == 503))
            self.assertEqual(gw.chat(model="m").json()["error"]["code"], "ledger_unavailable")
            answer = held.release()
            self.assertEqual(answer.status, 200)
            os.mkdir(parent)
            self.assertTrue(wait_for(lambda: gw.chat(model="m").status == 200))
            self.assertEqual(metric(gw, "gw_ledger_waiting_records"), 0)
        self.assertEqual(verify(path)["open"], 0)


class Small(unittest.TestCase):
    """A real file system that fills up."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.mount = os.path.join(self.folder.name, "disk")
        os.mkdir(self.mount)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "gw-test", self.mount], capture_output=True, check=False)
        if done.returncode != 0:
            self.folder.cleanup()
            self.skipTest("no file system can be mounted here: %s" % done.stderr.decode().strip())
        self.path = os.path.join(self.mount, "ledger")
        self.up = upstream.Upstream(upstream.good)

    def tearDown(self):
        self.up.stop()
        subprocess.run(["umount", self.mount], check=True)
        self.folder.cleanup()

    def fill(self):
        fd = os.open(os.path.join(self.mount, "ballast"), os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(fd, b"x" * 4096)
        except OSError:
            os.close(fd)

    def use_up(self, gw):
        """Requests until one is refused; what goes on is a megabyte of them."""
        refused = threading.Event()

        def ask():
            conn = client.Conn(gw.port)
            while not refused.is_set():
                answer = conn.ask("POST", "/v1/chat/completions", body={"model": "m", "messages": [{"role": "user", "content": "x"}]})
                if answer.status == 503:
                    refused.set()

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertTrue(refused.is_set())

    def test_a_hold_has_room_for_its_end(self):
        with Gateway(lua(self.path, self.up)) as gw:
            self.assertEqual(gw.chat(model="m").status, 200)
            held = [Held(gw, self.up) for _ in range(8)]
            self.fill()
            # As long as room is left that was reserved, requests go on; then they are refused.
            self.use_up(gw)
            answers = [h.release() for h in held]
            self.assertEqual([a.status for a in answers], [200] * 8)
            for answer in answers:
                gw.log_for(answer.id)
            self.assertEqual(metric(gw, "gw_ledger_waiting_records"), 0)  # each END was written, on a disk that is full
            self.assertEqual(verify(self.path)["open"], 0)
            os.unlink(os.path.join(self.mount, "ballast"))
            self.assertTrue(wait_for(lambda: gw.chat(model="m").status == 200))
        report = verify(self.path)
        self.assertEqual((report["open"], report["doubt_usd"]), (0, "0"))


if __name__ == "__main__":
    unittest.main()
