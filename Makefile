# The front door: `make demo` shows the main job, `make test` runs the whole suite.
# Both set up what they need: a virtual environment in .venv, and the Debian
# packages named below where they are missing and we are root.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Installs Debian packages as root; anybody else is told what to install.
define debian-install
{ if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1); \
  else echo "please install as root: $(1)" >&2; exit 2; fi; }
endef

.PHONY: help setup debian debian-test demo test lint types layers schemas check-schemas check-readme bench soak accuracy-clips accuracy fuzz clean

help:
	@echo "make demo     a throw-away agency signs, and its copies are verified"
	@echo "make test     the whole test suite"
	@echo "make lint     style, types, layers, schemas, README"
	@echo "make bench    speed, side by side with its rivals"
	@echo "make soak     hostile files at full size, processes and a cluster's node killed meanwhile"
	@echo "make fuzz     every parser under a coverage-guided fuzzer, SECONDS=600 each, JOBS=1"
	@echo "make accuracy-clips  how well copies of video and sound are found again"
	@echo "make accuracy how well copies of registered pictures are found (hours)"
	@echo "make schemas  write the JSON Schemas again"

debian:
	@$(PYTHON) -c "import venv, ensurepip" 2>/dev/null || $(call debian-install,python3-venv)

# strace shows that the optional second engine opens no socket; softhsm2 keeps a key as
# hardware would; exiftool says, independently of us, what metadata a file still has; with
# libseccomp2 worker processes are refused system calls; fpcalc says what Chromaprint's own
# library makes of a sound.
debian-test:
	@ldconfig -p | grep -q libseccomp.so.2 && command -v strace >/dev/null && command -v softhsm2-util >/dev/null \
	  && command -v exiftool >/dev/null && command -v fpcalc >/dev/null \
	  || $(call debian-install,strace softhsm2 libimage-exiftool-perl libseccomp2 libchromaprint-tools)

$(STAMP): pyproject.toml | debian
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

setup: $(STAMP)

demo: $(STAMP)
	$(BIN)/python examples/demo.py

test: $(STAMP) debian-test
	$(BIN)/python -m pytest -n auto --dist worksteal -q

lint: $(STAMP) check-schemas check-readme
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

schemas: $(STAMP)
	$(BIN)/python -m provenance.schema_documents

check-schemas: $(STAMP)
	$(BIN)/python -m provenance.schema_documents --check

check-readme: $(STAMP)
	$(BIN)/python -m pytest -q -n0 tests/integration/test_readme.py

bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks.table

soak: $(STAMP) debian-test
	$(BIN)/python -m tests.benchmarks.soak
	$(BIN)/python -m tests.soak.bulk

SECONDS ?= 600
JOBS ?= 1

fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS) --jobs $(JOBS) $(TARGETS)

# Not part of the tests: 50 clips and 50 tracks take about half an hour of one core.
accuracy-clips: $(STAMP)
	$(BIN)/python -m tests.benchmarks.accuracy_clips --clips 50 --tracks 50
	$(BIN)/python -m tests.benchmarks.clip_cost

accuracy: $(STAMP)
	$(BIN)/python -m tests.benchmarks.accuracy_pictures

clean:
	rm -rf $(VENV) .fuzz demo-out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
