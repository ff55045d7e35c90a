"""postgresql.py - a PostgreSQL server of the tests' own, on a free loopback port, and psql as the one who looks into it."""

import csv
import glob
import io
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PASSWORD = "a password of the tests"


def folder_of_programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[-2]))
    return found[-1] if found else None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """Started and stopped by process id. It refuses root, so it runs as nobody then."""

    def __init__(self):
        self.programs = folder_of_programs()
        self.folder = tempfile.mkdtemp(prefix="postgresql-")
        self.port = free_port()
        self.process = None
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.who = []
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self.who = ["setpriv", "--reuid=%d" % nobody.pw_uid, "--regid=%d" % nobody.pw_gid, "--clear-groups"]
        words = os.path.join(self.folder, "password")
        with open(words, "w", encoding="utf-8") as f:
            f.write(PASSWORD)
        os.chmod(words, 0o644)
        self.run("initdb", "-D", self.folder + "/data", "-A", "scram-sha-256", "-U", "gw", "--pwfile", words, "-E", "UTF8",
                 "--locale=C.UTF-8", "--no-sync")
        self.start()

    def run(self, program, *args):
        done = subprocess.run(self.who + [os.path.join(self.programs, program), *args], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def start(self):
        self.process = subprocess.Popen(
            self.who + [os.path.join(self.programs, "postgres"), "-D", self.folder + "/data", "-p", str(self.port), "-h", "127.0.0.1",
                        "-k", self.folder, "-c", "max_connections=40"], stdout=self.log, stderr=self.log)
        limit = time.monotonic() + 30
        while subprocess.run([os.path.join(self.programs, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode != 0:
            assert self.process.poll() is None and time.monotonic() < limit, "the server does not start: %s/log" % self.folder
            time.sleep(0.05)

    def kill(self):
        """As the machine that it runs on would: it recovers from its own journal at the next start."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database):
        return "postgresql://gw@127.0.0.1:%d/%s" % (self.port, database)

    def ask(self, database, sql):
        """The rows, each a tuple of texts."""
        done = subprocess.run([os.path.join(self.programs, "psql"), "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", sql],
                              capture_output=True, text=True, check=False, env=dict(os.environ, PGPASSWORD=PASSWORD))
        assert done.returncode == 0, done.stderr
        return [tuple(row) for row in csv.reader(io.StringIO(done.stdout))]
