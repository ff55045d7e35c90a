#!/bin/sh
# run.sh unit|plain BUILD - runs the unit tests of every room: unit-ROOM (Criterion) or plain-ROOM.
# Ends with "unit: N passed, N failed, N skipped".
set -u

kind=$1
build=$2
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
passed=0
failed=0
skipped=0

# add PASSED FAILED SKIPPED STATUS - a runner that failed without a failed test died: one failure.
add() {
    if [ "$4" != 0 ] && [ "$2" = 0 ]; then
        echo "$runner: exit status $4 without a failed test"
        set -- "$1" 1 "$3"
    fi
    printf '%-24s %s passed, %s failed, %s skipped\n' "$(basename "$runner")" "$1" "$2" "$3"
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
}

# Criterion forks each test from a process that has threads: a test that is forked while one of them allocates waits for ever under
# the address sanitizer, before its first line. It is rare; the room then runs again, twice at most, and what hangs by itself hangs again.
run_unit() {
    tap=$runner.tap
    for most in 60 90 240; do
        rm -f "$tap"
        timeout -k 5 $most "$runner" "--tap=$tap"
        status=$?
        [ $status = 124 ] || break
        [ $most = 240 ] || echo "run.sh: $(basename "$runner") did not end within $most s: once more"
    done
    [ -f "$tap" ] || : > "$tap"
    planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$tap")
    skips=$(grep -c '^ok .*# SKIP' "$tap")
    oks=$(($(grep -c '^ok ' "$tap") - skips))
    bad=$(grep -c '^not ok ' "$tap")
    sed -n 's/^ok .*- *\([^ ]*\) .*# SKIP */SKIPPED \1: /p' "$tap"
    lost=$((${planned:-0} - oks - skips - bad)) # planned, and never heard of again
    add "$oks" $((bad + lost)) "$skips" $status
}

run_plain() {
    said=$runner.out
    timeout -k 5 240 "$runner" > "$said"
    status=$?
    grep '^FAILED ' "$said"
    line=$(tail -n 1 "$said" | grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$') ||
        line='0 passed, 0 failed, 0 skipped'
    # shellcheck disable=SC2086 # the words of the line
    set -- $line
    add "$1" "$3" "$5" $status
}

# run_room NAME
run_room() {
    runner=$build/tests/$kind-$1
    if [ -x "$runner" ]; then
        "run_$kind"
    else
        echo "$runner was not built"
        failed=$((failed + 1))
    fi
}

# Rooms that mostly wait for times to pass run in a shell of their own, beside two for the others.
waiting='http upstream'
first=
second=
for room in "$here"/*/; do
    ls "$room"*.c > /dev/null 2>&1 || continue
    name=$(basename "$room")
    case " $waiting " in *" $name "*) continue ;; esac
    if [ ${#first} -le ${#second} ]; then first="$first $name"; else second="$second $name"; fi
done
sums=$build/tests/$kind-lane
exec 3>&1
lane() { # NUMBER ROOM...
    number=$1
    shift
    rm -f "$sums-$number"
    (
        for name in "$@"; do
            run_room "$name"
            echo "run.sh: $kind-$name is through" >&3
        done
        echo "$passed $failed $skipped" > "$sums-$number"
    ) > "$sums-$number.out" 2>&1 &
}
# shellcheck disable=SC2086 # several names each
{
    lane 1 $first
    lane 2 $second
    lane 3 $waiting
}
wait
for number in 1 2 3; do
    cat "$sums-$number.out"
    read -r more worse less < "$sums-$number" || { more=0 worse=1 less=0; }
    passed=$((passed + more))
    failed=$((failed + worse))
    skipped=$((skipped + less))
done
echo "$kind: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $((passed + skipped)) -gt 0 ]
