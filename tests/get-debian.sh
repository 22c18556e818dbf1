#!/bin/sh
# Puts a package of Debian into a folder without installing it, and prints the path of a file in it.
# usage: tests/get-debian.sh PACKAGE FILE [FOLDER]      (default: .tools at the root of the repository)
#
# FILE may be a pattern, such as `usr/lib/*/faketime/libfaketime.so.1`. Needs apt-get and dpkg-deb, but
# no root.
set -eu

package=$1
file=$2
tools=${3:-$(dirname "$0")/../.tools}

fail() {
    echo "get-debian: $*" >&2
    exit 1
}

found() {
    # The pattern is meant to expand.
    for path in "$tools/$package"/$file; do
        [ -e "$path" ] && echo "$path" && return
    done
    return 1
}

mkdir -p "$tools"
tools=$(cd "$tools" && pwd)
found && exit

for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || fail "there is no $tool here"
done

work=$(mktemp -d "$tools/get.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Lists of our own: the system's may be missing or old, and only root can refresh them.
apt() {
    apt-get -q \
        -o Dir::State::lists="$work/lists" \
        -o Dir::Cache="$work/cache" \
        -o Dir::State::status=/var/lib/dpkg/status \
        -o APT::Sandbox::User="$(id -un)" \
        "$@"
}
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
{ apt update && cd "$work" && apt download "$package"; } >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    fail "apt-get could not download $package (above)"
}

# Unpacked beside its place and renamed, so that a broken run leaves nothing that looks whole.
dpkg-deb -x "$work/$package"_*.deb "$work/unpacked" || fail "the package $package cannot be unpacked"
rm -rf "${tools:?}/$package"
mv "$work/unpacked" "$tools/$package"
found || fail "the package $package has no $file"
