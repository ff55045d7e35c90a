#!/bin/sh
# run.sh [--build DIR] - is the plugin ABI what it was, and does a plugin made elsewhere work?
#
# DIR (default: $GW_PRODUCT, then build/) has the built gateway and plugins. Checks the frozen layout and that
# it notices what it must, the headers under several compilers, the symbols of every plugin, plugins built
# against older, newer and other headers, and the example provider built outside of the tree against an installed
# SDK, with a request through a gateway, each folder of
# plugins/ alone in the same way, and a new plugin that the installed gateway writes. Ends with "abi: N passed, N failed,
# N skipped".
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
build=${GW_PRODUCT:-$root/build}
if [ "${1:-}" = --build ]; then
    build=$2
fi
build=$(CDPATH='' cd -- "$build" 2> /dev/null && pwd) || {
    echo "run.sh: no folder $build"
    echo "abi: 0 passed, 1 failed, 0 skipped"
    exit 1
}
umask 022
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
gateway=$build/llm-gateway
include=$root/sdk/include
strict='-Wall -Wextra -Wpedantic -Werror -fsyntax-only'
passed=0
failed=0
skipped=0

pass() {
    echo "ok      $1"
    passed=$((passed + 1))
}
fail() {
    echo "FAILED  $1"
    [ -f "$tmp/said" ] && sed 's/^/        /' "$tmp/said" | head -n 50
    failed=$((failed + 1))
}
skip() {
    echo "SKIPPED $1: $2"
    skipped=$((skipped + 1))
}
has() { command -v "$1" > /dev/null 2>&1; }

# works NAME COMMAND... - it must succeed.
works() {
    name=$1
    shift
    if "$@" > "$tmp/said" 2>&1; then pass "$name"; else fail "$name"; fi
}
# refuses NAME TEXT COMMAND... - it must fail, and say TEXT.
refuses() {
    name=$1
    text=$2
    shift 2
    if "$@" > "$tmp/said" 2>&1; then
        echo "(it was accepted)" >> "$tmp/said"
        fail "$name"
    elif grep -qF -- "$text" "$tmp/said"; then
        pass "$name"
    else
        fail "$name (it does not say \"$text\")"
    fi
}

# --- the layout ---------------------------------------------------------------------------------------------

# changed NAME SED-SCRIPT FILE - a copy of the headers with one change; its include folder is $changed.
changed() {
    changed=$tmp/changed-$1
    mkdir -p "$changed"
    cp -r "$include/gateway" "$changed/"
    sed "$2" "$include/gateway/$3" > "$changed/gateway/$3"
    if cmp -s "$include/gateway/$3" "$changed/gateway/$3"; then
        echo "the change $1 changes nothing" > "$tmp/said"
        fail "change $1"
    fi
}
frozen() { # INCLUDE
    cc -std=c11 $strict -I"$1" "$here/frozen_1_0.c"
}

for cc in gcc clang; do
    if ! has $cc; then
        skip "the layout with $cc" "there is no $cc"
        continue
    fi
    # shellcheck disable=SC2086 # several options
    works "the layout with $cc" $cc -std=c11 $strict -I"$include" "$here/frozen_1_0.c"
done
changed append 's/^    void (\*hmac_sha256).*/&\n    void (*later)(void *self);/' host.h
works "a function appended to gw_host is accepted" frozen "$changed"
changed insert 's/^    int64_t (\*now_ms).*/    void (*sooner)(void *self);\n&/' host.h
refuses "a function inserted into gw_host is noticed" "gw_host.now_ms moved" frozen "$changed"
changed signature '/^typedef struct gw_provider_ops/,$ s/void (\*close)(void \*instance);/int32_t (*close)(void *instance);/' provider.h
refuses "another signature is noticed" "gw_provider_ops.close changed type" frozen "$changed"
changed widen '/^struct gw_frame {/,/^};/ s/uint32_t status;/uint64_t status;/' provider.h
refuses "a wider field is noticed" "gw_frame.status changed type" frozen "$changed"
changed rename 's/int64_t cache_read;/int64_t cached;/' provider.h
refuses "a renamed field is noticed" "cache_read" frozen "$changed"
changed value 's/^#define GW_EVENT_TEXT 2u/#define GW_EVENT_TEXT 22u/' provider.h
refuses "another value of a macro is noticed" "GW_EVENT_TEXT changed value" frozen "$changed"

# --- the headers --------------------------------------------------------------------------------------------

