# The commands of the README. `make` alone lists them.

.DEFAULT_GOAL := help
SHELL := /bin/bash
retort := .build/release/retort
python := .venv/bin/python
# Tests of what depends on the processor's instructions.
numerical := (Tensors|Layers|Models|Distillation|Compression|Evaluation)Tests

.PHONY: help setup build demo lint test consumers teachers seeds ablation distil pruning bench int8 tokenization decoding llamacpp transformers torture clean

help: ## List the commands
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /\1\t/' | expand -t 14

setup:
	@.ci/setup

build: setup ## Build the program: .build/release/retort
	swift build -c release --product retort

demo: setup ## Teacher to INT8 student and report, on the committed data
	@set -e; start=$$SECONDS; \
	swift build -c release --product retort; built=$$SECONDS; \
	$(retort) run recipes/quickstart.yaml; \
	echo "built in $$((built - start)) s, recipe carried out in $$((SECONDS - built)) s"; \
	echo "next: your own teacher and data, see README.md"

lint: ## Check the formatting
	swift format lint --strict --recursive --parallel Package.swift Sources Tests

test: setup lint ## Format lint, build with warnings as errors, all tests, the numerical ones at other instruction levels too, and the formats' real readers
	swift build -c release --build-tests
	RETORT_EXPORTS=$(CURDIR)/.build/exports swift test -c release --skip-build
	RETORT_INSTRUCTIONS=avx2 OPENBLAS_CORETYPE=Haswell swift test -c release --skip-build --filter '$(numerical)'
	RETORT_INSTRUCTIONS=amx-emulated swift test -c release --skip-build --filter '$(numerical)'
	$(MAKE) --no-print-directory consumers
	$(python) Tests/Consumers/encoders_agree.py .build/exports

.venv/installed: Tests/Consumers/requirements.txt
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

consumers: .venv/installed ## Read what Retort wrote with the libraries people use: tokenizers, then a run of the quickstart
	$(python) Tests/Consumers/tokenizer_trains.py $(retort)
	$(python) Tests/Consumers/tokenizer_agrees.py $(retort)
	$(python) Tests/Consumers/statistics_agree.py $(retort)
	$(python) Tests/Consumers/schemas_agree.py $(retort)
	$(python) Tests/Consumers/report_opens.py $(retort)
	$(python) Tests/Consumers/quickstart.py $(retort)
	$(python) Tests/Consumers/minimal_layout.py $(retort)
	$(python) Tests/Consumers/gguf_reads.py $(retort)
	$(python) Tests/Consumers/tensorboard_reads.py $(retort)
	$(python) Tests/Consumers/failures_survive.py $(retort)
	$(python) Tests/Consumers/torture.py $(retort) 5

torture: build .venv/installed ## Kill runs 200 times at random moments, and compare what comes of them byte by byte
	$(python) Tests/Consumers/torture.py $(retort) 200

teachers: ## Fetch the published models that tests use (180 MB, once) into ~/.cache/retort
	python3 Tests/Teachers/fetch.py

seeds: build ## The quickstart's students over three seeds: distilled against labels only
	$(retort) run recipes/quickstart.yaml --seeds 3

ablation: build teachers ## What each term of the loss is worth: four losses, two students, two data sets, five seeds (hours)
	python3 Benchmarks/ablation.py $(retort)

distil: build teachers .venv-bench/installed ## The same recipe in Retort and in PyTorch: accuracy over seeds, and time (half an hour)
	$(python) Benchmarks/distil.py $(retort) .venv-bench/bin/python

pruning: build teachers .venv-bench/installed ## Accuracy against the share of heads kept, at once and in rounds, three seeds (an hour)
	.venv-bench/bin/python Benchmarks/pruning.py $(retort)

.venv-bench/installed: Benchmarks/peers/requirements.txt
	python3 -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench: setup .venv-bench/installed ## Time our workloads beside PyTorch's, in turn, and print the ratios (half an hour, 6 GB)
	swift build -c release --product bench
	python3 Benchmarks/compare.py --bench .build/release/bench --python .venv-bench/bin/python $(BENCH)

int8: setup build teachers .venv-int8/installed ## Time 8-bit inference beside ONNX Runtime's and OpenVINO's, in turn (ten minutes)
	swift build -c release --product bench
	python3 Benchmarks/int8.py .build/release/bench $(retort) .venv-int8/bin/python ~/.cache/retort/teachers/all-MiniLM-L6-v2

.venv-int8/installed: Benchmarks/peers/requirements-int8.txt
	python3 -m venv .venv-int8
	.venv-int8/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

tokenization: build .venv/installed ## Time encoding beside the tokenizers package's, each on one thread, and print the ratios
	$(python) Benchmarks/tokenization.py $(retort)

decoding: build teachers .venv-bench/installed ## Time decoding SmolLM2 beside llama.cpp, and print the ratios
	.venv-bench/bin/python Benchmarks/decoding.py $(retort)

llamacpp: build teachers .venv-bench/installed ## Run our GGUF files of SmolLM2 and MiniLM in llama.cpp, and compare
	.venv-bench/bin/python Tests/Consumers/llamacpp_agrees.py $(retort) \
		~/.cache/retort/teachers/SmolLM2-135M-Instruct/SmolLM2-135M-Instruct.Q4_1.gguf \
		~/.cache/retort/teachers/all-MiniLM-L6-v2

transformers: build teachers .venv-bench/installed ## Run SmolLM2 in two bytes and in int4 in transformers, and compare
	.venv-bench/bin/python Tests/Consumers/transformers_agrees.py $(retort) \
		~/.cache/retort/teachers/SmolLM2-135M-Instruct/SmolLM2-135M-Instruct.Q4_1.gguf

clean: ## Remove what was built
	rm -rf .build .venv .venv-bench .venv-int8
