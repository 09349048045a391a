# Two commands do all the set-up: `make quick` (first results on real MNIST) and `make test`.
CORES ?= 2
PYTHON ?= python3
# the Python of the machine with a GPU
GPU_PYTHON ?= 3.12
BIN := .venv/bin
SNAKEMAKE := PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores $(CORES)

.PHONY: help install quick smoke study gpu gpu-bundle report report-reference page findings reference tutorial docs bench scaling scale test test-fast test-faults lint format schemas clean test-slurm test-lowest

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-18s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.installed ## create .venv with the pinned dependencies

# torch first and alone: pulled in by another package it may come as a different, far larger build
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[workflow,slurm,onnx,baselines,docs,dev]'
	touch $@

quick: install ## cells of the shipped study again, with three seeds: are they consistent with it?
	$(SNAKEMAKE) --configfile config/quick.yaml
	$(SNAKEMAKE) --configfile config/quick.yaml --report results/quick/report.html
	@echo "Open results/quick/page.html; report.html beside it has the run times."
	@cat results/quick/check/consistency.txt

smoke: install ## the whole pipeline on tiny embedded data, and its report
	$(SNAKEMAKE) --configfile config/smoke.yaml
	$(SNAKEMAKE) --configfile config/smoke.yaml --report results/smoke/report.html

study: install ## the study itself (config/config.yaml; config/README.md says how long)
	$(SNAKEMAKE)

gpu-bundle: install ## wheels and data that a machine with a GPU needs beside the sources (results/gpu/bundle)
	$(BIN)/robustprune prepare mnist
	$(BIN)/pip download --quiet --no-deps --only-binary=:all: --python-version $(GPU_PYTHON) \
		--platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
		-d results/gpu/bundle/wheels pydantic pydantic-core annotated-types typing-inspection typing-extensions \
		safetensors pyyaml tqdm
	xz -3 -c data/mnist.safetensors > results/gpu/bundle/mnist.safetensors.xz

gpu: ## everything that needs a GPU: tests, comparison, benchmark, the study's cells (results/gpu)
	PYTHON=$(PYTHON) bash workflow/scripts/gpu.sh

report: install ## report.html of the study's runs
	$(SNAKEMAKE) --report results/report.html

report-reference: install ## report.html of the shipped results, without training
	$(SNAKEMAKE) figures tables --config results=reference
	$(SNAKEMAKE) figures tables --config results=reference --report results/reference.html

page: install ## the results page of the shipped results, without training (figures/page.html)
	$(SNAKEMAKE) page --config results=reference

findings: install ## figures, tables and the tables in README.md and results/reference/FINDINGS.md from the shipped results
	$(SNAKEMAKE) figures tables --config results=reference
	$(BIN)/python workflow/scripts/findings.py

reference: install ## docs/reference from the command line's parser, the typed record and the public names
	$(BIN)/python workflow/scripts/reference_pages.py

tutorial: install ## run docs/tutorial/tutorial.py and write its page and pictures
	$(BIN)/python workflow/scripts/tutorial.py

docs: install ## the documentation as a site (build/docs); stops at links and headings that are not there
	$(BIN)/mkdocs build --quiet

bench: install ## speed against the machine's limit and a plain program, one thread, 8 to 13 minutes
	$(BIN)/python benchmarks/bench.py

scaling: install ## seconds and memory against width, replicates and images (minutes)
	$(BIN)/python benchmarks/scaling.py

scale: install ## dry run, plan, status, collection, tables and figures of made-up studies of thousands of cells (an hour)
	$(BIN)/python benchmarks/scale.py

test: install ## all tests
	$(BIN)/python -m pytest -n $(CORES) --dist loadgroup --no-loadscope-reorder

test-fast: install ## tests without real pipelines
	$(BIN)/python -m pytest -n $(CORES) --dist loadgroup --no-loadscope-reorder -m 'not workflow'

test-faults: install ## the long fault suite: kills, full disks, damaged files, generated configurations (an hour)
	FAULTS=long $(BIN)/python -m pytest -s --timeout 7200 tests/faults

test-slurm: install ## install slurm; the smoke study on two nodes of which one is lost (root in a container; minutes)
	bash tests/slurm/run.sh

test-lowest: ## the tests without pipelines, with the lowest declared versions (.venv-lowest, 5 GB; not in CI)
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install --quiet --disable-pip-version-check uv
	.venv-lowest/bin/uv pip compile --quiet --upgrade --python .venv-lowest/bin/python --resolution lowest-direct \
		--extra workflow --extra onnx --extra baselines --extra dev pyproject.toml -o .venv-lowest/requirements.txt
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python -r .venv-lowest/requirements.txt
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python --no-deps -e .
	.venv-lowest/bin/python -m pytest -n $(CORES) --dist loadgroup --no-loadscope-reorder -m 'not workflow'

lint: install docs ## ruff, types (mypy), snakefmt, snakemake --lint, links of the documentation
	$(BIN)/ruff check src tests benchmarks workflow docs
	$(BIN)/ruff format --check src tests benchmarks workflow docs
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint --configfile config/smoke.yaml

format: install ## apply the formatters
	$(BIN)/ruff check --fix src tests benchmarks workflow docs
	$(BIN)/ruff format src tests benchmarks workflow docs
	$(BIN)/snakefmt Snakefile workflow

schemas: install ## regenerate workflow/schemas from the typed configuration and record
	$(BIN)/robustprune schema --output workflow/schemas

clean: ## remove the runs of quick and smoke (never the study's)
	rm -rf results/quick results/smoke