for header in abi host plugin provider cache store easy; do
    echo "#include <gateway/$header.h>" > "$tmp/alone.c"
    echo 'extern int something;' >> "$tmp/alone.c"
    for cc in 'gcc -std=c11' 'clang -std=c11' 'g++ -std=c++17 -x c++'; do
        if has "${cc%% *}"; then
            # shellcheck disable=SC2086 # several options
            works "$header.h alone with $cc" $cc $strict -I"$include" "$tmp/alone.c"
        else
            skip "$header.h alone with $cc" "there is no ${cc%% *}"
        fi
    done
done

# --- the plugins that come with the gateway -----------------------------------------------------------------

one_symbol() { # FILE
    nm -D --defined-only "$1" | awk '{ print $3 }' > "$tmp/said"
    [ "$(cat "$tmp/said")" = gw_plugin_entry ]
}
symbols() { # NAME FILE
    if one_symbol "$2"; then pass "$1 exports one symbol"; else fail "$1 exports one symbol"; fi
}
for so in "$build"/plugins/*.so; do
    if [ -f "$so" ]; then
        symbols "$(basename "$so")" "$so"
    else
        fail "there are plugins in $build/plugins"
    fi
done

# --- plugins built against other headers --------------------------------------------------------------------

# variant NAME INCLUDE OPTION... - builds $tmp/variants/NAME.so
variant() {
    so=$tmp/variants/$1.so
    against=$2
    shift 2
    mkdir -p "$tmp/variants"
    cc -std=c11 -shared -fPIC -fvisibility=hidden "$@" -I"$against" -o "$so" "$here/variant.c" > "$tmp/said" 2>&1 ||
        fail "$so is built"
}
check() { # FILE
    "$gateway" plugin check "$1"
}

if [ -x "$gateway" ]; then
    variant same "$include"
    works "a plugin of these headers loads" check "$so"
    changed older '/\[worker\] GW_PROVIDER_LOCAL, instead/,/const char \*models;/d' provider.h
    variant older "$changed" -DVARIANT_OLDER
    works "a plugin with an older, shorter table loads" check "$so"
    if grep -q '^base_url *-$' "$tmp/said"; then
        pass "and lacks what its table lacks"
    else
        fail "and lacks what its table lacks"
    fi
    changed newer 's/^#define GW_ABI_MINOR .*/#define GW_ABI_MINOR 7u/' abi.h
    variant newer "$changed"
    refuses "a plugin of a later counter" "variants/newer.so cannot be used: it is built for plugin ABI 0.7, and this gateway has 0.1" \
        check "$so"
    changed earlier 's/^#define GW_ABI_MINOR .*/#define GW_ABI_MINOR 0u/' abi.h
    variant earlier "$changed"
    refuses "a plugin of an earlier counter" "variants/earlier.so cannot be used: it is built for plugin ABI 0.0, and this gateway has 0.1" \
        check "$so"
    changed major 's/^#define GW_ABI_MAJOR .*/#define GW_ABI_MAJOR 1u/' abi.h
    variant major "$changed"
    refuses "a plugin of another major" "it is built for plugin ABI 1.1, and this gateway has 0.1: build it again" check "$so"
    variant none "$include" -DVARIANT_NO_ENTRY
    refuses "a plugin without its entry function" "does not export gw_plugin_entry" check "$so"

    variant rights "$include"
    chmod 646 "$so"
    refuses "a plugin that others may write" "writable by others" check "$so"
    chmod 644 "$so"
    chmod 777 "$tmp/variants"
    refuses "a plugin in a folder that others may write" "the folder $tmp/variants is writable by others" check "$so"
    chmod 1777 "$tmp/variants"
    works "a plugin in a sticky folder" check "$so"
    chmod 755 "$tmp/variants"
    if [ "$(id -u)" = 0 ]; then
        chown 12345 "$so"
        refuses "a plugin of another user" "belongs to user 12345" check "$so"
    else
        skip "a plugin of another user" "only root can give files away"
    fi
else
    skip "plugins built against other headers" "there is no $gateway"
fi

# --- a plugin made elsewhere --------------------------------------------------------------------------------

sdk=$tmp/sdk
echo_source=$tmp/echo-provider
cp -r "$root/examples/echo-provider" "$echo_source"
works "the SDK is installed" cmake --install "$build" --prefix "$sdk"
works "the example is configured outside of the tree" \
    cmake -S "$echo_source" -B "$tmp/echo-build" -DCMAKE_PREFIX_PATH="$sdk"
works "the example is built by CMake" cmake --build "$tmp/echo-build"
if [ -f "$tmp/echo-build/echo.so" ]; then
    symbols "the example built by CMake" "$tmp/echo-build/echo.so"
