#!/bin/sh
# Builds a program of crates.io into a folder, once, and prints its path.
# usage: tests/get-cargo-tool.sh CRATE VERSION [FOLDER]      (default: .tools at the root of the repository)
set -eu

crate=$1
version=$2
tools=${3:-$(dirname "$0")/../.tools}
mkdir -p "$tools"
folder=$(cd "$tools" && pwd)/$crate-$version

if ! [ -x "$folder/bin/$crate" ]; then
    cargo install --quiet --locked --root "$folder" "$crate@$version" >&2 || {
        echo "get-cargo-tool: cargo could not install $crate $version (above)" >&2
        exit 1
    }
fi
echo "$folder/bin/$crate"
