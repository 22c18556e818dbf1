# The one script. `make help` lists what it does.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
MAKEFLAGS += --no-print-directory

TOOLS := $(CURDIR)/.tools
WASM := wasm32-unknown-unknown
WASI := wasm32-wasip2
CARGO := cargo --locked
EXAMPLE := examples/first-policy
ROLLGATE := $(CURDIR)/target/debug/rollgate

.PHONY: help
help: ## Lists the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What a person looks at shows its own lines, not those of its build.
demo run-local cluster: CARGO := examples/demo/quietly $(CARGO)

.PHONY: demo
demo: build example ## Shows a rollout let through, one held and one denied: by the command line, then by the webhook
	@examples/demo/run $(ROLLGATE)

.PHONY: run-local
run-local: build example ## Runs the webhook on this machine with the demo's policies and a throw-away certificate
	@exec $(ROLLGATE) serve --self-signed --policies examples/demo/policies

.PHONY: cluster
cluster: build example control-plane ## Runs a real control plane with rollgate in it, for trying out kubectl
	@export ROLLGATE_CONTROL_PLANE="$$(tests/get-control-plane.sh $(TOOLS))"
	$(CARGO) build --package rollgate-tests --bin cluster
	exec target/debug/cluster

.PHONY: test
test: toolchain prometheus control-plane build example wasi-guest ## Runs every test there is, and all of them where some fail
	@export ROLLGATE_PROMETHEUS="$$(tests/get-prometheus.sh $(TOOLS))"
	export ROLLGATE_CONTROL_PLANE="$$(tests/get-control-plane.sh $(TOOLS))"
	status=0
	$(CARGO) test --no-fail-fast --workspace -- --include-ignored || status=$$?
	$(CARGO) test --no-fail-fast --manifest-path $(EXAMPLE)/Cargo.toml || status=$$?
	exit $$status

.PHONY: bench
bench: toolchain control-plane ## Measures evaluations, the server, loading and its cost in a cluster; takes a release build
	@export ROLLGATE_CONTROL_PLANE="$$(tests/get-control-plane.sh $(TOOLS))"
	$(CARGO) build --release --workspace --bin rollgate
	$(CARGO) bench --workspace --bench evaluate --bench serve --bench load --bench check --bench cluster

.PHONY: manifests
manifests: control-plane ## Renders deploy/manifests.yaml from the Helm chart
	@helm="$$(tests/get-control-plane.sh $(TOOLS))/helm"
	"$$helm" template rollgate deploy/chart --namespace rollgate-system --set crds.install=false > deploy/manifests.yaml

.PHONY: lint
lint: toolchain ## Formatting and clippy, as CI wants them
	@cargo fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	cargo fmt --manifest-path $(EXAMPLE)/Cargo.toml --check
	$(CARGO) clippy --manifest-path $(EXAMPLE)/Cargo.toml --all-targets -- -D warnings

.PHONY: build
build: toolchain
	@$(CARGO) build --workspace --bin rollgate

.PHONY: example
example: toolchain
	@$(CARGO) build --manifest-path $(EXAMPLE)/Cargo.toml --release --target $(WASM)

# A guest of the tests that is built for WASI, with the target that this takes.
.PHONY: wasi-guest
wasi-guest: toolchain
	@libdir="$$(rustc --print target-libdir --target $(WASI) 2>/dev/null || true)"
	[[ -d "$$libdir" ]] || rustup target add $(WASI)
	$(CARGO) build --package rollgate-wasi-guest --profile guest --target $(WASI)

# What the project needs on a machine that has only Rust by rustup.
.PHONY: toolchain
toolchain:
	@command -v cargo >/dev/null || { echo "make: Rust is missing; see https://rustup.rs" >&2; exit 1; }
	command -v cc >/dev/null || { echo "make: a C compiler is missing (Debian: apt-get install build-essential)" >&2; exit 1; }
	libdir="$$(rustc --print target-libdir --target $(WASM) 2>/dev/null || true)"
	[[ -d "$$libdir" ]] || rustup target add $(WASM)

.PHONY: prometheus
prometheus:
	@tests/get-prometheus.sh $(TOOLS) >/dev/null

.PHONY: control-plane
control-plane:
	@tests/get-control-plane.sh $(TOOLS) >/dev/null
