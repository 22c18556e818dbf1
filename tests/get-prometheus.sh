#!/bin/sh
# Prints the path of a Prometheus server: $ROLLGATE_PROMETHEUS, a `prometheus` on the PATH, or Debian's,
# which is put into a folder without installing it.
# usage: tests/get-prometheus.sh [FOLDER]      (default: .tools at the root of the repository)
set -eu

fail() {
    echo "get-prometheus: $*" >&2
    echo "get-prometheus: install Prometheus yourself and set ROLLGATE_PROMETHEUS to its path" >&2
    exit 1
}

if [ -n "${ROLLGATE_PROMETHEUS:-}" ]; then
    [ -x "$ROLLGATE_PROMETHEUS" ] || fail "ROLLGATE_PROMETHEUS=$ROLLGATE_PROMETHEUS is no program"
    echo "$ROLLGATE_PROMETHEUS"
    exit
fi
if command -v prometheus; then exit; fi

here=$(dirname "$0")
server=$("$here/get-debian.sh" prometheus usr/bin/prometheus "${1:-$here/../.tools}") \
    || fail "Debian's package cannot be had (above)"
"$server" --version >/dev/null 2>&1 || fail "the server of Debian's package does not run here"
echo "$server"
