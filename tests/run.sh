#!/bin/sh
# run.sh [SUITE...] - installs what the tests need, builds the gateway three times (as it ships, and with
# the address and the thread sanitizer) and runs every suite, or only those named.
#
# Each suite ends with a line "NAME: N passed, N failed, N skipped". The last line here is their sum,
# "N passed, N failed, N skipped". The exit status is 1 when anything failed, when a suite ended without
# its line, or when nothing ran.
#
#   GW_SHARED    where the recordings and vectors are (default: the folder "shared" beside this tree).
#                Tests that lack them are skipped; with CI=true or GW_REQUIRE_SHARED=1 they fail.
#   GW_NO_SETUP  1: do not look for missing packages
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root" || exit 1

# name | builds it needs (product is build/, the others build/NAME) | most seconds | command
suites='
structure | product asan | 120 | python3 tests/structure/run.py build build/asan
unit      | asan         | 300 | sh tests/unit/run.sh unit build/asan
plain     | tsan         | 300 | sh tests/unit/run.sh plain build/tsan
abi       | product asan | 300 | sh tests/abi/run.sh
conformance | asan       | 600 | sh tests/conformance/run.sh --build build/asan
fuzz      |              | 900 | sh tests/fuzz/run.sh
e2e       | product asan | 900 | python3 tests/e2e/run.py --build build/asan
e2e-tsan  | tsan         | 600 | python3 tests/e2e/run.py --build build/tsan --subset tsan
clients   | asan         | 600 | sh tests/clients/run.sh
readme    |              | 600 | python3 tests/structure/readme.py
'

logs=$root/build/test-logs
passed=0
failed=0
skipped=0
summary=

trim() { printf '%s' "$1" | sed 's/^ *//; s/ *$//'; }

finish() {
    printf '\n%s' "$summary"
    printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
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
        if ! cmake --build "$dir" > "$logs/build-$name.log" 2>&1; then
            grep -v '^\[[0-9]*/[0-9]*\] ' "$logs/build-$name.log" | tail -n 60
            give_up "$dir does not build (all of it: $logs/build-$name.log)"
        fi
    done
    summary="$(printf '%-10s %4ss' build $(($(date +%s) - started)))
"
}

# run_suite NAME SECONDS COMMAND - runs it, shows what it says, adds up its closing line.
run_suite() {
    name=$1
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
        line="$name: 0 passed, 1 failed, 0 skipped"
        echo "run.sh: $name ended without its closing line (exit status $status), which counts as one failure"
    else
        set -- ${line#*: }
        if [ "$status" != 0 ] && [ "$3" = 0 ]; then
            echo "run.sh: $name failed (exit status $status) without saying what"
            line="$name: $1 passed, 1 failed, $5 skipped"
        elif [ $(($1 + $3 + $5)) = 0 ]; then
            echo "run.sh: $name ran nothing, which counts as one failure"
            line="$name: 0 passed, 1 failed, 0 skipped"
        fi
    fi
    # shellcheck disable=SC2086 # the words of the line
    set -- ${line#*: }
    passed=$((passed + $1))
    failed=$((failed + $3))
    skipped=$((skipped + $5))
    summary="$summary$(printf '%-10s %4ss  %s' "$name" $(($(date +%s) - started)) "${line#*: }")
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
if [ $# -gt 0 ]; then
    chosen=
    for wanted in "$@"; do
        line=$(printf '%s' "$suites" | grep -E "^$wanted +\|") || give_up "there is no suite named $wanted"
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
[ -d "$GW_SHARED" ] || echo "run.sh: no recordings and vectors in $GW_SHARED: tests that need them are SKIPPED or fail"

if [ "${GW_NO_SETUP:-}" != 1 ]; then
    sh examples/setup.sh --tests || give_up "examples/setup.sh failed"
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
