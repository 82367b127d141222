# The project's verbs. Each one first makes sure that the packages it needs are there.
BUILD ?= build
CHECK_BUILD ?= build-check
SEED ?= 1
JOBS ?= $(shell nproc)

.PHONY: all bootstrap check demo bench fuzz sim format clean configure
all: configure
	cmake --build $(BUILD) -j $(JOBS)

configure: bootstrap
	@test -f $(BUILD)/build.ninja || cmake -S . -B $(BUILD) -G Ninja

bootstrap:
	@tools/bootstrap.sh

check: bootstrap
	@tools/check.sh $(CHECK_BUILD) $(JOBS)

demo: all
	@examples/monitor/demo.sh $(BUILD)

bench: bootstrap
	@tools/bootstrap.sh bench
	@bench/run.sh

fuzz: bootstrap
	@tools/fuzz.sh

sim: configure
	cmake --build $(BUILD) -j $(JOBS) --target quern_sim
	$(BUILD)/sim/quern_sim --seed $(SEED)

format:
	@tools/format.sh

clean:
	rm -rf $(BUILD) $(CHECK_BUILD) $(CHECK_BUILD)-thread build-fuzz
