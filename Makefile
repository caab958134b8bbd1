# One command for each thing people do here. Every target prepares what it needs; a second run
# downloads nothing, because each step leaves a stamp named after the content that it installed.

VENV := .venv
PYTHON_BIN := $(VENV)/bin/python
LOCKS := docker/requirements
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

key = $(shell { echo "$(CURDIR)"; cat $(1); } | cksum | tr ' ' '-')
VENV_STAMP := $(VENV)/.lock-$(call key,$(LOCKS)/dev.txt $(LOCKS)/install.sh)
PROJECT_STAMP := $(VENV)/.project-$(call key,pyproject.toml)
ANVIL_STAMP := chains/devnet/node_modules/.lock-$(call key,chains/devnet/package-lock.json)
ORACLES_STAMP := tests/oracles/node_modules/.lock-$(call key,tests/oracles/package-lock.json)
CONTRACTS_STAMP := tests/contracts/node_modules/.lock-$(call key,tests/contracts/package-lock.json)

export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/.cache/hypothesis
# Tests start many processes, and each imports a hundred libraries: compiled once, also where this
# machine's environment says otherwise.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/pycache

.PHONY: help setup demo up check test test-long lint sim sim-long kills kill-points bench soak properties fuzz golden \
    openapi errors drawings locks clean lint-ruff lint-format lint-types lint-imports

help:
	@echo 'make setup    prepare everything: .venv, hash-pinned packages, anvil, bitcoind, SoftHSM2, PgBouncer'
	@echo 'make demo     five local networks, deposits and transfers through the API, proven on the nodes'
	@echo 'make up       the same networks and services, until Ctrl-C'
	@echo 'make check    lint, types, import contracts, quick tests; about a minute, without Node or engines'
	@echo 'make test     lint, types, import contracts, tests; about a quarter of an hour'
	@echo 'make test-long  the tests that take minutes'
	@echo 'make lint     only the checks that run no code'
	@echo 'make kills    500 payouts on each network while processes are killed: PAYOUTS=500 MINUTES=10 SEED=0'
	@echo 'make kill-points  one payment for each boundary of a worker, who dies there, on each network'
	@echo 'make sim      games against everything that goes wrong: SEED=0 GAMES=200 STEPS=40'
	@echo 'make sim-long ten thousand of them, or as many as MINUTES=60 allow'
	@echo 'make bench    ours beside the peers and the limits'
	@echo 'make soak     ten minutes of payouts at ten a second; red if one waits for more than 5 s'
	@echo 'make properties  the property tests, with cases that were never drawn before'
	@echo 'make fuzz     coverage-guided fuzzing of the decoders'
	@echo 'make golden   write the golden files again (docs/formats.md says when)'
	@echo 'make openapi  write docs/openapi.json again'
	@echo 'make errors   write docs/errors.md again'
	@echo 'make drawings draw the diagrams of docs/architecture.md again'
	@echo 'make locks    resolve all dependencies again'
	@echo 'make clean    remove everything that setup made'

setup: $(PROJECT_STAMP) $(ANVIL_STAMP) $(ORACLES_STAMP) $(CONTRACTS_STAMP)
	@$(PYTHON_BIN) -m chains.devnet.engines
	@$(PYTHON_BIN) -m tests.support.softhsm
	@$(PYTHON_BIN) -m tests.support.pooler
	@echo 'setup: ready'

$(VENV_STAMP):
	@$(LOCKS)/install.sh $(LOCKS)/dev.txt $(VENV)
	@touch $@

$(PROJECT_STAMP): $(VENV_STAMP)
	@echo 'setup: this project, editable'
	@UV_NO_PROGRESS=1 $(VENV)/bin/uv pip install --quiet --offline --python $(PYTHON_BIN) \
	    --no-deps --no-build-isolation --editable .
	@touch $@

$(ANVIL_STAMP):
	@command -v npm >/dev/null || { echo 'setup: needs Node.js 20 or newer with npm on PATH'; exit 1; }
	@echo 'setup: anvil (npm)'
	@cd chains/devnet && $(NPM_CI)
	@mkdir -p $(@D) && touch $@

$(ORACLES_STAMP):
	@command -v npm >/dev/null || { echo 'setup: needs Node.js 20 or newer with npm on PATH'; exit 1; }
	@echo 'setup: test oracles (npm)'
	@cd tests/oracles && $(NPM_CI)
	@mkdir -p $(@D) && touch $@

$(CONTRACTS_STAMP):
	@command -v npm >/dev/null || { echo 'setup: needs Node.js 20 or newer with npm on PATH'; exit 1; }
	@echo 'setup: contracts of others, for tests (npm)'
	@cd tests/contracts && $(NPM_CI)
	@mkdir -p $(@D) && touch $@

demo: setup
	@$(VENV)/bin/custody devnet demo

up: setup
	@$(VENV)/bin/custody devnet up

