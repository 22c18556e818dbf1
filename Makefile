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

# Which Kubernetes the tests run on: `current`, or `oldest` for the oldest one that is supported.
KUBERNETES := current

.PHONY: test
test: toolchain prometheus faketime control-plane build example wasi-guest ## Runs every test there is, and all of them where some fail; `make test KUBERNETES=oldest` on 1.30
	@export ROLLGATE_PROMETHEUS="$$(tests/get-prometheus.sh $(TOOLS))"
	export ROLLGATE_FAKETIME="$$(tests/get-faketime.sh $(TOOLS))"
	export ROLLGATE_CONTROL_PLANE="$$(tests/get-control-plane.sh $(TOOLS) $(KUBERNETES))"
	status=0
	$(CARGO) test --no-fail-fast --workspace -- --include-ignored || status=$$?
	$(CARGO) test --no-fail-fast --manifest-path $(EXAMPLE)/Cargo.toml || status=$$?
	exit $$status

.PHONY: bench
bench: toolchain control-plane ## Measures evaluations, the server, loading and its cost in a cluster; takes a release build
	@export ROLLGATE_CONTROL_PLANE="$$(tests/get-control-plane.sh $(TOOLS))"
	$(CARGO) build --release --workspace --bin rollgate
	$(CARGO) bench --workspace --bench evaluate --bench fairness --bench serve --bench load --bench check --bench cluster

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

FUZZERS := review yaml component prometheus promql settings
SECONDS := 60

.PHONY: fuzz
fuzz: ## Runs each fuzzer for SECONDS (60) on a nightly toolchain; `make fuzz FUZZERS=yaml SECONDS=3600`
	@rustup toolchain list | grep -q ^nightly || { echo "make fuzz: a nightly toolchain is missing: rustup toolchain install nightly --profile minimal" >&2; exit 1; }
	fuzz="$$(tests/get-cargo-tool.sh cargo-fuzz 0.13.2 $(TOOLS))"
	for fuzzer in $(FUZZERS); do
		found=target/fuzz/$$fuzzer
		mkdir -p "$$found"
		RUSTUP_TOOLCHAIN=nightly "$$fuzz" run --target-dir target/fuzz/build "$$fuzzer" "$$found" "fuzz/corpus/$$fuzzer" -- \
			-max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=4096 -max_len=65536 -print_final_stats=1
	done

.PHONY: upgrade
upgrade: build control-plane ## Upgrades the commit FROM to this one by Helm, under load; `make upgrade FROM=v0.1.0`
	@[[ -n "$(FROM)" ]] || { echo "make upgrade: say from which commit: make upgrade FROM=v0.1.0" >&2; exit 1; }
	export ROLLGATE_CONTROL_PLANE="$$(tests/get-control-plane.sh $(TOOLS))"
	old=target/upgrade/tree
	[[ -d "$$old" ]] || git worktree add --detach --force "$$old" "$(FROM)"
	git -C "$$old" checkout --detach --quiet "$(FROM)"
	$(CARGO) build --manifest-path "$$old/Cargo.toml" --target-dir target/upgrade/build --package rollgate
	$(CARGO) build --package rollgate-tests --bin upgrade
	target/debug/upgrade target/upgrade/build/debug/rollgate "$$old/deploy/chart"

.PHONY: deny
deny: toolchain ## Checks the dependencies: licences, sources, bans and, where their database can be had, vulnerabilities
	@deny="$$(tests/get-cargo-tool.sh cargo-deny 0.20.2 $(TOOLS))"
	"$$deny" --locked check licenses bans sources
	if "$$deny" fetch db >/dev/null 2>&1; then
		"$$deny" --locked check advisories
	else
		echo "make deny: the database of vulnerabilities cannot be had here (github.com/rustsec/advisory-db), so they were NOT checked" >&2
	fi

.PHONY: sbom
sbom: toolchain ## Writes a bill of materials of the program (CycloneDX) to target/rollgate.cdx.json
	@cyclonedx="$$(tests/get-cargo-tool.sh cargo-cyclonedx 0.5.9 $(TOOLS))"
	"$$cyclonedx" cyclonedx --quiet --manifest-path host/Cargo.toml --format json --target all --override-filename rollgate.cdx
	mkdir -p target
	mv host/rollgate.cdx.json target/
	find . -name rollgate.cdx.json -not -path './target/*' -delete
	echo target/rollgate.cdx.json

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

.PHONY: faketime
faketime:
	@tests/get-faketime.sh $(TOOLS) >/dev/null

.PHONY: control-plane
control-plane:
	@tests/get-control-plane.sh $(TOOLS) $(KUBERNETES) >/dev/null
