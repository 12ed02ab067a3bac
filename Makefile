# Every target does its own set-up: on a fresh checkout with Python 3.11 and make, `make test` is enough.
# PYTHON=/path/to/python3.11 chooses the interpreter; ~/.cache/edict (EDICT_CACHE) keeps what was built.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

UV_VERSION := $(shell sed -n 's/^uv==\([^ ]*\).*/\1/p' .ci/uv.txt)
BIN := .venv/bin
READY := .venv/.edict-ready
# Two workers: tests that start real parts of one kind stay on one of them (tests/conftest.py).
PYTEST := EDICT_NO_SKIPS=1 $(BIN)/python -m pytest --durations=15 -n 2
# Folders that hold Python by now.
TYPED = $(foreach folder,proto hub spoke-agent tests/env tests/deploy tests/e2e tests/engines tests/property tests/conformance tests/attacks demo bench,$(if $(shell find $(folder) -name '*.py' -print -quit 2>/dev/null),$(folder)))

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The project's own virtualenv, whatever the shell has activated.
unexport VIRTUAL_ENV

.PHONY: help setup parts demo test test-all conformance fuzz bench check types proto fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## virtualenv in .venv with everything in uv.lock, hashes checked

$(READY): pyproject.toml uv.lock .ci/uv.txt
	@if ! [[ -x $(BIN)/python ]]; then \
	  for python in $(or $(PYTHON),python3.11 python3 python); do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [[ -z "$${found:-}" ]]; then \
	    echo 'Error: no Python 3.11 or newer found. Try: install python3.11, or make PYTHON=/path/to/python3.11' >&2; exit 2; \
	  fi; \
	  echo "creating .venv with $$("$$found" --version)" >&2; \
	  "$$found" -m venv .venv || { rm -rf .venv; \
	    echo "Error: $$found cannot create a virtualenv. Try: install its venv package (python3.11-venv)" >&2; exit 2; }; \
	fi
	@if [[ "$$($(BIN)/uv --version 2>/dev/null)" != 'uv $(UV_VERSION) '* ]]; then \
	  echo 'installing uv $(UV_VERSION)' >&2; $(BIN)/python -m pip install --quiet --require-hashes -r .ci/uv.txt; \
	fi
	@echo 'installing what uv.lock names' >&2
	@$(BIN)/uv sync --quiet --locked --all-extras --group dev
	@touch $@

parts: $(READY) ## etcd, kube-apiserver, Calico's API server, helm, CRDs, engines: built once, about 20 minutes on two cores
	@$(BIN)/python -m tests.env build >/dev/null

demo: $(READY) ## a whole federation on this machine, narrated; KEEP=1 leaves it running, CONTEXTS='a b' uses your clusters
	@$(BIN)/python -m demo

test: parts ## what a change needs: all but the slow tests; PYTEST_ARGS='-k name' to choose
	@$(PYTEST) -m 'not slow' $(PYTEST_ARGS)

test-all: parts ## every test
	@$(PYTEST) $(PYTEST_ARGS)

conformance: $(READY) ## the TUF project's own suite against the agent's verification; SUITE=folder of theupdateframework/tuf-conformance
	@[[ -d '$(SUITE)/tuf_conformance' ]] || { echo 'Error: SUITE names no checkout of theupdateframework/tuf-conformance. Try: make conformance SUITE=/path/to/it' >&2; exit 2; }
	@PATH="$$PATH:$(CURDIR)/tests/conformance/bin" $(BIN)/uv run --quiet --no-project --python $(BIN)/python --with '$(SUITE)' \
	  python -m pytest -q -c '$(SUITE)/pyproject.toml' --rootdir '$(SUITE)' '$(SUITE)/tuf_conformance' \
	  --entrypoint '$(CURDIR)/$(BIN)/python $(CURDIR)/tests/conformance/client.py'

fuzz: parts ## random verdicts of every engine against the reference: N of each (100000), from SEED on, of one DIALECT
	@EDICT_FUZZ=$(or $(N),100000) EDICT_FUZZ_SEED=$(or $(SEED),$(shell date +%s)) $(PYTEST) -n 0 -s -q tests/engines/test_fuzz.py \
	  -k 'agree$(if $(DIALECT), and agree[$(DIALECT)])'

bench: parts ## benchmarks against the peers, in one run; ONLY=name for one
	@$(BIN)/python -m bench $(ONLY)

check: $(READY) ## linters, types, layers, lock file, generated code, charts
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(MAKE) types
	@$(BIN)/lint-imports
	@$(BIN)/uv lock --quiet --check
	@$(BIN)/python -m tests.env build helm >/dev/null
	@$(BIN)/python -m pytest --quiet tests/unit/test_contract.py tests/deploy/test_static.py tests/deploy/test_containers.py

types: $(READY) ## mypy alone
	@$(BIN)/mypy $(TYPED)

proto: $(READY) ## regenerate the stubs of the wire contract
	@$(BIN)/python proto/generate.py

fmt: $(READY) ## format, and fix what the linter can
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format

clean: ## remove the virtualenv and caches of this checkout (built parts stay)
	@rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist bench/out
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
