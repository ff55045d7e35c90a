#!/bin/sh
# libmicrohttpd.sh - builds libmicrohttpd >= 1.0.1 for a Debian whose own package is older.
#
# Older versions let smuggled requests through whatever their options say, so the gateway
# refuses them. The source is Debian's own package of the next release. Where to get it is
# derived from this system's apt configuration, its signature is checked by apt, and nothing
# outside build/deps is changed: apt gets its lists and its cache in there.
#
# It needs: gcc make dpkg-dev xz-utils libgnutls28-dev (examples/setup.sh installs them).
# Result: build/deps/libmicrohttpd (static library, headers, .pc file). Skipped when it is there.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
deps=$root/build/deps
prefix=$deps/libmicrohttpd
wanted=1.0.1
suite=trixie

. "$root/examples/progress.sh"

say() { printf '%s\n' "setup: $*"; }
die() { printf '%s\n' "setup: $*" >&2; exit 1; }

built_version() {
    pc=$prefix/lib/pkgconfig/libmicrohttpd.pc
    [ -f "$pc" ] && [ -f "$prefix/lib/libmicrohttpd.a" ] || return 1
    sed -n 's/^Version: *//p' "$pc"
}

if version=$(built_version) && dpkg --compare-versions "$version" ge "$wanted"; then
    exit 0
fi

# The main archive of this system: prints "URI<tab>Signed-By" of the first source that carries
# `codename` with the component main. Knows one-line files and deb822 files.
archive_of() {
    codename=$1
    dir=${APT_ETC:-/etc/apt}
    for file in "$dir/sources.list" "$dir"/sources.list.d/*.list; do
        [ -f "$file" ] || continue
        awk -v codename="$codename" '
            $1 == "deb" {
                options = ""
                line = $0
                sub(/#.*/, "", line)
                sub(/^deb[ \t]+/, "", line)
                if (match(line, /^\[[^]]*\][ \t]*/)) {
                    options = substr(line, 2, RLENGTH)
                    line = substr(line, RLENGTH + 1)
                }
                n = split(line, word, /[ \t]+/)
                has_main = 0
                for (i = 3; i <= n; i++)
                    has_main = has_main || word[i] == "main"
                if (word[1] ~ /^cdrom:/ || word[2] != codename || !has_main)
                    next
                key = ""
                if (match(options, /signed-by=[^] \t]+/))
                    key = substr(options, RSTART + 10, RLENGTH - 10)
                print word[1] "\t" key
                exit
            }' "$file"
    done
    for file in "$dir"/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        # A stanza ends at an empty line; a comment line belongs to no field.
        awk -v codename="$codename" '
            function has(list, wanted,    n, i, word) {
                n = split(list, word, /[ \t]+/)
                for (i = 1; i <= n; i++)
                    if (word[i] == wanted)
                        return 1
                return 0
            }
            function finish(    word) {
                if (!done && has(field["types"], "deb") && has(field["suites"], codename) &&
                    has(field["components"], "main") && tolower(field["enabled"]) !~ /no|false|0/) {
                    sub(/^[ \t]+/, "", field["uris"])
                    split(field["uris"], word, /[ \t]+/)
                    sub(/^[ \t]+/, "", field["signed-by"])
                    print word[1] "\t" field["signed-by"]
                    done = 1
                }
                for (key in field)
                    delete field[key]
                name = ""
            }
            /^#/ { next }
            /^[ \t]*$/ { finish(); next }
            /^[^ \t:]+:/ {
                name = tolower(substr($0, 1, index($0, ":") - 1))
                field[name] = substr($0, index($0, ":") + 1)
                next
            }
            name != "" { field[name] = field[name] " " $0 }
            END { finish() }' "$file"
    done
}

. /etc/os-release
[ "${ID:-}" = debian ] ||
    die "this system is not Debian and its libmicrohttpd is too old: install libmicrohttpd >= $wanted" \
        "and point PKG_CONFIG_PATH at it"

