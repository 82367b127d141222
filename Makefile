# The project's verbs. Each one first makes sure that the packages it needs are there.
BUILD ?= build
CHECK_BUILD ?= build-check
SEED ?= 1
JOBS ?= $(shell nproc)

# Sanitizers cannot always place their memory where addresses are randomized (tools/check.sh).
PLAIN ?= $(shell setarch -R true 2>/dev/null && echo setarch -R)

PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: all bootstrap check check-clients check-peer demo bench bench-paper fuzz sim format clean configure install
all: configure
	cmake --build $(BUILD) -j $(JOBS)

configure: bootstrap
	@test -f $(BUILD)/build.ninja || cmake -S . -B $(BUILD) -G Ninja

bootstrap:
	@tools/bootstrap.sh

check: bootstrap
	@tools/check.sh $(CHECK_BUILD) $(JOBS)

# The same statements in a PostgreSQL 15 and here. PEER="--worlds 1..9": these alone.
check-peer: bootstrap
	@tools/bootstrap.sh peer
	cmake -S . -B $(CHECK_BUILD) -G Ninja -DQUERN_SANITIZE=ON >/dev/null
	cmake --build $(CHECK_BUILD) -j $(JOBS) --target quern
	QUERN_BUILD=$(CHECK_BUILD) QUERN_SOURCE=. $(PLAIN) test/peer/compare.py $(PEER)

# Drivers, tools and ORMs, each by its own package manager. CLIENTS="psql pgx": these alone.
check-clients: bootstrap
	cmake -S . -B $(CHECK_BUILD) -G Ninja -DQUERN_SANITIZE=ON >/dev/null
	cmake --build $(CHECK_BUILD) -j $(JOBS) --target quern
	QUERN_BUILD=$(CHECK_BUILD) QUERN_SOURCE=. $(PLAIN) test/clients/run.py $(CLIENTS)

demo: all
	@examples/monitor/run.sh $(BUILD)

bench: bootstrap
	@tools/bootstrap.sh bench
	@bench/run.sh

# The published experiment, and what each optimization is worth.
bench-paper: bootstrap
	@bench/run.sh paper

# As the user who may write there: make, then sudo make install.
install: configure
	cmake -S . -B $(BUILD) -G Ninja -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	cmake --build $(BUILD) -j $(JOBS)
	DESTDIR=$(DESTDIR) cmake --install $(BUILD) --strip >/dev/null

fuzz: bootstrap
	@tools/fuzz.sh

sim: configure
	cmake --build $(BUILD) -j $(JOBS) --target quern_sim
	$(BUILD)/sim/quern_sim --seed $(SEED)

format:
	@tools/format.sh

clean:
	rm -rf $(BUILD) $(CHECK_BUILD) $(CHECK_BUILD)-thread build-fuzz
