# The front door: `make demo` shows the main job, `make test` runs the whole suite.
# Both set up what they need: a virtual environment in .venv, and the Debian
# packages named below where they are missing and we are root.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Tests wait for other processes now and then, so there is one worker more than processors.
WORKERS ?= $(shell echo $$(($$(nproc) + 1)))
# Threads of linear algebra that wait for each other take a third more processor time.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

# Installs Debian packages as root; anybody else is told what to install.
define debian-install
{ if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1); \
  else echo "please install as root: $(1)" >&2; exit 2; fi; }
endef

.PHONY: help setup debian debian-test browser demo assets serve screenshots test lint types layers schemas check-schemas check-readme bench curves soak fuzz accuracy accuracy-clips clean

help:
	@echo "make demo     a throw-away agency signs, and its copies are verified"
	@echo "make serve    the page, with a throw-away agency, on port 8080"
	@echo "make test     the whole test suite"
	@echo "make lint     style, types, layers, schemas, README"
	@echo "make bench    speed, side by side with its rivals"
	@echo "make curves   how cost grows with batch, register, video and clients, as pictures (minutes)"
	@echo "make soak     hostile files at full size; service and cluster while parts are taken away"
	@echo "make fuzz     every parser under a coverage-guided fuzzer, SECONDS=600 each, JOBS=1"
	@echo "make accuracy how well copies of registered pictures, video and sound are found (hours)"
	@echo "make screenshots  pictures of every page and verdict, in screenshots/"
	@echo "make schemas  write the JSON Schemas again"

# pdqhash comes as source: it takes a C++ compiler and Python's headers to install it.
HAS_HEADERS := import os, sysconfig as s; os.stat(os.path.join(s.get_path("include"), "Python.h"))
debian:
	@$(PYTHON) -c "import venv, ensurepip" 2>/dev/null || $(call debian-install,python3-venv)
	@command -v c++ >/dev/null && $(PYTHON) -c '$(HAS_HEADERS)' 2>/dev/null \
	  || $(call debian-install,g++ python3-dev)

# strace shows that the optional second engine opens no socket; softhsm2 keeps a key as
# hardware would; exiftool says, independently of us, what metadata a file still has; with
# libseccomp2 worker processes are refused system calls; fpcalc says what Chromaprint's own
# library makes of a sound; ffmpeg makes the frame signatures of which a video's ISCC is made.
# Chromium shows the pages as readers have them, with letters for every language; node's
# npm brings the reader of credentials that runs in the browser.
debian-test: browser
	@ldconfig -p | grep -q libseccomp.so.2 \
	  && command -v strace softhsm2-util exiftool fpcalc ffmpeg >/dev/null \
	  && test "$$(command -v strace softhsm2-util exiftool fpcalc ffmpeg | wc -l)" = 5 \
	  && fc-list | grep -qi cjk && fc-list | grep -qi thai \
	  || $(call debian-install,strace softhsm2 libimage-exiftool-perl libseccomp2 \
	    libchromaprint-tools ffmpeg fontconfig fonts-noto-cjk fonts-noto-core)

# Without its windows it takes a third of the time, so that is preferred where there is a
# package of it; with them it does as well.
browser:
	@command -v chromium-headless-shell >/dev/null \
	  || ($(call debian-install,chromium-headless-shell)) >/dev/null 2>&1 \
	  || command -v chromium >/dev/null \
	  || $(call debian-install,chromium)

$(STAMP): pyproject.toml | debian
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	$(BIN)/python -m compileall -q provenance
	touch $@

setup: $(STAMP)

demo: $(STAMP)
	$(BIN)/python examples/demo.py

# What the page's "check on my device" loads. Pinned with its digests in package-lock.json,
# which names no registry: whatever npm is set up to ask has to deliver exactly these bytes.
READER := provenance/pages/static/c2pa-reader.js
READER_SOURCE := provenance/pages/reader
$(READER): $(READER_SOURCE)/package.json $(READER_SOURCE)/package-lock.json $(READER_SOURCE)/reader.js
	@command -v npm >/dev/null || $(call debian-install,npm)
	cd $(READER_SOURCE) && npm ci --ignore-scripts --no-audit --no-fund --silent && npm run --silent build

assets: $(READER)

serve: $(STAMP) $(READER)
	$(BIN)/python -m examples.serve

screenshots: $(STAMP) debian-test $(READER)
	$(BIN)/python -m tests.browser.screenshots screenshots

test: $(STAMP) debian-test $(READER)
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -q

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
	$(BIN)/python -m tests.benchmarks.service

# Into tests/benchmarks/curves, which the README shows; LIMIT=1000 leaves larger sizes out.
curves: $(STAMP)
	$(BIN)/python -m tests.benchmarks.curves $(if $(LIMIT),--limit $(LIMIT))

soak: $(STAMP) debian-test
	$(BIN)/python -m tests.benchmarks.soak
	$(BIN)/python -m tests.soak.service
	$(BIN)/python -m tests.soak.bulk

SECONDS ?= 600
JOBS ?= 1

fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS) --jobs $(JOBS) $(TARGETS)

# Not part of the tests: hours of one core.
accuracy: $(STAMP) accuracy-clips
	$(BIN)/python -m tests.benchmarks.accuracy_pictures

accuracy-clips: $(STAMP)
	$(BIN)/python -m tests.benchmarks.accuracy_clips --clips 50 --tracks 50
	$(BIN)/python -m tests.benchmarks.clip_cost

clean:
	rm -rf $(VENV) .fuzz provenance/pages/reader/node_modules screenshots demo-out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
