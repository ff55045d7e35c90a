#!/bin/sh
# run.sh [SUITE...] - installs what the tests need, builds the gateway three times (as it ships, and with
# the address and the thread sanitizer) and runs every suite, or only those named.
#
# Each suite ends with a line "NAME: N passed, N failed, N skipped", and prints a line "SKIPPED NAME: WHY" for each
# test that it skips. The last line here is their sum, "N passed, N failed, N skipped"; a suite that runs the tests of
# another one again, under another sanitizer, adds only what failed. The exit status is 1 when anything failed, when a
# suite ended without its line, when it ran nothing or skipped everything, and with CI=true when a test was skipped
# that tests/may-skip.txt does not name.
#
#   GW_SHARED    where the recordings and vectors are (default: the folder "shared" beside this tree). Without them the
#                small ones of tests/goldens are taken; with CI=true or GW_REQUIRE_SHARED=1 they are required.
#   GW_NO_SETUP  1: do not look for missing packages
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root" || exit 1
. examples/progress.sh

# name | builds it needs (product is build/, the others build/NAME) | most seconds | command
# A name with * runs tests of the suites above it again; named alone, it counts like any other.
suites='
structure | product asan | 120 | python3 tests/structure/run.py build build/asan
unit      | asan         | 300 | sh tests/unit/run.sh unit build/asan
plain*    | tsan         | 600 | sh tests/unit/run.sh plain build/tsan
abi       | product asan | 300 | sh tests/abi/run.sh
conformance | asan       | 600 | sh tests/conformance/run.sh --build build/asan
fuzz      |              | 900 | sh tests/fuzz/run.sh --seconds 5
e2e       | product asan | 900 | python3 tests/e2e/run.py --build build/asan -j 3
e2e-tsan* | tsan         | 600 | GW_JOB_BYTES=1 python3 tests/e2e/run.py --build build/tsan --subset tsan
faults    | asan         | 240 | python3 tests/faults/cells.py --build build/asan
money     | asan         | 180 | sh tests/money/run.sh --build build/asan
clients   | asan         | 600 | sh tests/clients/run.sh
readme    |              | 600 | python3 tests/structure/readme.py
'

logs=$root/build/test-logs
begun=$(date +%s)
passed=0
failed=0
skipped=0
summary=
failures=

trim() { printf '%s' "$1" | sed 's/^ *//; s/ *$//'; }

finish() {
    [ -z "$failures" ] || printf '\nWhat failed (the first 40 lines of each suite, with more above):\n%s' "$failures"
    printf '\n%s' "$summary"
    printf '%-11s %4ss\n' total $(($(date +%s) - begun))
    printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
    exit
}

# give_up WHY - nothing can run.
give_up() {
    printf 'run.sh: %s\n' "$*" >&2
    failed=$((failed + 1))
    finish
}

# configure DIR OPTION...
configure() {
    dir=$1
    shift
    [ -f "$dir/CMakeCache.txt" ] || set -- -G Ninja "$@"
    cmake -S . -B "$dir" "$@" > "$logs/configure-$(basename "$dir").log" 2>&1
}

build_all() {
    needed=$1
    started=$(date +%s)
    test_options='-DGW_TESTS=ON -DGW_TEST_BUILD=ON -DGW_WERROR=ON -DCMAKE_BUILD_TYPE=Debug'
    for name in $needed; do
        echo "run.sh: building $name"
        # shellcheck disable=SC2086 # several options
        case $name in
            product) dir=build; configure build ;;
            asan) dir=build/asan
                configure $dir $test_options "-DCMAKE_C_FLAGS_DEBUG=-O1 -g" -DGW_SANITIZE=address,undefined ;;
            tsan) dir=build/tsan
                configure $dir $test_options "-DCMAKE_C_FLAGS_DEBUG=-O1 -g" -DGW_SANITIZE=thread ;;
        esac || {
            tail -n 30 "$logs/configure-$(basename "$dir").log"
            give_up "cmake could not configure $dir"
        }
        rm -f "$logs/build-$name.log"
        if ! with_progress run.sh "$logs/build-$name.log" cmake --build "$dir"; then
            grep -v '^\[[0-9]*/[0-9]*\] ' "$logs/build-$name.log" | tail -n 60
            give_up "$dir does not build (all of it: $logs/build-$name.log)"
        fi
    done
    summary="$(printf '%-11s %4ss' build $(($(date +%s) - started)))
"
}

# may_skip SUITE NAME - does tests/may-skip.txt name it?
may_skip() {
    while IFS='|' read -r suite pattern _; do
        # shellcheck disable=SC2254 # a pattern
        case $2 in $(trim "$pattern")) [ "$(trim "$suite")" = "$1" ] && return 0 ;; esac
    done << EOT
$(grep -v '^#' "$root/tests/may-skip.txt")
EOT
    return 1
}

