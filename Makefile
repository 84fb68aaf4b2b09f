# Thin on purpose: the work is CMake's, ctest's and the scripts' in deploy/ and tests/.
.PHONY: build demo stop test check campaign bench clean setup fuzz format
.DEFAULT_GOAL := help

help:
	@echo "make demo    set up, build, start the local stack, play 20,000 sample leads, show where each went"
	@echo "make stop    end the local stack"
	@echo "make test    every test; make check: the fast part; make bench: costs per hot path"
	@echo "make campaign  200,000 leads through 200 faults on real servers, judged from outside (after make test; SEED=n)"
	@echo "make build   release binaries in build/release/bin/; make fuzz: fuzz the parsers; make clean"

setup:
	@deploy/setup/packages
	@deploy/setup/librdkafka
	@deploy/setup/fetch-kafka
	@deploy/setup/ip-data
	@deploy/setup/data
	@deploy/setup/lists

build: setup
	@deploy/setup/build release

demo: build
	@deploy/demo

stop:
	@deploy/local/stack down

test:
	@tests/run all

check:
	@tests/run check

campaign:
	@tests/faults/all $(or $(SEED),1)

bench: build
	@bench/run

fuzz: setup
	@tests/fuzz/run

format:
	@git ls-files '*.c' '*.h' '*.cc' | xargs clang-format -i

clean:
	@rm -rf build
