"""ten_million.py [--rows N] [--days N] [--most-ms N] [--product DIR] [--build DIR] [--keep FOLDER] - how long a report takes over a long
ledger: fills a store through the plugin (10 million rows of 20 teams, 200 keys, 12 models in 30 days), then asks
`usage --by team,day` and others of the program in --product. Fails where team,day takes longer than --most-ms (200), or where a sum
is not that of the rows. --build has the generator; --keep leaves the store where it is, and uses one that is there.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from decimal import Decimal

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def fill(args, folder):
    plugins = os.path.join(args.build, "plugins", "sqlite.so")
    begun = time.monotonic()
    subprocess.run([os.path.join(args.build, "tests", "store-rows"), plugins, os.path.join(folder, "ledger"), str(args.rows), str(args.days)], check=True)
    took = time.monotonic() - begun
    size = os.path.getsize(os.path.join(folder, "ledger", "store.sqlite"))
    print("filled: %d rows in %.0f s, %.0f rows/s, %.2f GB" % (args.rows, took, args.rows / took, size / 1e9))


def ask(args, config, *words):
    """The rows, and the median of five in ms."""
    times = []
    for _ in range(5):
        begun = time.monotonic()
        done = subprocess.run([os.path.join(args.product, "llm-gateway"), "usage", "-c", config, "--format", "json", *words], capture_output=True, text=True, check=False)
        times.append((time.monotonic() - begun) * 1000)
        if done.returncode != 0 or done.stderr:
            raise SystemExit("usage fails: %s" % done.stderr)
    return json.loads(done.stdout), sorted(times)[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10000000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--most-ms", type=float, default=200)
    parser.add_argument("--product", default=os.path.join(ROOT, "build"))
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "asan"))
    parser.add_argument("--keep")
    args = parser.parse_args()
    folder = args.keep or tempfile.mkdtemp(prefix="gw-rows-")
    config = os.path.join(folder, "gateway.lua")
    try:
        if not os.path.exists(os.path.join(folder, "ledger", "store.sqlite")):
            os.makedirs(folder, exist_ok=True)
            fill(args, folder)
        with open(config, "w", encoding="utf-8") as f:
            f.write('ledger { path = "ledger" }\nprovider "demo" {}\nmodel "d" { "demo/demo" }\n')
        failed = 0
        spent = sum(n % 100000 for n in range(1, args.rows + 1)) if args.rows <= 100000 else (args.rows // 100000) * (99999 * 100000 // 2) + sum(range(args.rows % 100000 + 1))
        for words, most in ((("--by", "team,day"), args.most_ms), (("--by", "team,model,key"), None), (("--by", "day"), None), (("--by", "team,day", "--since", "2024-10-10T10:10:10Z", "--until", "2024-10-20T20:20:20Z"), None)):
            rows, took = ask(args, config, *words)
            good = most is None or took <= most
            if "--since" not in words:
                good = good and sum(r["requests"] for r in rows) == args.rows and sum(Decimal(r["cost_usd"]) for r in rows) == Decimal(spent) / 1000000000
            failed += not good
            print("%s usage %s: %d rows, %.0f ms%s" % ("ok     " if good else "FAILED ", " ".join(words), len(rows), took, "" if most is None else " (at most %.0f)" % most))
        print("ten_million: %d passed, %d failed, 0 skipped" % (4 - failed, failed))
        return 1 if failed else 0
    finally:
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