fi
by_hand() {
    flags=$(PKG_CONFIG_PATH="$sdk/lib/pkgconfig" pkg-config --cflags gateway-sdk) || return 1
    # shellcheck disable=SC2086 # several options
    cc -shared $flags -o "$tmp/by-hand/echo.so" "$echo_source/echo.c"
}
mkdir "$tmp/by-hand"
if has pkg-config; then
    works "the example is built by one line with pkg-config" by_hand
    if [ -f "$tmp/by-hand/echo.so" ]; then
        symbols "the example built by one line" "$tmp/by-hand/echo.so"
    fi
else
    skip "the example is built by one line" "there is no pkg-config"
fi
if [ -x "$gateway" ]; then
    for folder in echo-build by-hand; do
        [ -f "$tmp/$folder/echo.so" ] || continue
        works "plugin check of $folder/echo.so" check "$tmp/$folder/echo.so"
        works "requests through a gateway with $folder/echo.so" \
            timeout 60 python3 "$here/echo_requests.py" "$gateway" "$tmp/$folder"
    done
else
    skip "the example in a gateway" "there is no $gateway"
fi

# --- a debugger -------------------------------------------------------------------------------------------------

if [ ! -x "$gateway" ] || [ ! -f "$tmp/echo-build/echo.so" ]; then
    skip "gdb shows a plugin's frame" "there is no $gateway"
elif ! has gdb; then
    skip "gdb shows a plugin's frame" "there is no gdb"
else
    timeout 120 python3 "$here/debugger.py" "$gateway" "$tmp/echo-build" > "$tmp/said" 2>&1
    case $? in
        0) pass "gdb shows a plugin's frame" ;;
        77) skip "gdb shows a plugin's frame" "$(tail -n 1 "$tmp/said")" ;;
        *) fail "gdb shows a plugin's frame" ;;
    esac
fi

# --- a plugin in another language -------------------------------------------------------------------------------

rust_build() {
    cp -r "$root/examples/echo-rust" "$tmp/echo-rust" || return 1
    CARGO_TARGET_DIR=$tmp/rust-target cargo build --release --offline --manifest-path "$tmp/echo-rust/Cargo.toml" || return 1
    mkdir -p "$tmp/rust" && cp "$tmp/rust-target/release/libecho.so" "$tmp/rust/echo.so"
}
if has cargo; then
    works "the example in Rust is built" rust_build
    if [ -f "$tmp/rust/echo.so" ]; then
        symbols "the example in Rust" "$tmp/rust/echo.so"
        works "the kit with the example in Rust" "$sdk/bin/gateway-conformance" "$tmp/rust/echo.so" "$root/examples/echo-provider/cases"
        if [ -x "$gateway" ]; then
            works "plugin check of rust/echo.so" check "$tmp/rust/echo.so"
            works "requests through a gateway with rust/echo.so" \
                timeout 60 python3 "$here/echo_requests.py" "$gateway" "$tmp/rust"
        fi
    fi
else
    skip "the example in Rust" "there is no cargo"
fi

# --- a gateway whose tables have grown since the plugins were built ------------------------------------------------

# A copy of the tree in which each table and record that crosses has a member more at its end, built anew; the plugins
# are those of today.
grown=$tmp/grown
mkdir "$grown"
cp -r "$root/core" "$root/sdk" "$root/plugins" "$root/CMakeLists.txt" "$grown/"
grow() { # TYPE FILE - appends a member
    sed "/struct $1 {/,/^}/ s/^}/    void (*grown)(void *self);\n}/" "$grown/sdk/include/gateway/$2" > "$tmp/more.h"
    if cmp -s "$tmp/more.h" "$grown/sdk/include/gateway/$2"; then fail "$1 grows"; fi
    cp "$tmp/more.h" "$grown/sdk/include/gateway/$2"
}
for type in gw_json_api gw_writer_api gw_host; do grow $type host.h; done
for type in gw_request gw_frame gw_tokens gw_event gw_service gw_capability gw_provider_ops; do grow $type provider.h; done
grow gw_plugin plugin.h
grow gw_scope cache.h
grow gw_cache_ops cache.h
for type in gw_store_cursor gw_store_line gw_store_sums gw_store_row gw_store_batch gw_store_query gw_store_group gw_store_find gw_store_ops; do
    grow $type store.h
