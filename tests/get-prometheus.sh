#!/bin/sh
# Puts Debian's Prometheus into a folder without installing it, and prints the path of the server.
# usage: tests/get-prometheus.sh [FOLDER]      (default: .tools at the root of the repository)
#
# $ROLLGATE_PROMETHEUS or a `prometheus` on the PATH is taken instead where there is one.
# Needs apt-get and dpkg-deb, but no root.
set -eu

fail() {
    echo "get-prometheus: $*" >&2
    echo "get-prometheus: install Prometheus yourself and set ROLLGATE_PROMETHEUS to its path" >&2
    exit 1
}

tools=${1:-$(dirname "$0")/../.tools}

if [ -n "${ROLLGATE_PROMETHEUS:-}" ]; then
    [ -x "$ROLLGATE_PROMETHEUS" ] || fail "ROLLGATE_PROMETHEUS=$ROLLGATE_PROMETHEUS is no program"
    echo "$ROLLGATE_PROMETHEUS"
    exit
fi
if command -v prometheus; then exit; fi

mkdir -p "$tools"
tools=$(cd "$tools" && pwd)
server=$tools/prometheus/usr/bin/prometheus
if [ -x "$server" ]; then
    echo "$server"
    exit
fi

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
{ apt update && cd "$work" && apt download prometheus; } >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    fail "apt-get could not download it (above)"
}

# Unpacked beside its place and renamed, so that a broken run leaves nothing that looks whole.
dpkg-deb -x "$work"/prometheus_*.deb "$work/unpacked" || fail "the package cannot be unpacked"
"$work/unpacked/usr/bin/prometheus" --version >/dev/null 2>&1 \
    || fail "the server of the package does not run here"
rm -rf "$tools/prometheus"
mv "$work/unpacked" "$tools/prometheus"
echo "$server"
