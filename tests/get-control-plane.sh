#!/bin/sh
# Builds a Kubernetes control plane, kubectl, Helm and Argo Rollouts from source, once, and prints the
# folder that holds them, kwok's stages (`stages`), and the CRDs (`crds`) and roles (`roles`) of Argo
# Rollouts.
# usage: tests/get-control-plane.sh [FOLDER [oldest]]   (default: .tools at the root of the repository)
#
# `oldest` takes the oldest Kubernetes that rollgate supports; the rest is the same.
# $ROLLGATE_CONTROL_PLANE is taken instead where it names such a folder.
# Needs Go; cold it takes minutes, and after that nothing until a go.mod or this file changes.
set -eu

programs="etcd helm kube-apiserver kube-controller-manager kube-scheduler kubectl kubectl-argo-rollouts kwok
    rollouts-controller"
kubernetes=1.36.3
oldest=1.30.14

fail() {
    echo "get-control-plane: $*" >&2
    echo "get-control-plane: install Go 1.26 or newer (https://go.dev/dl), or set ROLLGATE_CONTROL_PLANE" \
        "to a folder that a run of this script on another machine has filled" >&2
    exit 1
}

whole() {
    for program in $programs; do
        [ -x "$1/$program" ] || { missing=$program; return 1; }
    done
    for files in stages crds roles; do
        [ -d "$1/$files" ] || { missing=$files; return 1; }
    done
}

if [ -n "${ROLLGATE_CONTROL_PLANE:-}" ]; then
    whole "$ROLLGATE_CONTROL_PLANE" || fail "ROLLGATE_CONTROL_PLANE=$ROLLGATE_CONTROL_PLANE has no $missing"
    echo "$ROLLGATE_CONTROL_PLANE"
    exit
fi

here=$(cd "$(dirname "$0")" && pwd)
tools=${1:-$here/../.tools}
release=${2:-current}
mkdir -p "$tools"
tools=$(cd "$tools" && pwd)

# The name says what it was built from: a folder of that name is whole, and never stale.
modules=$here/control-plane
stamp=$(cat "$0" "$modules"/go.* "$modules"/helm/go.* "$modules"/argo/go.* | cksum | cut -d ' ' -f 1)
case $release in
    current) folder=$tools/control-plane-$stamp ;;
    oldest) folder=$tools/oldest-control-plane-$stamp-$(cat "$modules"/oldest/go.* | cksum | cut -d ' ' -f 1) ;;
    *) fail "there is no release called $release: leave it out, or say oldest" ;;
esac
if whole "$folder"; then
    echo "$folder"
    exit
fi

command -v go >/dev/null || fail "there is no control plane in $tools yet, and no Go to build one"

work=$(mktemp -d "$tools/get.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/stages" "$work/crds" "$work/roles"

# usage: build FOLDER KUBERNETES
build() {
    # A version is what kubectl and the clients of the API server parse; from a module there is none.
    version=k8s.io/component-base/version
    minor=${2#*.}
    flags="-s -w -X $version.gitVersion=v$2 -X $version.gitMajor=1 -X $version.gitMinor=${minor%.*}"
    CGO_ENABLED=0 go -C "$1" build -mod=readonly -trimpath -ldflags="$flags" -o "$work/" tool \
        || fail "it does not build (above)"
}

# Puts what was built in its place in one step, so that a broken run leaves nothing that looks whole; of
# two runs at once the first wins. Removes what was built from other files.
# usage: put PREFIX
put() {
    whole "$work" || fail "the build left no $missing"
    chmod 755 "$work"
    mv -T "$work" "$folder" 2>/dev/null || whole "$folder" || fail "$folder cannot be written"
    for old in "$tools/$1"-*; do
        [ "$old" = "$folder" ] || rm -rf "$old"
    done
    echo "$folder"
}

if [ "$release" = oldest ]; then
    current=$("$0" "$tools")
    echo "get-control-plane: building Kubernetes $oldest from source; this takes minutes, once" >&2
    rm -rf "$work/stages" "$work/crds" "$work/roles"
    cp -R "$current/." "$work/"
    build "$modules/oldest" "$oldest"
    put oldest-control-plane
    exit
fi

echo "get-control-plane: building Kubernetes $kubernetes from source; this takes minutes, once" >&2
build "$modules" "$kubernetes"
build "$modules/helm" "$kubernetes"
build "$modules/argo" "$kubernetes"
# The module is called `server`; the program is not.
mv "$work/server" "$work/etcd"

kwok=$(go -C "$modules" list -m -f '{{.Dir}}' sigs.k8s.io/kwok) || fail "there are no stages of kwok"
for set in node/fast node/heartbeat pod/fast; do
    for stage in "$kwok/kustomize/stage/$set"/*.yaml; do
        case $stage in
            */kustomization.yaml) ;;
            *) cat "$stage" >"$work/stages/$(basename "$stage")" ;;
        esac
    done
done

argo=$(go -C "$modules/argo" list -m -f '{{.Dir}}' github.com/argoproj/argo-rollouts) \
    || fail "there are no CRDs of Argo Rollouts"
for crd in "$argo"/manifests/crds/*-crd.yaml; do
    cat "$crd" >"$work/crds/$(basename "$crd")"
done
for role in "$argo"/manifests/role/*-clusterrole.yaml "$argo"/manifests/base/*-aggregate-roles.yaml; do
    cat "$role" >"$work/roles/$(basename "$role")"
done

put control-plane
