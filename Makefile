# `make demo` and `make test` set up all they need by themselves; see README.md.
PYTHON ?= python3
BIN := .venv/bin
# One file is run best without workers: `.venv/bin/python -m pytest FILE`.
WORKERS ?= -n logical --maxprocesses 4 --dist loadfile
.PHONY: help setup gpu-proof portable demo serve test test-all test-long test-python check settings-docs bench fuzz mutate soak kill trial-simulation fhir-server llama-server model-qwen-0.5b \
	model-qwen-1.5b deploy-tools tune-setup tune-demo lock clean

help:  ## what there is
	@grep -E '^[a-z0-9.-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 17

setup:  ## environment, model, terminology; LLAMA=cuda|vulkan|metal|rocm|cpu: llama.cpp for it
	@$(PYTHON) deploy/setup.py --llama "$(LLAMA)" --llama-arch "$(LLAMA_ARCH)"

gpu-proof:  ## on a machine with a GPU: build for it, answer on it, print JSON (docs/operators/gpu.md)
	@$(PYTHON) deploy/gpu_proof.py --llama "$(or $(LLAMA),cuda)" --llama-arch "$(LLAMA_ARCH)" $(if $(MODEL),--model "$(MODEL)")

portable:  ## the engine's last resort: llama.cpp for any processor, in build/llama-portable
	@$(PYTHON) deploy/setup.py --portable

demo: setup  ## an EHR opens a chart: the whole way through on a real model (MODEL=FILE: on that)
	@$(BIN)/chartside demo $(if $(MODEL),--model "$(MODEL)")

serve: setup  ## keep the service running on 127.0.0.1:8010 for somebody to try
	@$(BIN)/chartside serve --config deploy/chartside.toml

test: setup  ## the tests that prove what README.md promises
	@$(BIN)/python -m pytest $(WORKERS) -m "not slow and not long" --durations=10

test-all: setup  ## every test but the longest
	@$(BIN)/python -m pytest $(WORKERS) -m "not long" --durations=10

test-long: setup  ## the longest: the commands of more pages, and a real model asked again
	@$(BIN)/python -m pytest $(WORKERS) -m long --durations=10

test-python: setup  ## tests without model and browser on another Python (OTHER=); QUICK=1: not all of them
	@$(BIN)/python deploy/other_python.py $(if $(OTHER),--python "$(OTHER)") $(if $(QUICK),--quick) -- $(WORKERS)

settings-docs: setup  ## write docs/settings.md, deploy/chartside.toml and the threat model's rows for the risk file
	@$(BIN)/python -m cds_hooks.settings.reference
	@$(BIN)/python -m cds_hooks.compliance.threat_rows

check: setup  ## formatting, lint, types, import contracts, names, sizes, prose, locks
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python deploy/check_source.py
	@$(BIN)/python deploy/check_prose.py
	@$(BIN)/python deploy/lock.py --check
	@$(BIN)/python -m cds_hooks.settings.reference --check

bench: setup  ## measure, print, write build/bench.json
	@$(BIN)/python -m tests.bench

fuzz: setup  ## property tests at full size
	@HYPOTHESIS_PROFILE=full $(BIN)/python -m pytest -m "hypothesis and not model" --timeout=1800

mutate: setup  ## change rules, flags, trust and ledger a little: is it noticed? ALL=1: each way
	@$(BIN)/python -m tests.mutate $(if $(ALL),--sample 0) $(if $(SEED),--seed $(SEED))

soak: setup  ## ten times the work that the engine can do, then 2,000 slow clients
	@$(BIN)/python -m tests.soak

kill: setup  ## SIGKILL to service and engine under load, two hundred times
	@$(BIN)/python -m tests.soak.kill

trial-simulation: setup  ## a simulated hospital with known error rates: does a trial's report find them? goes on when stopped
	@$(BIN)/python -m tests.simulated_hospital

fhir-server: setup  ## a FHIR server with sample data on 127.0.0.1:8090 (PORT=); OPEN=1: without a token
	@$(BIN)/python deploy/fhir_server.py $(if $(PORT),--port $(PORT)) $(if $(OPEN),--open)

model-qwen-0.5b: setup  ## a larger model to try, 491 MB (docs/operators/models.md)
model-qwen-1.5b: setup  ## a larger model to try, 1.1 GB (docs/operators/models.md)
model-qwen-0.5b model-qwen-1.5b:
	@$(BIN)/python deploy/model.py $(@:model-%=%)

llama-server: setup  ## llama.cpp's own server, in an environment of its own, for the tests that ask one
	@test -x build/llama-server/bin/python || $(BIN)/uv venv --quiet build/llama-server
	@$(BIN)/uv pip install --quiet --python build/llama-server/bin/python --only-binary :all: --require-hashes \
		-r deploy/locks/llama-server.txt

deploy-tools: setup  ## Helm's engine, compose's schema and (Debian) promtool below build/, for the tests of deploy/
	@test -x build/deploy-tools/bin/python || $(BIN)/uv venv --quiet build/deploy-tools
	@$(BIN)/uv pip install --quiet --python build/deploy-tools/bin/python --only-binary :all: --no-deps --require-hashes \
		-r deploy/locks/deploy-tools.txt
	@command -v promtool > /dev/null || test -x build/prometheus/usr/bin/promtool || ! command -v apt-get > /dev/null || \
		(cd build && apt-get download -qq prometheus 2> /dev/null && dpkg -x prometheus_*.deb prometheus && rm prometheus_*.deb)

tune-setup: setup  ## what `chartside tune run` needs, about 1 GB; TORCH=FILE: that wheel of PyTorch (docs/tuning-on-cpu.md)
	@$(BIN)/python deploy/tune_setup.py $(if $(TORCH),--torch "$(TORCH)")

tune-demo: tune-setup  ## fine-tune the embedded model on charts with known answers, and measure it; DATA=FILE: on a site's own, CHARTS=N: on fewer
	@$(BIN)/python -m tests.tune_demo $(if $(DATA),--data "$(DATA)") $(if $(CHARTS),--charts $(CHARTS)) $(if $(OUTPUT),--output "$(OUTPUT)")

lock: setup  ## resolve the dependencies again and write the lock files
	@$(BIN)/python deploy/lock.py

clean:  ## remove what setup made (the installer's cache stays)
	rm -rf .venv .venv-fhir-server build
