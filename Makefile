# lt2f from a fresh clone: needs Python >= 3.11 with venv, and nothing else.

PYTHON ?= python3
CORES ?= all
bin := .venv/bin
snakemake := $(bin)/snakemake --cores $(CORES)
compile := uv pip compile pyproject.toml --group build --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --annotation-style line --custom-compile-command "make lock"

.DEFAULT_GOAL := all
.PHONY: all quick workflow-report test system docs lock wheelhouse clean help python runtime \
  development

all: runtime ## compute the study of config/config.yaml: results/atlas/
	$(snakemake)

quick: runtime ## compute the small study of config/quick.yaml: results/quick/
	$(snakemake) --configfile config/quick.yaml

workflow-report: all ## write Snakemake's report on that study: steps, times, code of each rule
	$(snakemake) --report results/atlas/workflow-report.html

test: development ## check style and types, then run every test
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/snakefmt --check workflow
	$(bin)/pytest --numprocesses 2 --no-loadscope-reorder

system: ## install what tests need beside Python, as root on Debian: a browser, SLURM
	sh requirements/debian.sh

docs: development ## build the documentation, running what it shows: docs/_build/html/
	$(bin)/sphinx-build --fail-on-warning --nitpicky --quiet docs docs/_build/html

lock: python ## resolve the newest dependencies and pin them, by hash, in requirements/
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet uv
	.venv-lock/bin/$(compile) --upgrade --quiet --output-file requirements/runtime.txt \
	  --extra explore
	.venv-lock/bin/$(compile) --upgrade --quiet --output-file requirements/dev.txt \
	  --extra dev --extra docs --constraints requirements/runtime.txt
	.venv-lock/bin/$(compile) --quiet --output-file requirements/slurm.txt \
	  --extra slurm --extra explore --constraints requirements/dev.txt
	rm -rf .venv-lock

wheelhouse: python ## gather in wheelhouse/ all that an installation without network needs
	$(PYTHON) -m pip download --require-hashes --dest wheelhouse \
	  --requirement requirements/slurm.txt
	$(PYTHON) -m pip download --dest wheelhouse setuptools wheel # what is no wheel yet is built by these

clean: ## remove the environment and all caches; results/ stays
	rm -rf .venv .venv-lock .snakemake .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist \
	  docs/_build
	find . -name __pycache__ -prune -exec rm -rf {} +

help: ## list what make can do
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 22

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "lt2f needs Python 3.11 or newer; choose one with make PYTHON=/path/to/python3" >&2; \
	  exit 1; }

# The environment is made again only when a lock differs from the copy kept in it, whatever its date.
runtime: python
	@cmp -s requirements/runtime.txt .venv/runtime.lock || { set -ex; \
	  $(PYTHON) -m venv --clear .venv; \
	  $(bin)/python -m pip install --require-hashes --requirement requirements/runtime.txt; \
	  $(bin)/python -m pip install --no-deps --no-build-isolation --editable .; \
	  cp requirements/runtime.txt .venv/runtime.lock; }

development: runtime
	@cmp -s requirements/dev.txt .venv/dev.lock || { set -ex; \
	  $(bin)/python -m pip install --require-hashes --requirement requirements/dev.txt; \
	  cp requirements/dev.txt .venv/dev.lock; }
