#!/bin/sh
# run.sh [--seconds N] [--build DIR] [TARGET...] - fuzzes every target, or those named, N seconds each (10), two at
# a time, under the address and undefined behaviour sanitizers. The long run: sh tests/fuzz/run.sh --seconds 600;
# with --seconds 0 only the recordings and what was found before are tried. tests/run.sh runs the short one.
#
# DIR (default: build/fuzz) is configured and built here, with clang. What the targets learn stays in DIR/corpus; an
# input that breaks one is in DIR/found, and its path is printed. Run it again with DIR/targets/fuzz-TARGET FILE, and
# keep it, when it is small, in tests/fuzz/found/TARGET: every run begins with those.
# Ends with "fuzz: N passed, N failed, N skipped".
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
build=$root/build/fuzz
seconds=10
while [ $# -gt 0 ]; do
    case $1 in
        --seconds) seconds=$2; shift 2 ;;
        --build) build=$2; shift 2 ;;
        *) break ;;
    esac
done
shared=${GW_SHARED:-$root/../shared}

end() { # PASSED FAILED SKIPPED
    echo "fuzz: $1 passed, $2 failed, $3 skipped"
    [ "$2" = 0 ]
    exit
}
broken() {
    echo "run.sh: $1"
    [ -f "$build/log" ] && grep -v '^\[[0-9]*/[0-9]*\] ' "$build/log" | tail -n 60
    end 0 1 0
}

if ! command -v clang > /dev/null 2>&1; then
    echo 'SKIPPED all targets: there is no clang, which brings libFuzzer'
    end 0 0 1
fi
mkdir -p "$build" || broken "no folder $build"
build=$(CDPATH='' cd -- "$build" && pwd)
if [ ! -f "$build/CMakeCache.txt" ]; then
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang -DGW_FUZZ=ON -DGW_SANITIZE=address,undefined \
        -DGW_WERROR=ON -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_C_FLAGS_DEBUG=-O1 -g" > "$build/log" 2>&1 ||
        broken 'cmake could not configure'
fi
cmake --build "$build" --target fuzz > "$build/log" 2>&1 || broken 'the targets do not build'
rm -rf "$build/seeds"
python3 "$here/seeds.py" "$build/seeds" "$shared" || broken 'no seeds'
[ -d "$shared/recordings" ] || echo "run.sh: no recordings in $shared: fewer seeds"
mkdir -p "$build/corpus" "$build/found" "$build/logs"

targets=$(cat "$build/targets.txt")
if [ $# -gt 0 ]; then
    targets=$*
fi

ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:allocator_may_return_null=1
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export ASAN_OPTIONS UBSAN_OPTIONS

# fuzz TARGET - one line of result, and the end of the log when something was found.
fuzz() {
    log=$build/logs/$1
    case $1 in
        framing) words=framing ;;
        http1) words=http1 ;;
        *) words=json ;;
    esac
    target=$1
    mkdir -p "$build/corpus/$target" "$build/seeds/$target"
    set -- "$build/corpus/$target" "$build/seeds/$target"
    [ -d "$here/found/$target" ] && set -- "$@" "$here/found/$target"
    # The short run begins at the same place each time, so that it says something of a change; long ones look around.
    [ "$seconds" -le 10 ] && start=1 || start=0
    [ "$seconds" -gt 0 ] && length="-max_total_time=$seconds" || length=-runs=0 # 0: only what is kept and recorded
    "$build/targets/fuzz-$target" -seed=$start "$length" -max_len=16384 -timeout=20 -rss_limit_mb=2560 \
        -print_final_stats=1 -dict="$here/$words.dict" -artifact_prefix="$build/found/$target-" "$@" > "$log" 2>&1
    status=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if [ $status = 0 ]; then
        echo "ok      $target (${runs:-0} runs)"
    else
        echo "FAILED  $target"
        grep -E 'does not hold|runtime error|ERROR: |SUMMARY: ' "$log" | cut -c -400 | head -n 6 | sed 's/^/        /'
        grep -E '^ *#[0-9]+ .* (in|at) .*/(core|plugins|sdk|tests)/' "$log" | head -n 12 | sed 's/^/        /'
        echo "        input: $(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
    fi
}

# Two lanes, every second target each.
number=0
one=
two=
for target in $targets; do
    number=$((number + 1))
    if [ $((number % 2)) = 1 ]; then one="$one $target"; else two="$two $target"; fi
done
lane() {
    for target in "$@"; do
        fuzz "$target" > "$build/logs/$target.result"
        cat "$build/logs/$target.result"
    done
}
children=
stop() {
    trap - INT TERM
    # shellcheck disable=SC2086 # several numbers
    kill $children 2> /dev/null
    exit 130
}
trap stop INT TERM
rm -f "$build"/logs/*.result
# shellcheck disable=SC2086 # several names
lane $one & children=$!
# shellcheck disable=SC2086
lane $two & children="$children $!"
wait

passed=0
failed=0
for target in $targets; do
    if grep -q '^ok ' "$build/logs/$target.result" 2> /dev/null; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
end $passed $failed 0