# Signers and databases wait for the disk at every step. Where memory has 4 GB of room for files, from
# which programs may run (containers often forbid that), tests wait for nothing.
ROOM_KB := 4000000
IN_MEMORY := $(shell test "$$(df -Pk /dev/shm 2>/dev/null | awk 'END {print $$4}')" -gt $(ROOM_KB) \
    2>/dev/null && at=$$(mktemp -p /dev/shm 2>/dev/null) && printf '#!/bin/sh\n' > $$at \
    && chmod +x $$at && $$at 2>/dev/null && echo /dev/shm; rm -f "$$at")
check test test-long: export TMPDIR := $(or $(IN_MEMORY),$(TMPDIR),/tmp)

check: lint
	@echo 'check: quick tests on two processes'
	@$(PYTHON_BIN) -m pytest -q -n 2 --maxfail 10 \
	    -m 'not (database or engine or long or postgres or slow)' tests/unit tests/architecture

test: setup lint
	@echo 'test: pytest on two processes'
	@$(PYTHON_BIN) -m pytest -q -n 2 --dist loadgroup

test-long: setup
	@echo 'test-long: pytest on two processes'
	@$(PYTHON_BIN) -m pytest -q -n 2 --dist loadgroup -m long

# The four checks beside each other, each with its words in one piece.
LINTS := lint-ruff lint-format lint-types lint-imports

lint: $(PROJECT_STAMP)
	@mkdir -p .cache
	@echo 'lint: ruff, mypy, import contracts'
	@$(MAKE) --no-print-directory -j 4 -k --output-sync $(LINTS)

lint-ruff:
	@$(VENV)/bin/ruff check --quiet .

lint-format:
	@$(VENV)/bin/ruff format --quiet --check .

lint-types:
	@$(PYTHON_BIN) -m mypy --no-error-summary

lint-imports:
	@$(VENV)/bin/lint-imports --no-logo --cache-dir .cache/import-linter

SEED ?= 0
GAMES ?= 200
STEPS ?= 40
MINUTES ?= 60

sim sim-long: export TMPDIR := $(or $(IN_MEMORY),$(TMPDIR),/tmp)

sim: setup
	@$(PYTHON_BIN) -m tests.sim --seed $(SEED) --games $(GAMES) --steps $(STEPS)

sim-long: setup
	@$(PYTHON_BIN) -m tests.sim --seed $(SEED) --games 10000 --steps $(STEPS) --minutes $(MINUTES) --floors

PAYOUTS ?= 500
MINUTES ?= 10

kills: setup
	@$(PYTHON_BIN) -m tests.kills --payouts $(PAYOUTS) --minutes $(MINUTES) --seed $(SEED)

kill-points: setup
	@$(PYTHON_BIN) -m tests.kills --points --minutes $(MINUTES)

bench: setup
	@$(PYTHON_BIN) -m tests.bench

soak: setup
	@$(PYTHON_BIN) -m tests.bench.soak

properties: setup
	@$(PYTHON_BIN) -m pytest -q -n 2 --dist loadgroup --hypothesis-profile new \
	    tests/property $$(grep -rl '^from hypothesis' tests/unit)

fuzz: setup
	@$(PYTHON_BIN) -m tests.fuzz

drawings: $(PROJECT_STAMP)
	@$(PYTHON_BIN) -m tests.architecture.diagrams --write
	@echo 'drawings: docs/architecture.md written'

golden: setup
	@$(PYTHON_BIN) -m tests.golden.make

openapi: setup
	@$(PYTHON_BIN) -m api.openapi docs/openapi.json
	@echo 'openapi: docs/openapi.json written'

errors: setup
	@$(PYTHON_BIN) -m api.errorcodes docs/errors.md
	@echo 'errors: docs/errors.md written'

COMPILE := $(VENV)/bin/uv pip compile --quiet --upgrade --universal --generate-hashes \
    --python-version 3.11 --no-emit-index-url --no-annotate --no-header

# Addresses have no place in a lock: the client knows its registry, the integrity hash the content.
define STRIP_NPM_LOCK
const fs = require("fs"), file = "package-lock.json", lock = JSON.parse(fs.readFileSync(file));
for (const entry of Object.values(lock.packages)) { delete entry.funding; delete entry.resolved; }
fs.writeFileSync(file, JSON.stringify(lock, null, 2) + "\n");
endef
export STRIP_NPM_LOCK

locks: setup
	@echo 'locks: Python packages'
	@$(COMPILE) pyproject.toml --group dev --output-file $(LOCKS)/dev.txt
	@$(COMPILE) pyproject.toml --constraint $(LOCKS)/dev.txt --output-file $(LOCKS)/custody.txt
	@$(COMPILE) --group signer --constraint $(LOCKS)/dev.txt --output-file $(LOCKS)/signer.txt
	@for folder in chains/devnet tests/oracles tests/contracts; do \
	    echo "locks: npm packages of $$folder"; \
	    (cd $$folder && rm -rf package-lock.json node_modules && \
	        npm install --package-lock-only --loglevel=error && \
	        node -e "$$STRIP_NPM_LOCK"); \
	done
	@echo 'locks: done; run make test'

clean:
	rm -rf $(VENV) .cache chains/devnet/node_modules tests/oracles/node_modules tests/contracts/node_modules
