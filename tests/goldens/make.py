#!/usr/bin/env python3
"""make.py FOLDER - writes small vectors and exchanges into FOLDER, in the layout of the recordings (GW_SHARED).

They are the project's own, written by hand after the public documentation of each API, so that a clone without the
recordings runs every test on real shapes. The file SMALL in FOLDER makes the tests expect fewer cases (see check_least()
in tests/unit/check.h and least() in tests/e2e/harness.py); with the recordings they expect all of them.
"""

import json
import os
import sys

import chat
import messages
import other
import vectors


def write(folder, name, content):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    data = content if isinstance(content, bytes) else (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
    with open(path, "wb") as out:
        out.write(data)


def main():
    folder = sys.argv[1]
    write(folder, "SMALL", b"The project's own small data: tests/goldens/make.py\n")
    for module in (vectors, chat, messages, other):
        for name, content in module.files():
            write(folder, name, content)


if __name__ == "__main__":
    main()
