"""nfkc_make.py - writes core/money/nfkc_table.h: the characters that become longer, in UTF-8, under NFKC. From Python's unicodedata.

    python3 core/money/nfkc_make.py > core/money/nfkc_table.h
"""

import unicodedata

runs = []
for code in range(0x110000):
    if 0xD800 <= code < 0xE000:
        continue
    char = chr(code)
    grown = len(unicodedata.normalize("NFKC", char).encode()) - len(char.encode())
    if grown <= 0:
        continue
    if runs and runs[-1][1] == code - 1 and runs[-1][2] == grown:
        runs[-1][1] = code
    else:
        runs.append([code, code, grown])
print("/* nfkc_table.h - written by nfkc_make.py from Unicode %s: first, last, bytes more under NFKC. */" % unicodedata.unidata_version)
line = "   "
for first, last, grown in runs:
    item = " {0x%x, 0x%x, %d}," % (first, last, grown)
    if len(line) + len(item) > 128:
        print(line)
        line = "   "
    line += item
print(line)
