"""postgres_kit.py KIT PLUGIN.so - runs the conformance kit on the PostgreSQL store, with a server of its own."""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import postgresql  # noqa: E402

server = postgresql.Server()
try:
    server.ask("postgres", "CREATE DATABASE kit")
    with tempfile.TemporaryDirectory() as ledger:
        settings = {"url": server.url("kit"), "password": postgresql.PASSWORD, "ledger": ledger}
        sys.exit(subprocess.run([sys.argv[1], sys.argv[2], "--settings", json.dumps(settings)], check=False).returncode)
finally:
    server.stop()