found=$(archive_of "${VERSION_CODENAME:-}" | head -n 1)
[ -n "$found" ] || found=$(archive_of stable | head -n 1)
[ -n "$found" ] || found=$(archive_of oldstable | head -n 1)
[ -n "$found" ] || die "no apt source with the suite ${VERSION_CODENAME:-?} and the component main was found" \
    "in /etc/apt: libmicrohttpd $wanted cannot be fetched"
uri=$(printf '%s' "$found" | cut -f 1)
key=$(printf '%s' "$found" | cut -f 2)
case $key in
    /*) ;;
    *) key=/usr/share/keyrings/debian-archive-keyring.gpg ;; # none named, or a key in place
esac

for tool in gcc make dpkg-source apt-get xz; do
    command -v "$tool" > /dev/null 2>&1 || die "$tool is missing: run examples/setup.sh"
done

apt=$deps/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/parts" "$apt/source"
if [ -f "$key" ]; then
    printf 'deb-src [signed-by=%s] %s %s main\n' "$key" "$uri" "$suite" > "$apt/sources.list"
else
    printf 'deb-src %s %s main\n' "$uri" "$suite" > "$apt/sources.list"
fi

# apt with its own lists and cache; proxies and the like of the system stay in force.
# As root it would download as the user _apt, who may not write here.
private_apt() {
    if [ "$(id -u)" = 0 ]; then
        set -- -o APT::Sandbox::User=root "$@"
    fi
    apt-get -q \
        -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts="$apt/parts" \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts="$apt/parts" \
        -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" \
        -o Acquire::AllowInsecureRepositories=false -o APT::Get::AllowUnauthenticated=false \
        -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

log=$deps/libmicrohttpd.log
run() {
    with_progress setup "$log" "$@" && return
    tail -n 30 "$log" >&2
    die "failed: $* (all of it: $log)"
}
: > "$log"

say "libmicrohttpd: reading the source index of Debian $suite"
if ! with_progress setup "$log" private_apt -o APT::Update::Error-Mode=any update; then
    tail -n 30 "$log" >&2
    if grep -q NO_PUBKEY "$log"; then
        die "the keyring $key does not know the key of Debian $suite: install a newer debian-archive-keyring" \
            "(apt-get install debian-archive-keyring) and run this again"
    fi
    die "the source index of Debian $suite could not be read (all of it: $log)"
fi
say "libmicrohttpd: fetching Debian's source package"
(cd "$apt/source" && rm -rf ./* && run private_apt source --download-only libmicrohttpd)
dsc=$(find "$apt/source" -name '*.dsc')
[ -f "$dsc" ] || die "apt fetched no source package (all of it: $log)"

# apt has checked the hashes against the signed index; dpkg-source would ask for the maintainers' keyring.
source=$apt/source/tree
run dpkg-source --no-check -x "$dsc" "$source"

# Its makefiles do not know folders with a blank in their path, so then it is built and installed in another one.
work=$apt/source
case $work in
    *[[:space:]]*)
        work=$(mktemp -d /tmp/llm-gateway-deps.XXXXXX)
        trap 'rm -rf "$work"' EXIT
        cp -a "$source" "$work/tree"
        source=$work/tree
        ;;
esac

say "libmicrohttpd: building it in $work (about half a minute)"
rm -rf "$prefix" "$prefix.new" "$work/installed"
(
    cd "$source"
    run ./configure --prefix="$work/installed" --disable-doc --disable-examples --disable-tools --disable-curl \
        --enable-https --disable-shared --with-pic CFLAGS="-O2 -g -fstack-protector-strong"
    run make -j "$(nproc)"
    run make install
)
mv "$work/installed" "$prefix.new"
# The .pc file names its own place, so build/deps may be moved or copied; and the folder appears
# under its name only when it is complete.
pc=$prefix.new/lib/pkgconfig/libmicrohttpd.pc
sed 's|^prefix=.*|prefix=${pcfiledir}/../..|' "$pc" > "$pc.new"
mv "$pc.new" "$pc"
mv "$prefix.new" "$prefix"
version=$(built_version) || die "the build left no library in $prefix (all of it: $log)"
dpkg --compare-versions "$version" ge "$wanted" || die "Debian $suite has libmicrohttpd $version, $wanted is needed"
rm -rf "$apt"
say "libmicrohttpd $version is in $prefix"
