# Firstpass. `make demo` and `make test` work on a fresh machine (Debian, Python 3.11+, make): they make their own environment.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CORE   := $(VENV)/.core
STAMP  := $(VENV)/.installed
DESK   := $(VENV)/.desk
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test browser check bench docs format clean
help: ## say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(CORE): pyproject.toml constraints.txt
	@echo "== making an environment in $(VENV) and installing Firstpass (about 1 minute) =="
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Firstpass needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "no venv module: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(STAMP): $(CORE)
	@echo "== installing what the tests need (about 1 minute) =="
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# The review desk's pages: made by the package's build; again here when their sources have changed.
$(DESK): $(CORE) $(shell find frontend -type f -not -path '*/node_modules/*' 2>/dev/null)
	@$(BIN)/python frontend/build.py || echo "== going on without the review desk's pages =="
	@mkdir -p $(@D) && touch $@

demo: $(CORE) $(DESK) ## run the whole loop on a made-up data set, offline, and write a report
	@echo "== the whole loop on a made-up data set: label, train, propose, review, repeat; no network =="
	$(BIN)/firstpass demo demo-shelf --fresh

# The end-to-end tests drive the system's Chromium; where it cannot be had they are skipped, with a word.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "== installing Chromium for the end-to-end tests (apt-get, about 1 minute) =="; \
	    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 || echo "   not to be had: the end-to-end tests will be skipped"; \
	  else echo "== no Chromium: the end-to-end tests will be skipped (apt-get install chromium) =="; fi; }

test: $(STAMP) $(DESK) browser ## all tests and gates (ruff, pyright, layers, sizes)
	@echo "== gates: ruff, pyright; then all tests (layers and sizes among them) =="
	$(BIN)/ruff check src tests bench
	$(BIN)/ruff format --check src tests bench
	$(BIN)/pyright
	$(BIN)/pytest -q -n 2 --dist loadfile

check: $(STAMP) ## the gates alone, quickly
	$(BIN)/ruff check src tests bench
	$(BIN)/pyright
	$(BIN)/pytest -q tests/gates

bench: $(STAMP) ## all benchmarks, with peers where they are installed
	$(BIN)/python -m bench

docs: $(STAMP) ## write the generated reference pages
	$(BIN)/python docs/generate.py

format: $(STAMP)
	$(BIN)/ruff check --fix src tests bench
	$(BIN)/ruff format src tests bench

clean: ## remove the environment, the built pages and the demo
	rm -rf $(VENV) demo-shelf frontend/node_modules src/firstpass/web/static
