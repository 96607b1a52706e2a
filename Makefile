# Everything a developer does, each target doing its own set-up. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
STAMP := .venv/.set-up
PEER_STAMP := .venv-peer/.set-up
BROWSER_STAMP := .venv/.set-up-browser
FAST_TESTS := tests/core tests/house
COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header \
	--universal --python-version 3.11 --no-config

.PHONY: help setup demo test test-browser check lint format sim soak bench bench-quick bench-peer \
	merchants-report lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv from the hash-pinned lock files (does nothing when up to date)

$(STAMP): requirements/dev.txt pyproject.toml
	@python=""; \
	for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			python="$$candidate"; break; \
		fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Signets needs Python 3.11 or newer, and none was found on PATH: install one and run make again." >&2; \
		exit 1; \
	fi; \
	echo "==> 1/3 virtual environment in .venv ($$("$$python" --version))"; \
	if ! "$$python" -m venv .venv; then \
		echo "Python's venv module does not work here. On Debian or Ubuntu: apt install python3-venv" >&2; \
		exit 1; \
	fi
	@echo "==> 2/3 pinned packages from requirements/dev.txt (about a minute the first time)"
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/dev.txt \
		| { grep --line-buffered -v '^Requirement already satisfied' || true; }
	@echo "==> 3/3 signets itself"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $(STAMP)
	@echo "==> ready: $(BIN)/signets"

demo: setup  ## play the whole purchase loop on a temporary database
	@$(BIN)/signets demo

test: setup  ## every test but those that need a browser
	@echo "==> left out: tests marked 'browser'"
	$(BIN)/python -m pytest -m 'not browser' -n 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-browser: setup $(BROWSER_STAMP)  ## the tests that need a browser: Chromium on PATH
	@if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null \
		&& ! command -v google-chrome >/dev/null; then \
		echo "No Chromium on PATH. On Debian or Ubuntu: apt install --no-install-recommends chromium" >&2; \
		exit 1; \
	fi
	$(BIN)/python -m pytest -m browser $(PYTEST_ARGS) tests/browser

$(BROWSER_STAMP): requirements/browser.txt $(STAMP)
	@echo "==> pinned packages from requirements/browser.txt"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements/browser.txt
	@touch $(BROWSER_STAMP)

check: lint  ## `lint` and the fast tests: before each commit
	$(BIN)/python -m pytest -q $(FAST_TESTS)

lint: setup  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: setup  ## rewrite the code in the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

sim: setup  ## play one seeded world of the simulation again, with its story: make sim SEED=7
	SIM_SEED=$(or $(SEED),0) $(BIN)/python -m pytest -q -s tests/simulation/test_worlds.py

soak: setup  ## simulation and kill -9 in their long form (MINUTES=90 to stop after so long)
	@$(BIN)/python -m tests.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

bench: setup  ## the full measurements (docs/bench.md): SECTIONS=latency,hot HISTORY=500000 for less
	@$(BIN)/python -m bench $(if $(SECTIONS),--sections $(SECTIONS)) \
		$(if $(HISTORY),--history $(HISTORY)) $(BENCH_ARGS)

bench-quick: setup  ## authorizations per second against pgbench, under a minute
	@$(BIN)/python -m bench.quick

bench-peer: setup $(PEER_STAMP)  ## agent-bouncer beside ours, and as a differential oracle
	@$(BIN)/python -m bench.peer

$(PEER_STAMP): requirements/peer.txt
	@echo "==> the peer's own environment in .venv-peer"
	@$(BIN)/python -m venv .venv-peer
	@.venv-peer/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes \
		-r requirements/peer.txt
	@touch $(PEER_STAMP)

merchants-report: setup  ## how well the merchant lock holds, on rows not tuned on
	@$(BIN)/python -m merchants_report

lock: setup  ## write requirements/*.txt anew from pyproject.toml (add UPGRADE=--upgrade to move on)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements/uv.txt
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements/sdk.txt
	$(COMPILE) $(UPGRADE) --extra server -c requirements/sdk.txt pyproject.toml -o requirements/server.txt
	$(COMPILE) $(UPGRADE) --extra server --group dev -c requirements/server.txt pyproject.toml -o requirements/dev.txt
	$(COMPILE) $(UPGRADE) --group browser -c requirements/dev.txt -o requirements/browser.txt
	$(COMPILE) $(UPGRADE) requirements/peer.in -o requirements/peer.txt

clean:  ## remove what the other targets made
	rm -rf .venv .venv-peer build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
