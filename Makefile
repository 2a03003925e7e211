# `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:

# As in the images: time zones come from the pinned tzdata.
export PYTHONTZPATH :=

CACHE := $(or $(TASKBELL_CACHE),$(HOME)/.cache/taskbell)
UV := $(or $(shell command -v uv),$(CACHE)/uv/bin/uv)
VENV := .venv
BIN := $(VENV)/bin
DETACH ?=
BROKER ?= kafka
OTLP ?=
RULES ?= 20000
SEED ?=
SEEDS ?= 64
YEARS ?= 1
MINUTES ?= 15

.PHONY: help
help: ## What can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: run
run: $(VENV) ## Start everything, do the main job before your eyes, stay up until Ctrl-C (DETACH=1, BROKER=redis, OTLP=host:port)
	@exec $(BIN)/python -m localcluster run --broker $(BROKER) $(if $(OTLP),--otlp $(OTLP)) $(if $(DETACH),--detach)

.PHONY: stop
stop: $(VENV) ## End what `make run` started
	@$(BIN)/python -m localcluster stop

.PHONY: status
status: $(VENV) ## Say what runs
	@$(BIN)/python -m localcluster status

.PHONY: test
test: lint unit calendar-oracle-short simulation e2e chaos-short e2e-node ## All tests

.PHONY: lint
lint: $(VENV) ## Style, types, import contracts, dead code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/vulture
	"$$($(BIN)/python -m localcluster binaries actionlint)"

.PHONY: unit
unit: $(VENV) ## Tests without processes
	$(BIN)/pytest tests/unit --numprocesses 2

.PHONY: calendar-oracle
calendar-oracle: $(VENV) ## The calendar against brute force (RULES=20000 SEED=1)
	$(BIN)/python -m tests.calendar_oracle --rules $(RULES) --seed $(or $(SEED),1)

.PHONY: calendar-oracle-short
calendar-oracle-short: RULES := 2000
calendar-oracle-short: calendar-oracle

.PHONY: calendar-costs
calendar-costs: $(VENV) ## The calendar's worst case in CPU time, hunted for (SECONDS=60 SEED=1)
	$(BIN)/python -m tests.calendar_costs --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1)

.PHONY: calendar-benchmark
calendar-benchmark: $(VENV) ## The calendar beside dateutil, croniter and cronsim
	$(UV) run --quiet --frozen --group benchmarks python -m benchmarks.calendar

.PHONY: simulation
simulation: $(VENV) ## A few simulated lives, and the bugs that they find
	$(BIN)/pytest tests/simulation --numprocesses 2

.PHONY: simulate
simulate: $(VENV) ## Fresh simulated lives of the production code (SEEDS=64, YEARS=1, SEED=n: only that one)
	@$(BIN)/python -m simulation --seeds $(SEEDS) --years $(YEARS) $(if $(SEED),--seed $(SEED))

.PHONY: simulate-planted
simulate-planted: $(VENV) ## Each planted bug is found within 200 lives
	@$(BIN)/python -m tests.simulation.planted

.PHONY: benchmark
benchmark: $(VENV) binaries ## The operator beside its peers (NAME=fire, reminders, next, scale or fairness; OPTIONS="--number 5000")
	$(BIN)/python -m benchmarks.$(or $(NAME),$(error say which: make benchmark NAME=fire, reminders, next, scale or fairness)) $(OPTIONS)

.PHONY: e2e
e2e: $(VENV) binaries ## The user stories on the real parts (BROKER=redis: without Kafka)
	$(BIN)/pytest tests/e2e --broker $(BROKER)

.PHONY: chaos
chaos: $(VENV) binaries ## Anything breaks while people work, then what they asked is compared with what there is (MINUTES=15 SEED=n)
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

.PHONY: chaos-short
chaos-short: MINUTES := 2
chaos-short: chaos

.PHONY: e2e-node
e2e-node: $(VENV) binaries ## The same through real Pods: images, node, Dapr, chart (skipped unless root on Linux)
	$(BIN)/pytest tests/node

.PHONY: binaries
binaries: $(VENV) ## Build and download the real servers (cached outside the checkout)
	@$(BIN)/python -m localcluster binaries

.PHONY: generate
generate: $(VENV) ## Write crds/ from the models, and the chart's copies
	$(BIN)/python crds/generate.py
	$(BIN)/python charts/generate.py

.PHONY: format
format: $(VENV) ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: venv
venv: $(VENV) ## The Python environment, by uv

$(VENV): pyproject.toml uv.lock | $(UV)
	@echo "installing the Python environment into $(VENV) (usually 10 s)"
	$(UV) sync --frozen --compile-bytecode --quiet
	touch $(VENV)

# Into a folder of its own: the system's Python may refuse to be added to (PEP 668).
$(CACHE)/uv/bin/uv:
	@echo "uv is absent: fetching it with pip (usually 5 s)"
	python3 -m pip install --quiet --disable-pip-version-check --target $(CACHE)/uv uv
