#!/bin/sh
# run.sh [--build DIR] - holds the price book against genai-prices, an independent library, which is installed, pinned,
# below build/money. What cannot be installed is skipped, loudly. Ends with "money: N passed, N failed, N skipped".
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
build=$root/build/asan
case ${1:-} in
    --build) build=$2 ;;
    '') ;;
    *) echo "usage: $0 [--build DIR]" >&2; exit 2 ;;
esac
place=$root/build/money
mkdir -p "$place"

if ! cmp -s "$here/requirements.lock" "$place/installed"; then
    rm -rf "$place/py"
    if python3 -m venv "$place/py" &&
        timeout 300 "$place/py/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
            --require-hashes -r "$here/requirements.lock" > "$place/log" 2>&1; then
        cp "$here/requirements.lock" "$place/installed"
    else
        echo 'SKIPPED genai-prices: it cannot be installed'
        echo 'money: 0 passed, 0 failed, 1 skipped'
        exit 0
    fi
fi
"$place/py/bin/python" "$here/oracle.py" "$build/tests/price-lines" "$root/core/money/prices/prices.json"