done
deps=$(sed -n 's/^GW_DEPS:PATH=//p' "$build/CMakeCache.txt")
if [ -x "$gateway" ] && [ -f "$tmp/echo-build/echo.so" ]; then
    export CCACHE_BASEDIR="$tmp" CCACHE_NOHASHDIR=1
    works "a gateway with longer tables is configured" cmake -S "$grown" -B "$grown/build" -DGW_DEPS="$deps" \
        -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS=-O0
    works "a gateway with longer tables is built" \
        cmake --build "$grown/build" -j 2 --target llm-gateway --target gateway-conformance
    if [ -x "$grown/build/llm-gateway" ]; then
        works "requests through it with a plugin of today" \
            timeout 60 python3 "$here/echo_requests.py" "$grown/build/llm-gateway" "$tmp/echo-build"
        for so in "$build"/plugins/*.so; do
            [ -f "$so" ] || continue
            plugin=$(basename "$so" .so)
            if nm "$so" | grep -q __asan; then continue; fi # it needs a gateway with the sanitizer
            if [ -f "$root/tests/conformance/${plugin}_kit.py" ]; then
                works "its kit with $plugin.so of today" timeout 60 python3 "$root/tests/conformance/${plugin}_kit.py" "$grown/build/gateway-conformance" "$so"
                continue
            fi
            works "its kit with $plugin.so of today" "$grown/build/gateway-conformance" --quiet "$so" \
                "$root/tests/provider/golden/$plugin"
        done
    fi
else
    skip "a gateway with longer tables" "there is no $gateway"
fi

# --- the plugins of the gateway, each made elsewhere: its folder and the installed SDK, nothing else ----------------

made=
for folder in "$root"/plugins/*/; do
    plugin=$(basename "$folder")
    mkdir -p "$tmp/alone"
    cp -r "$folder" "$tmp/alone/$plugin"
    works "plugins/$plugin alone is configured" \
        cmake -S "$tmp/alone/$plugin" -B "$tmp/alone/$plugin-build" -DCMAKE_PREFIX_PATH="$sdk" \
        -DCMAKE_C_FLAGS="-Wall -Wextra -Wshadow -Wstrict-prototypes -Werror"
    works "plugins/$plugin alone is built" cmake --build "$tmp/alone/$plugin-build" -j 2
    for so in "$tmp/alone/$plugin-build"/*.so; do
        [ -f "$so" ] || continue
        made="$made $(basename "$so")"
        symbols "$(basename "$so") made alone" "$so"
        if [ -x "$gateway" ]; then
            works "plugin check of $(basename "$so") made alone" check "$so"
        fi
    done
done
(cd "$build/plugins" && ls -- *.so) | sort > "$tmp/said"
# shellcheck disable=SC2086 # several names
if [ "$(printf '%s\n' $made | sort)" = "$(cat "$tmp/said")" ]; then
    pass "all plugins of the build are made alone"
else
    echo "made alone:$made" >> "$tmp/said"
    fail "all plugins of the build are made alone"
fi

# --- a new plugin: written by the installed gateway, built and tested without a word about where the SDK is ----------

new=$sdk/bin/llm-gateway
if [ -x "$new" ]; then
    mkdir "$tmp/new"
    cd "$tmp/new" || exit 1
    works "plugin new writes a folder" "$new" plugin new my-own
    works "it is configured" cmake -S my-own -B B -DCMAKE_C_FLAGS="-Wall -Wextra -Werror"
    works "it is built" cmake --build B
    if [ -f B/my-own.so ]; then
        symbols "the new plugin" B/my-own.so
        works "ctest puts it through the kit" ctest --test-dir B --output-on-failure --no-tests=error
        works "plugin check of it" "$new" plugin check B/my-own.so
        works "requests through a gateway with it" \
            timeout 60 python3 "$here/new_requests.py" "$new" "$tmp/new/B" my-own
    fi
    find my-own -type f -exec cksum {} + > "$tmp/before"
    refuses "a folder that is there is left alone" "my-own is there already, and nothing was written" "$new" plugin new my-own
    find my-own -type f -exec cksum {} + > "$tmp/after"
    if cmp -s "$tmp/before" "$tmp/after"; then pass "and nothing in it changes"; else fail "and nothing in it changes"; fi
    for name in ../other Upper '' 1st -x 'a b' test all a/b; do
        refuses "plugin new '$name' is refused" "plugin" "$new" plugin new "$name"
    done
    left=$(ls -A | tr '\n' ' ')
    if [ "$left" = 'B my-own ' ]; then pass "a bad name leaves nothing"; else fail "a bad name leaves nothing: $left"; fi
    mv "$sdk/share/llm-gateway/plugin-template" "$tmp/template"
    refuses "without its template it names the file" "plugin-template/CMakeLists.txt, which is installed with the program" \
        "$new" plugin new other
    if [ ! -e other ]; then pass "and makes no folder"; else fail "and makes no folder"; fi
    mv "$tmp/template" "$sdk/share/llm-gateway/plugin-template"
    cd "$root" || exit 1
else
    skip "a new plugin" "there is no $new"
fi

echo "abi: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
