#!/bin/sh
# run.sh [--build DIR] - puts every provider through the conformance kit, and the kit through providers with defects.
#
# DIR (default: build) has gateway-conformance and plugins/. Cases are in tests/provider/golden/NAME; recordings of
# the services are read too, when $GW_SHARED has them. The example providers are built outside of the tree against
# an installed SDK and checked with the installed kit. Ends with "conformance: N passed, N failed, N skipped".
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
build=$root/build
if [ "${1:-}" = --build ]; then
    build=$2
fi
build=$(CDPATH='' cd -- "$build" 2> /dev/null && pwd) || {
    echo "run.sh: no folder $build"
    echo "conformance: 0 passed, 1 failed, 0 skipped"
    exit 1
}
recordings=${GW_SHARED:-$root/../shared}/recordings
golden=$root/tests/provider/golden
umask 022
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
kit=$build/gateway-conformance
passed=0
failed=0
skipped=0

pass() {
    echo "ok      $1"
    passed=$((passed + 1))
}
fail() {
    echo "FAILED  $1"
    failed=$((failed + 1))
}

# run NAME COMMAND... - runs the kit, shows what did not pass, and adds up its closing line.
run() {
    name=$1
    shift
    echo "-- $name"
    timeout 300 "$@" > "$tmp/said" 2>&1
    status=$?
    line=$(grep -E '^conformance: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$tmp/said" | tail -n 1)
    grep -vxF "$line" "$tmp/said"
    if [ -z "$line" ]; then
        fail "$name ended without its closing line (exit status $status)"
        return
    fi
    # shellcheck disable=SC2086 # the words of the line
    set -- ${line#*: }
    passed=$((passed + $1))
    failed=$((failed + $3))
    skipped=$((skipped + $5))
    if [ $status != 0 ] && [ "$3" = 0 ]; then
        fail "$name (exit status $status)"
    fi
}

# --- the providers that come with the gateway ---------------------------------------------------------------

# services_of NAME - whose recordings it reads.
services_of() {
    case $1 in
        openai) echo 'openai groq mistral deepseek openrouter xai ollama perplexity' ;;
        azure | anthropic) echo "$1" ;;
        gemini) echo 'gemini vertex' ;;
        bedrock) echo bedrock ;;
        ollama-native) echo ollama ;;
    esac
}
# api_of NAME - which of them.
api_of() {
    case $1 in
        anthropic) echo messages ;;
        gemini) echo generateContent,streamGenerateContent ;;
        bedrock) echo converse,converse-stream ;;
        ollama-native) echo api/chat ;;
        *) echo chat ;;
    esac
}
# settings_of NAME - those without which it does not open.
settings_of() {
    case $1 in
        bedrock) echo '{"region":"us-east-1"}' ;;
        *) echo '{}' ;;
    esac
}
for so in "$build"/plugins/*.so; do
    if [ ! -f "$so" ]; then
        fail "there are plugins in $build/plugins"
        continue
    fi
    plugin=$(basename "$so" .so)
    kind=$("$build/llm-gateway" plugin check "$so" | awk '$1 == "kind" { print $2 }')
    if [ -f "$here/${plugin}_kit.py" ]; then # it needs a server
        run "$plugin" python3 "$here/${plugin}_kit.py" "$kit" "$so"
    elif [ "$kind" != provider ]; then # a store or cache: the kit has what is asked of it
        run "$plugin" "$kit" "$so"
    elif [ -d "$golden/$plugin" ]; then
        run "$plugin" "$kit" --recordings "$recordings" --settings "$(settings_of "$plugin")" "$so" "$golden/$plugin"
    else
        fail "$plugin has no cases in tests/provider/golden/$plugin"
        run "$plugin" "$kit" "$so"
    fi
    for service in $(services_of "$plugin"); do
        if [ -d "$recordings/$service" ]; then
            run "$plugin reads what $service said" "$kit" --quiet --recordings "$recordings/$service" \
                --api "$(api_of "$plugin")" --settings "$(settings_of "$plugin")" "$so"
        elif [ "${GW_REQUIRE_SHARED:-0}" = 1 ]; then
            fail "recordings of $service are not in $recordings"
        else
            echo "SKIPPED $plugin reads what $service said: no recordings in $recordings"
            skipped=$((skipped + 1))
        fi
    done
done

# A word of --api that no recording has: nothing would be tested, and that is not green.
mkdir -p "$tmp/recorded"
printf '{"api":"chat"}' > "$tmp/recorded/one.json"
for word in nosuch chat,nosuch; do
    if "$kit" --quiet --recordings "$tmp/recorded" --api $word "$build/plugins/openai.so" > "$tmp/said" 2>&1 ||
        ! grep -q "api nosuch: no recording in $tmp/recorded has that api" "$tmp/said"; then
        fail "--api $word is refused"
    else
        pass "--api $word is refused"
    fi
done

# --- providers with a defect: the kit must find each --------------------------------------------------------

# broken DEFECT - builds $tmp/broken-DEFECT.so
broken() {
    cc -shared -fPIC -fvisibility=hidden -O1 -DDEFECT="$1" -I"$root/sdk/include" -o "$tmp/broken-$1.so" \
        "$here/broken.c" > "$tmp/said" 2>&1
}
for defect in NONE WRITES_INSTANCE KEEPS_FRAME TWO_FINISHES AFTER_ERROR WRONG_SUM OPEN_CALL BUILD_COUNTS TELLS_SECRET \
    NO_ERROR BAD_FINISH NOT_UTF8 KEEPS_MODEL UNTOLD_DROP BAD_ROW ENDLESS; do
    if ! broken $defect; then
        sed 's/^/        /' "$tmp/said"
        fail "a provider with the defect $defect is built"
        continue
    fi
    # A freed frame that is read stops the kit under the address sanitizer, which is a find too.
    timeout 120 "$kit" "$tmp/broken-$defect.so" "$here/broken-cases" > "$tmp/said" 2>&1
    status=$?
    if [ $defect = NONE ]; then
        if [ $status = 0 ]; then pass "a provider without a defect"; else
            sed 's/^/        /' "$tmp/said"
            fail "a provider without a defect"
        fi
    elif [ $status = 0 ]; then
        fail "the defect $defect is found"
    else
        pass "the defect $defect is found"
    fi
done

# --- stores with a defect: the kit must find each -----------------------------------------------------------------

# broken_store NAME FILE SED - plugins/sqlite with one change, as $tmp/store-NAME/sqlite.so
broken_store() {
    objects=
    cp -r "$root/plugins/sqlite" "$tmp/store-$1"
    sed "$3" "$root/plugins/sqlite/$2" > "$tmp/store-$1/$2"
    cmp -s "$root/plugins/sqlite/$2" "$tmp/store-$1/$2" && [ "$1" != none ] && return 1
    # The files that have no defect are compiled once.
    for source in "$tmp/store-$1"/*.c; do
        object=$tmp/store-$(basename "$source" .c).o
        if [ "$(basename "$source")" = "$2" ] || [ ! -f "$object" ]; then
            [ "$(basename "$source")" = "$2" ] && [ "$1" != none ] && object=$tmp/store-$1/changed.o
            cc -c -fPIC -fvisibility=hidden -O0 -I"$root/sdk/include" -I"$tmp/store-$1" -o "$object" "$source" > "$tmp/said" 2>&1 || return 1
        fi
        objects="$objects $object"
    done
    cc -shared -o "$tmp/store-$1/sqlite.so" $objects -lsqlite3 > "$tmp/said" 2>&1
}
# One of them never ends, which is a find too; a good one takes 1 s.
while read -r name file change; do
    if ! broken_store "$name" "$file" "$change"; then
        sed 's/^/        /' "$tmp/said"
        fail "a store with the defect $name is built"
    elif timeout 20 "$kit" "$tmp/store-$name/sqlite.so" > "$tmp/said" 2>&1; then
        if [ "$name" = none ]; then pass "a store without a defect"; else fail "the store's defect $name is found"; fi
    elif [ "$name" = none ]; then
        sed 's/^/        /' "$tmp/said"
        fail "a store without a defect"
    else
        pass "the store's defect $name is found"
    fi
done <<EOF
none put.c s/a/a/
counts_twice put.c s/ || sqlite3_changes(s->db) == 0//
any_place put.c s/now.next != batch->after->next/0/
no_rollup put.c s/status = rollup_write(s, call)/rollup_forget(\&s->rollup)/
no_cursor put.c s/status = set_cursor(s, call, batch->until)/(void)set_cursor/
hours_as_days sums.c s/int64_t day_1 = ceil_to(hour_1, 86400)/int64_t day_1 = hour_1/
late_minute sums.c s/MINUTE_GET, since, hour_1/MINUTE_GET, since + 60, hour_1/
keeps_cursor_only rows.c s/USAGE_DROP }/LINES_DROP }/
forgets_lines rows.c s/lines->count++/0/
EOF

# --- a cache, and caches with a defect --------------------------------------------------------------------------

cache() { # DEFECT - builds $tmp/cache-DEFECT.so
    cc -shared -fPIC -fvisibility=hidden -O1 -D_GNU_SOURCE -DDEFECT="$1" -I"$root/sdk/include" -o "$tmp/cache-$1.so" "$here/cache.c" \
        -lpthread > "$tmp/said" 2>&1
}
for defect in NONE IGNORES_TEAM JOINS_SCOPE OVERWRITES BELOW_ZERO NEVER_ENDS CREATES FORGETS SHORT_KEYS TEXT_ONLY LOSES_ADDS FINDS_NOTHING \
    KEEPS_DELETED; do
    if ! cache $defect; then
        sed 's/^/        /' "$tmp/said"
        fail "a cache with the defect $defect is built"
        continue
    fi
    if [ $defect = NONE ]; then
        run "a cache without a defect" "$kit" "$tmp/cache-NONE.so"
    elif timeout 60 "$kit" "$tmp/cache-$defect.so" > "$tmp/said" 2>&1; then
        fail "the cache's defect $defect is found"
    elif [ "$(grep -c '^FAILED' "$tmp/said")" -gt 3 ]; then
        sed 's/^/        /' "$tmp/said"
        fail "the cache's defect $defect is found by what it breaks"
    else
        pass "the cache's defect $defect is found"
    fi
done

# --- the examples, made elsewhere ---------------------------------------------------------------------------

sdk=$tmp/sdk
works() {
    name=$1
    shift
    if "$@" > "$tmp/said" 2>&1; then pass "$name"; else
        tail -n 30 "$tmp/said" | sed 's/^/        /'
        fail "$name"
    fi
}
works "the SDK is installed" cmake --install "$build" --prefix "$sdk"
# example NAME LINES - builds it outside of the tree, and puts it through the installed kit.
example() {
    there=$tmp/$1-provider
    cp -r "$root/examples/$1-provider" "$there"
    works "$1 is configured outside of the tree" cmake -S "$there" -B "$there/build" -DCMAKE_PREFIX_PATH="$sdk"
    works "$1 is built" cmake --build "$there/build"
    if [ -f "$there/build/$1.so" ]; then
        run "$1, with the installed kit" "$sdk/bin/gateway-conformance" "$there/build/$1.so" "$there/cases"
    fi
    lines=$(wc -l < "$there/$1.c")
    if [ "$lines" -lt "$2" ]; then pass "$1 has under $2 lines ($lines)"; else fail "$1 has under $2 lines ($lines)"; fi
}
example echo 120
example parrot 200
works "ctest of parrot" ctest --test-dir "$tmp/parrot-provider/build" --output-on-failure

echo "conformance: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