# check_skips SUITE LOG COUNT - sets `unnamed`: how many of its skips count as failures. Each needs a line, and CI accepts
# only those that are listed.
check_skips() {
    unnamed=0
    lines=$(sed -n 's/^ *SKIPPED \([^ ].*\)/\1/p' "$2")
    count=$(printf '%s' "$lines" | grep -c .)
    if [ "$count" -lt "$3" ]; then
        echo "run.sh: $1 skipped $3 tests and named $count, which counts as one failure"
        unnamed=1
    fi
    [ "${CI:-}" = true ] || return 0
    while read -r line; do
        if [ -n "$line" ] && ! may_skip "$1" "${line%%: *}"; then
            echo "run.sh: CI may not skip this: $line (tests/may-skip.txt)"
            unnamed=$((unnamed + 1))
        fi
    done << EOT
$lines
EOT
}

# run_suite NAME SECONDS COMMAND - runs it, shows what it says, adds up its closing line.
run_suite() {
    name=${1%\*}
    again=
    [ "$name" = "$1" ] || [ $named = yes ] || again=' (run again, not added)'
    log=$logs/$name.log
    started=$(date +%s)
    printf '\n== %s\n' "$name"
    rm -f "$logs/status"
    {
        # The pid of timeout, for the trap below: it hands signals on to all that it started.
        sh -c 'echo $$ > "$1"; shift; exec timeout -k 10 "$@"' sh "$logs/pid" "$2" sh -c "$3" 2>&1 < /dev/null
        echo $? > "$logs/status"
    } | tee "$log"
    rm -f "$logs/pid"
    status=$(cat "$logs/status")

    line=$(grep -E '^[a-z0-9-]+: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
    if [ -z "$line" ]; then
        echo "run.sh: $name ended without its closing line (exit status $status), which counts as one failure"
        line="$name: 0 passed, 1 failed, 0 skipped"
    fi
    # shellcheck disable=SC2086 # the words of the line
    set -- ${line#*: }
    ok=$1 bad=$3 left=$5
    check_skips "$name" "$log" "$left"
    if [ "$unnamed" -gt 0 ]; then
        bad=$((bad + unnamed))
        left=$((left > unnamed ? left - unnamed : 0))
    elif [ "$status" != 0 ] && [ "$bad" = 0 ]; then
        echo "run.sh: $name failed (exit status $status) without naming what"
        bad=1
    elif [ $((ok + bad)) = 0 ]; then
        echo "run.sh: $name ran nothing, which counts as one failure"
        bad=1
    fi
    failed=$((failed + bad))
    if [ "$bad" != 0 ]; then
        lines=$(grep -A 6 -E '^ *(\[?FAIL(ED)?\]?|not ok)[: ]|^run\.sh: ' "$log" | head -n 40)
        failures="$failures$(printf '%s' "${lines:-(no line names it)}" | sed "s/^/$name: /")
"
    fi
    if [ -z "$again" ]; then
        passed=$((passed + ok))
        skipped=$((skipped + left))
    fi
    summary="$summary$(printf '%-11s %4ss  %s passed, %s failed, %s skipped%s' "$name" $(($(date +%s) - started)) \
        "$ok" "$bad" "$left" "$again")
"
}

stop() {
    trap - INT TERM
    [ -f "$logs/pid" ] && kill "$(cat "$logs/pid")" 2> /dev/null
    exit 130
}
trap stop INT TERM

mkdir -p "$logs"
rm -f "$logs/pid"

# The suites that were asked for, as lines of the table.
chosen=$suites
named=no
if [ $# -gt 0 ]; then
    named=yes
    chosen=
    for wanted in "$@"; do
        line=$(printf '%s' "$suites" | grep -E "^$wanted\*? +\|") || give_up "there is no suite named $wanted"
        chosen="$chosen$line
"
    done
fi

GW_SHARED=${GW_SHARED:-$root/../shared}
if [ -d "$GW_SHARED" ]; then
    GW_SHARED=$(CDPATH='' cd -- "$GW_SHARED" && pwd)
fi
[ "${CI:-}" = true ] && GW_REQUIRE_SHARED=1
GW_REQUIRE_SHARED=${GW_REQUIRE_SHARED:-0}
GW_PRODUCT=$root/build
ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
PYTHONDONTWRITEBYTECODE=1
export GW_SHARED GW_REQUIRE_SHARED GW_PRODUCT ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS PYTHONDONTWRITEBYTECODE
if [ ! -d "$GW_SHARED" ] && [ "$GW_REQUIRE_SHARED" != 1 ]; then
    echo "run.sh: no recordings and vectors in $GW_SHARED: the small ones of tests/goldens are taken"
    GW_SHARED=$root/build/goldens
    small=yes
fi

if [ "${GW_NO_SETUP:-}" != 1 ]; then
    sh examples/setup.sh --tests || give_up "examples/setup.sh failed"
fi
if [ "${small:-no}" = yes ]; then
    rm -rf "$GW_SHARED"
    python3 tests/goldens/make.py "$GW_SHARED" || give_up "tests/goldens/make.py failed"
fi
all=$(printf '%s' "$chosen" | cut -d '|' -f 2)
needed=
for name in product asan tsan; do
    case " $(echo $all) " in *" $name "*) needed="$needed $name" ;; esac
done
build_all "$needed"

# Not a pipe: the sums are made in this shell.
exec 3<< EOT
$chosen
EOT
while IFS='|' read -r name _ seconds command <&3; do
    name=$(trim "$name")
    [ -n "$name" ] && run_suite "$name" "$(trim "$seconds")" "$(trim "$command")"
done
finish
