# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
WORKERS ?= 2

.PHONY: help install demo test test-long test-all lint types floors format check accuracy bench clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(READY) ## create .venv and install everything the development needs

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[demo,backbones,keras,serve,cluster,int8,faiss]' --group dev
	touch $(READY)

demo: install ## fit a classifier that finds broken solar cells, on 2 624 real pictures
	$(BIN)/python examples/solar_cells.py

test: install ## the tests, without the long and the slow ones
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m 'not long and not slow'

test-long: install ## whole journeys: seconds each
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m 'long and not slow'

test-all: install ## every test, also those that take minutes
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: install ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## mypy, strict
	$(BIN)/mypy

floors: install ## imports only go down
	$(BIN)/lint-imports

format: install ## put the code in the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint types floors test test-long ## all that CI runs

accuracy: install ## measure docs/accuracy.md again (DATA=folder of picture sets)
	$(BIN)/python benchmarks/accuracy.py $(DATA)

bench: install ## measure docs/performance.md again (DATA=folder of picture sets; hours)
	$(BIN)/python benchmarks/performance.py $(DATA) --write docs/performance.md

clean: ## remove what was made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
