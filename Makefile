# What a person types. `make` alone lists it. ARGS go to pulumi: make preview STACK=staging ARGS=--diff
PYTHON ?= python3
ARGS ?=
STACK ?= staging
BIN := .venv/bin
FLEET := $(BIN)/python -m fleet
SOURCES := __main__.py applications bootstrap checks common delivery fleet infra permanent sandbox teardown tests tools
APPLICATION := applications/load-harness

.DEFAULT_GOAL := help
.PHONY: help install rehearse preview up refresh destroy outputs reset cluster bootstrap check account test test-application test-cluster \
	test-long smoke tools bench lint workflows format docs golden chart-facts lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/.checks ## make the environment: .venv/bin/fleet, and what it needs on a real account

rehearse: .venv/.sandbox ## run a whole day on this machine and say what it proves; first ARGS=--no-cluster
	@$(FLEET) sandbox rehearse --stack "$(STACK)" $(ARGS)

preview: .venv/.sandbox ## preview the stack on an embedded AWS account: no credentials, no cluster
	@$(FLEET) sandbox preview --stack "$(STACK)" -- $(ARGS)

up: .venv/.sandbox ## build the stack there
	@$(FLEET) sandbox up --stack "$(STACK)" -- $(ARGS)

refresh: .venv/.sandbox ## compare the state with the account
	@$(FLEET) sandbox refresh --stack "$(STACK)" -- $(ARGS)

outputs: .venv/.sandbox ## print the stack's outputs
	@$(FLEET) sandbox outputs --stack "$(STACK)" -- $(ARGS)

destroy: .venv/.sandbox ## take the stack down
	@$(FLEET) sandbox destroy --stack "$(STACK)" -- $(ARGS)

reset: .venv/.sandbox ## end the embedded account and forget everything in it
	@$(FLEET) sandbox reset

cluster: up ## start the cluster of the stack: a real API server, real Flux controllers, a Git host
	@$(FLEET) sandbox cluster up

bootstrap: .venv/.sandbox ## bootstrap Flux on it; ARGS is another command of fleet bootstrap
	@$(FLEET) sandbox cluster bootstrap -- $(if $(ARGS),$(ARGS),run)

check: .venv/.checks ## find what Flux would refuse of k8s/ and policies/
	@$(FLEET) check $(ARGS)

account: .venv/.sandbox ## apply the permanent layer to a real AWS account: a dry run, then asks for confirmation
	@$(FLEET) account apply $(ARGS)

test: .venv/.dev .venv-guard/.done test-application ## run the tests: Python and Pulumi only
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not long and not cluster and not night" $(ARGS)

test-application: .venv-load-harness/.done ## run the tests of the application
	cd $(APPLICATION) && ../../.venv-load-harness/bin/python -m pytest -n 2 --dist loadfile

smoke: .venv-load-harness/.done ## try an image of the application as its pod would run it: IMAGE and VERSION
	.venv-load-harness/bin/python $(APPLICATION)/smoke.py --version="$$VERSION" -- docker run --rm --read-only \
		--cap-drop=ALL --security-opt=no-new-privileges --publish=127.0.0.1:5000:5000 --publish=127.0.0.1:5001:5001 \
		--env=API_KEY "$$IMAGE"

test-cluster: .venv/.dev ## run the tests on a real API server with real Flux controllers, and whole nights on the real engine
	@# Four at a time even on two cores: controllers are waited for most of the time.
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m "(cluster or night) and not long" \
		tests/cluster tests/engine tests/teardown $(ARGS)

test-long: .venv/.dev .venv-guard/.done ## run the tests that are too long for each run
	$(BIN)/python -m pytest -m long $(ARGS)

tools: .venv/.dev ## build the pinned tools that tests, linters and checks need
	@status=0; for tool in pulumi actionlint kustomize kubeconform kube-validate kyverno crane controller-gen promtool; do \
		$(FLEET) tools $$tool || status=1; done; exit $$status

bench: .venv/.dev .venv-load-harness/.done ## measure: makespan of the graph, previews, imports, checks, the application, a sweep, a bootstrap, a day
	@$(BIN)/python -m tests.bench

lint: .venv/.dev .venv-load-harness/.done workflows ## style, types, import contracts and workflows
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/basedpyright
	$(BIN)/basedpyright -p $(APPLICATION)
	$(BIN)/hadolint $(APPLICATION)/Dockerfile
	$(BIN)/lint-imports

workflows: .venv/.dev ## lint the workflows
	@tool=$$($(FLEET) tools actionlint) && $$tool
	$(BIN)/zizmor --quiet --offline --persona auditor --strict-collection .

format: .venv/.dev ## format the sources
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

docs: .venv/.sandbox ## write docs/config.md from the settings' models, the pages of commands from the app, the charts of docs/timeline.md
	$(BIN)/python -m fleet.page
	$(BIN)/python -m delivery.config_docs
	$(BIN)/python -m delivery.timeline.page

golden: .venv/.dev ## write what the programs ask AWS for, and what the sweep needs, into the files that tests compare
	$(BIN)/python -m tests.teardown.golden
	$(BIN)/python -m tests.infra.golden
	$(BIN)/python -m tests.permanent.golden
	$(BIN)/python -m tests.sandbox.provider.golden

chart-facts: .venv/.dev ## write what the charts of k8s/ make under its values, into the files that checks and the sandbox read
	$(BIN)/python -m tests.k8s.chart_facts $(ARGS)

UV := $(abspath $(BIN)/uv) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header pyproject.toml
lock: .venv/.dev ## pin what pyproject.toml asks for, with hashes
	$(UV) --group build -o requirements.txt
	$(UV) --group build --group checks -o requirements/checks.txt
	$(UV) --group build --group checks --group sandbox -o requirements/sandbox.txt
	$(UV) --group build --group checks --group sandbox --group dev -o requirements/dev.txt
	$(UV) --group guard -o requirements/guard.txt
	cd $(APPLICATION) && $(UV) -o requirements.txt
	cd $(APPLICATION) && $(UV) --group dev -o requirements-dev.txt

clean: ## remove environments and caches of this clone; built tools are shared and stay
	@if [ -x $(BIN)/python ]; then $(FLEET) sandbox reset; $(FLEET) sandbox rehearse --forget; $(FLEET) diff --forget; fi
	rm -rf .sandbox-rehearsal .venv .venv-guard .venv-load-harness .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environments, made again when their pins change.
.venv/.checks: requirements/checks.txt
	@echo >&2 "making .venv: the programs, and what checks the manifests"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: set PYTHON")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@# A linked environment is another checkout's: its `fleet` stays that one's.
	@test -L .venv || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps \
		--no-build-isolation -e .
	@touch $@

.venv/.sandbox: requirements/sandbox.txt .venv/.checks
	@echo >&2 "adding the sandbox that the programs are rehearsed in to .venv (a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.sandbox
	@echo >&2 "adding what tests and linters need to .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv-guard/.done: requirements/guard.txt
	@echo "making .venv-guard: pulumi-eks and pulumi-kubernetes, which the program's guard refuses"
	@test -x .venv-guard/bin/python || $(PYTHON) -m venv .venv-guard
	@.venv-guard/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv-load-harness/.done: applications/load-harness/requirements-dev.txt
	@echo "making .venv-load-harness: the application and what its tests need"
	@test -x .venv-load-harness/bin/python || $(PYTHON) -m venv .venv-load-harness
	@.venv-load-harness/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@
