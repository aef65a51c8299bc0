# Every way of running this project, for people and for CI alike.
# Needs GNU make and Python 3.11 or 3.12; everything else goes into .venv, pinned by requirements.lock.
#
#   make check                   make demo OUT=somewhere         make lock UPGRADE=1
#   make PYTHON=/path/to/python3.12 test                         make test PYTEST_ARGS='-k tree'

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UNFINISHED := build/.environment-unfinished
UV := uv==0.13.9
PYTEST := $(BIN)/python -m pytest -q -n auto

# What stands outside must not leak into the environment.
unexport PYTHONHOME PYTHONPATH

# The published vectors, where a copy stands beside the checkout.
ifndef VERKLE_VECTORS
ifneq ($(wildcard ../shared/vectors/.),)
export VERKLE_VECTORS := $(shell cd ../shared/vectors && pwd)
endif
endif

.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test test-slow check lint types architecture bench peers docs lock clean FORCE

help:  ## list the targets
	@awk -F ':.*## *' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

demo: $(READY)  ## show a builder and a stateless client at work (OUT=DIR keeps what it writes)
	$(BIN)/verkle demo $(if $(OUT),--out "$(OUT)")

# Where the fastest engine is compiled, the longest tests run in full with it and in a sample with plain Python.
WITH_ENGINES := tests/verkle tests/witness tests/vectors tests/interop tests/fuzz

test: $(READY)  ## run every test but the slow ones, with plain Python and with the fastest engine
	$(PYTEST) -m "not slow" $(PYTEST_ARGS)
	$(PYTEST) -m "not slow" --engine auto $(WITH_ENGINES) $(PYTEST_ARGS)

test-slow: test  ## run every test, the slow ones too (these with the fastest engine)
	$(PYTEST) -m slow --engine auto $(PYTEST_ARGS)

check: lint types architecture test  ## lint, types, architecture and tests: everything CI does

lint: $(READY)  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## mypy, strict
	$(BIN)/mypy

architecture: $(READY)  ## import-linter: floors and doors
	$(BIN)/lint-imports --no-logo

bench: $(READY)  ## measure trees, proofs and witnesses on this machine, beside the peers that are built
	$(BIN)/verkle bench --peers

peers:  ## build the programs that tests and benchmarks compare with: Go, WebAssembly, JavaScript
	@sh tests/bench/peers/build.sh build/peers

# ---- documentation -------------------------------------------------------------------------------------------------
# The pages keep their places (README.md at the top, chapters under spec/), and the sources are copied along,
# so that a link between files holds in the repository and in the site. The list of decisions is made here.

PAGES := build/docs
DECISIONS := $(PAGES)/spec/decisions/README.md

docs: $(READY)  ## build the site from README, CHANGELOG and spec/ into site/
	rm -rf $(PAGES) site
	mkdir -p $(PAGES)/spec/decisions
	cp README.md CHANGELOG.md CONTRIBUTING.md LICENSE Makefile pyproject.toml $(PAGES)/
	find $(wildcard spec verkle witness stateless accel builder cli tests) -name '*.py' -o -path 'spec/*' -name '*.md' -o -path 'spec/*' -name '*.svg' \
	    | tar cf - -T - | tar xf - -C $(PAGES)
	printf '# Decisions\n\n' > $(DECISIONS)
	for page in spec/decisions/[0-9]*.md; do \
	    printf -- '- [%s](%s)\n' "$$(sed -n 's/^# *//p' "$$page" | head -n 1)" "$${page##*/}" >> $(DECISIONS) || exit 1; \
	done
	$(BIN)/mkdocs build --quiet --strict
	@echo "site/index.html"

# ---- environment ---------------------------------------------------------------------------------------------------

lock:  ## write requirements.lock anew from pyproject.toml (UPGRADE=1 takes the newest of everything)
	@$(FIND_PYTHON); "$$python" -m venv --clear build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check "$(UV)"
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	    $(if $(UPGRADE),--upgrade) --extra dev --extra docs --output-file requirements.lock pyproject.toml

clean:  ## remove everything that make has made, .venv too
	rm -rf $(VENV) build dist site .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Sets $$python to the first candidate that runs, is 3.11 or 3.12 and can make environments.
PROBE := import ensurepip, sys, venv; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))
CANDIDATES := $(if $(PYTHON),"$(PYTHON)",python3.11 python3.12 python3)
define FIND_PYTHON
for python in $(CANDIDATES) ''; do \
    if [ -n "$$python" ] && "$$python" -c '$(PROBE)' >/dev/null 2>&1; then break; fi; \
done; \
if [ -z "$$python" ]; then \
    echo "error: no Python 3.11 or 3.12 with venv among: $(subst ",,$(CANDIDATES)); try make PYTHON=..." >&2; \
    exit 1; \
fi
endef

# An explicit PYTHON of another version than the environment's asks for a new environment.
VERSION := import sys; print(*sys.version_info[:2])
ifneq ($(PYTHON),)
ifneq ($(shell "$(PYTHON)" -c '$(VERSION)' 2>/dev/null),$(shell $(BIN)/python -c '$(VERSION)' 2>/dev/null))
$(READY): FORCE
endif
endif

# An environment that runs, that no interruption left half-made and that is of the wanted version is brought up to the
# lock; any other is made anew. The last install, offline, fails where the lock does not satisfy pyproject.toml.
$(READY): requirements.lock pyproject.toml
	@rm -f $@
	@mkdir -p build
	@$(FIND_PYTHON); \
	if [ -e $(UNFINISHED) ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1 \
	    || ! $(BIN)/python -c '$(PROBE)' >/dev/null 2>&1 \
	    || { [ -n "$(PYTHON)" ] && [ "$$("$$python" -c '$(VERSION)')" != "$$($(BIN)/python -c '$(VERSION)')" ]; }; then \
	    echo "making $(VENV) with $$python"; \
	    touch $(UNFINISHED); \
	    "$$python" -m venv --clear $(VENV) || exit 1; \
	fi
	@touch $(UNFINISHED)
	@echo "installing requirements.lock into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --only-binary :all: \
	    -r requirements.lock
	@rm -f $(UNFINISHED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-index --no-build-isolation \
	    -e '.[dev,docs]'
	@touch $@
