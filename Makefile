# Two commands do all the set-up: `make demo` and `make test`. They need Python 3.10 or later with
# venv and pip, and the package index. Of the others, `make lint` checks style and types, `make docs`
# writes docs/coverage.md anew, and `make clean` removes what they made.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint docs clean

demo: $(VENV)/installed
	$(BIN)/python -m examples.demo

test: $(VENV)/installed-test
	$(BIN)/python -m pytest

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/installed-test
	$(BIN)/python docs/write_coverage.py

clean:
	rm -rf $(VENV) build *.egg-info demo-output explore-output

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed; name one with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: setup.cfg pyproject.toml | $(BIN)/python
	$(INSTALL) --editable .
	touch $@

$(VENV)/installed-test: setup.cfg pyproject.toml | $(BIN)/python
	$(INSTALL) --editable '.[test]'
	touch $@ $(VENV)/installed

$(VENV)/installed-lint: setup.cfg pyproject.toml | $(BIN)/python
	$(INSTALL) --editable '.[test,lint]'
	touch $@ $(VENV)/installed $(VENV)/installed-test
