"""memcached_kit.py KIT PLUGIN.so - runs the conformance kit on the memcached cache, with two servers of its own."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import memcached  # noqa: E402

servers = [memcached.Server(), memcached.Server()]
try:
    settings = {"servers": [server.address for server in servers], "timeout_ms": 5000}
    sys.exit(subprocess.run([sys.argv[1], sys.argv[2], "--settings", json.dumps(settings)], check=False).returncode)
finally:
    for server in servers:
        server.stop()
