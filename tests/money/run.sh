#!/bin/sh
# run.sh [--build DIR] - holds the price book against genai-prices, an independent library, which is installed, pinned,
# below build/money, and so the usage and the cost of recorded answers; holds the ledger against the accounts of upstreams
# and clients in a mixed run (GW_ORACLE_S seconds, 60) of the seed GW_SEED (1); kills a gateway under load GW_KILLS times
# (30), and another in the middle of deliveries to its store; spends budgets with crowds of clients, GW_ROUNDS times (5); holds the
# bound of input tokens against all recorded requests; measures reports over 200,000 rows (over 10 million: ten_million.py); cuts
# the power of a ledger at GW_POINTS moments (100). The long form:
#
#     GW_ORACLE_S=1800 GW_KILLS=1000 GW_ROUNDS=200 GW_POINTS=1000 sh tests/money/run.sh
#
# What cannot be installed is skipped, loudly. Ends with "money: N passed, N failed, N skipped".
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
        rm -f "$place/installed"
    fi
fi

passed=0
failed=0
skipped=0
# add - adds the last line of the log: "NAME: N passed, N failed, N skipped"; a program that ended without it failed.
add() {
    set -- $(tail -n 1 "$place/log" | sed -n 's/.*: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p')
    passed=$((passed + ${1:-0}))
    failed=$((failed + ${2:-1}))
    skipped=$((skipped + ${3:-0}))
    sed '$d' "$place/log"
}

if [ -f "$place/installed" ]; then
    "$place/py/bin/python" "$here/oracle.py" "$build/tests/price-lines" "$root/core/money/prices/prices.json" > "$place/log" 2>&1
    add
    "$place/py/bin/python" "$here/recorded.py" --build "$build" > "$place/log" 2>&1
    add
else
    echo 'SKIPPED genai-prices: it cannot be installed'
    skipped=1
fi
python3 "$here/bounds.py" "$build/tests/bounds" "$root/core/money/prices/prices.json" > "$place/log" 2>&1
add
GW_ROUNDS=${GW_ROUNDS:-5} python3 "$root/tests/e2e/run.py" --build "$build" --timeout 7200 -k five_hundred test_spending.py > "$place/log" 2>&1
add
python3 "$here/ten_million.py" --rows 200000 --build "$build" --product "$build" --most-ms 1000 > "$place/log" 2>&1
add
# Beside each other: the kills leave a core free for most of their time.
GW_ORACLE_S=${GW_ORACLE_S:-60} python3 "$root/tests/e2e/run.py" --build "$build" --timeout 7200 test_oracle.py > "$place/log-oracle" 2>&1 &
GW_KILLS=${GW_KILLS:-30} python3 "$root/tests/e2e/run.py" --build "$build" --timeout 7200 -k kill test_ledger.py test_store.py > "$place/log" 2>&1
add
wait
mv "$place/log-oracle" "$place/log"
add
if [ -x "$build/tests/power" ]; then
    "$build/tests/power" "${GW_POINTS:-100}" "${GW_SEED:-1}" > "$place/log" 2>&1
    add
else
    echo 'SKIPPED power: this build has no seam for it (GW_TEST_BUILD)'
    skipped=$((skipped + 1))
fi
echo "money: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
