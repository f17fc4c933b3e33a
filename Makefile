# make demo: build and show the main job.    make test: build and pass the tests.
# Needs Python >= 3.11 with its headers and a C compiler; everything else goes into .venv.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
SECONDS ?= 60
JOBS ?= 2
PYTEST_ARGS ?=

BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py $(wildcard streamsql/_core/*.pyx streamsql/_core/*.pxd streamsql/_core/*.h)

.PHONY: demo test bench lint clean

# Nothing but the demo's own output may reach stdout, so that it can be piped on.
demo: $(VENV)/.installed
	@$(BIN)/streamsql demo --seconds $(SECONDS)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n $(JOBS) $(PYTEST_ARGS)

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks

lint: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q tests/project

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f streamsql/_core/*.c streamsql/_core/*.so
	find . -name __pycache__ -prune -exec rm -rf {} +

# The editable install builds the extension modules beside their sources, so that what is tested is this tree.
$(VENV)/.installed: $(SOURCES) | $(VENV)/.created
	@echo "building streamsql into $(VENV) (a minute or two)" >&2
	@$(BIN)/python -m pip install --quiet -e . >&2
	@touch $@

$(VENV)/.installed-test: $(SOURCES) | $(VENV)/.created
	@echo "building streamsql and its test tools into $(VENV) (a minute or two)" >&2
	@$(BIN)/python -m pip install --quiet -e '.[test]' >&2
	@touch $@ $(VENV)/.installed

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "no Python >= 3.11 found; set PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >&2
	@$(BIN)/python -m pip install --quiet --upgrade pip >&2
	@touch $@
