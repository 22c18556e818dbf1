#!/bin/sh
# Prints the path of libfaketime, with which a test moves the clock of one process: $ROLLGATE_FAKETIME, or
# Debian's, which is put into a folder without installing it.
# usage: tests/get-faketime.sh [FOLDER]      (default: .tools at the root of the repository)
set -eu

fail() {
    echo "get-faketime: $*" >&2
    echo "get-faketime: install libfaketime yourself and set ROLLGATE_FAKETIME to its library" >&2
    exit 1
}

if [ -n "${ROLLGATE_FAKETIME:-}" ]; then
    [ -r "$ROLLGATE_FAKETIME" ] || fail "ROLLGATE_FAKETIME=$ROLLGATE_FAKETIME is no file"
    echo "$ROLLGATE_FAKETIME"
    exit
fi

here=$(dirname "$0")
"$here/get-debian.sh" libfaketime 'usr/lib/*/faketime/libfaketimeMT.so.1' "${1:-$here/../.tools}" \
    || fail "Debian's package cannot be had (above)"
