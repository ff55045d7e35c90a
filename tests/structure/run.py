"""run.py BUILD... - checks what the compiler does not: who includes whom, what lies where, what plugins export.

Each module below has functions named check_*; a check gets the tree and returns its complaints, one per line.
Ends with "structure: N passed, N failed, N skipped".
"""

import pathlib
import sys

import abi
import exports
import house
import includes
import runner
import scripts
import text
import tree


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    files = tree.Tree(root, builds=sys.argv[1:])
    count = {"ok": 0, "FAILED": 0, "SKIPPED": 0}
    for module in (includes, text, tree, exports, house, runner, scripts, abi):
        for name, check in vars(module).items():
            if not name.startswith("check_"):
                continue
            try:
                complaints = check(files)
                outcome = "FAILED" if complaints else "ok"
            except tree.Skip as why:
                complaints = [str(why)]
                outcome = "SKIPPED"
            count[outcome] += 1
            if outcome == "SKIPPED":
                print(f"SKIPPED {check.__doc__.splitlines()[0]}: {complaints[0]}")
                continue
            print(f"{outcome:8}{check.__doc__.splitlines()[0]}")
            for complaint in complaints:
                print(f"        {complaint}")
    print(f"structure: {count['ok']} passed, {count['FAILED']} failed, {count['SKIPPED']} skipped")
    return 1 if count["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
