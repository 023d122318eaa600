# `make demo` and `make test` need Python 3.11 or newer and make; they set up everything else in .venv themselves.
# On a machine with a GPU: `make demo TORCH=` installs the PyTorch that pip would choose, with CUDA.
PYTHON ?= python3
TORCH ?= -c constraints-cpu.txt
BIN := .venv/bin
RUN ?= runs/demo

.PHONY: demo test check words bench learning full browser docs format clean

demo: .venv/core  ## train a GAN to draw the digit it is asked for: pictures, curves and scores in runs/demo
	$(BIN)/saddle train cgan --data digits --plan.rounds 2500 --plan.at_most 10 --run $(RUN)
	@echo "Open $(RUN)/report.html"

test: .venv/dev  ## the fast tests
	$(BIN)/python -m pytest -n 2

check: .venv/dev  ## format, lint, words and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python tools/words.py
	$(BIN)/mypy

words: .venv/dev  ## words that readers would read twice, and tensor functions that do not say their shapes: none
	$(BIN)/python tools/words.py

learning: .venv/dev  ## train every recipe to its score (minutes each)
	$(BIN)/python -m pytest -m learning -rA

full: .venv/dev  ## one round of every game at its paper's full size (minutes and much memory each)
	$(BIN)/python -m pytest -m full -rA

browser: .venv/dev  ## drive the pages in Chromium, which must be installed
	$(BIN)/python -m pytest -m browser -rA

bench: .venv/dev  ## side by side with the usual loop; writes bench.json
	$(BIN)/python -m benchmarks

docs: .venv/dev  ## the site, in site/
	$(BIN)/zensical build

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv site bench.json

.venv/core: pyproject.toml constraints-cpu.txt
	$(PYTHON) -c 'import sys; sys.exit("Saddle needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q $(TORCH) -e .
	@touch $@

.venv/dev: .venv/core
	$(BIN)/python -m pip install -q $(TORCH) -e '.[dev]'
	@touch $@
