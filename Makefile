# Two commands: `make demo` sets up and plays the main job; `make test` sets up and runs the tests, on two cores.
PYTHON ?= python3
BIN := .venv/bin
TWO := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: setup demo test quick fuzz lint docs walk
setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

demo: setup
	$(BIN)/bench run --defense mmguard --attack lora_sft

test: setup
	$(BIN)/python -m pytest $(TWO)

quick: setup
	$(BIN)/python -m pytest $(TWO) -m 'not slow and not browser'

fuzz: setup
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest $(TWO) tests/fuzz

lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && PYTHONPATH=. $(BIN)/lint-imports

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

walk:
	$(PYTHON) scripts/walk.py
