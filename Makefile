# make demo   a film, its index, and questions about it, with nothing but this repository
# make test   everything that has to hold: style, types, layers, tests
# make check  the first three of these alone
# make test-properties  the property tests with examples that were not tried before
# make test-cluster  evaluation on a Ray cluster that loses a node (installs the extra 'ray')
# make bench  measurements, side by side with their baselines
# make readme PARTS="loop tools"  renews what the documents say was measured, by default the demo

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# A machine without a GPU takes the CPU build of torch and the versions this tree was tested with.
CONSTRAINTS ?= $(if $(shell command -v nvidia-smi 2>/dev/null),,-c constraints-cpu.txt)
export OMP_WAIT_POLICY ?= PASSIVE
export LITELLM_LOCAL_MODEL_COST_MAP ?= True

.PHONY: setup setup-dev demo test test-properties test-cluster check bench bench-models bench-tools \
  readme clean

setup: $(VENV)/.ready
setup-dev: $(VENV)/.ready-dev

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "videorlm needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: pyproject.toml constraints-cpu.txt | $(BIN)/python
	@echo "installing into $(VENV): about 2 GB, a few minutes"
	@$(BIN)/python -m pip install --quiet $(CONSTRAINTS) -e . || { \
	  echo "The install failed. If it did not find torch's CPU build, point pip at PyTorch's CPU wheels" >&2; \
	  echo "(PIP_EXTRA_INDEX_URL, see PyTorch's install page), or take what pip finds: make CONSTRAINTS= ..." >&2; \
	  exit 1; }
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@$(BIN)/python -m pip install --quiet $(CONSTRAINTS) -e '.[dev]'
	@touch $@

demo: $(VENV)/.ready
	@$(BIN)/videorlm demo demo

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-properties: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m hypothesis --hypothesis-profile=searching

test-cluster: $(VENV)/.ready-dev
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) -e '.[ray]'
	$(BIN)/python -m pytest -m cluster

bench: $(VENV)/.ready-dev
	@for file in $(filter-out %_models.py %_questions.py %_tools.py %_search.py,$(wildcard tests/bench/bench_*.py)); do $(BIN)/python $$file || exit 1; done

# the gates of the built-in models, and how hard the questions of the built-in films are
bench-models: $(VENV)/.ready-dev
	$(BIN)/python tests/bench/bench_questions.py
	$(BIN)/python tests/bench/bench_models.py

# the tools for searching and foretelling, beside their baselines
bench-tools: $(VENV)/.ready-dev
	$(BIN)/python tests/bench/bench_tools.py
	$(BIN)/python tests/bench/bench_search.py

# the measured blocks of the documents; tests/bench/readme.py lists the parts
PARTS ?= demo
readme: $(VENV)/.ready-dev
	$(BIN)/python tests/bench/readme.py $(PARTS)

clean:
	rm -rf $(VENV) demo dist build
