# Two commands: `make demo` sets up and plays the main job; `make test` sets up and runs the tests.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test quick lint
setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

demo: setup
	$(BIN)/bench run --defense mmguard --attack lora_sft

test: setup
	$(BIN)/python -m pytest

quick: setup
	$(BIN)/python -m pytest -m 'not slow and not browser'

lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
