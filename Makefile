# What a change must pass, and how to make what is generated.
# Tools are pinned in tools/*/go.mod and built into $(CACHE), never installed
# elsewhere. Parts of `make test` are left out by name only:
#   OUTRIDER_TEST_SKIP=clients,lint make test

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CACHE := $(or $(OUTRIDER_CACHE),$(CURDIR)/.cache)
BIN := $(CACHE)/bin
export OUTRIDER_CACHE := $(CACHE)

GO_PACKAGES = $(shell go list ./...)
# Unit tests: everything but the mains, the story and what drives whole processes.
SLOW := /cmd/% /demo /test/%
FAST_PACKAGES = $(filter-out $(addprefix outrider.dev/outrider,$(SLOW)),$(GO_PACKAGES)) ./test/arch

# The parts of `make test` that may be left out: lint, generate, fuzz, and each folder of test/.
comma := ,
SKIP := $(subst $(comma), ,$(OUTRIDER_TEST_SKIP))
PARTS := lint generate fuzz $(notdir $(wildcard test/*))
UNKNOWN := $(filter-out $(PARTS),$(SKIP))
ifneq ($(UNKNOWN),)
$(error OUTRIDER_TEST_SKIP names unknown parts: $(UNKNOWN). Known: $(PARTS))
endif
TEST_PACKAGES = $(filter-out $(addprefix outrider.dev/outrider/test/,$(SKIP)),$(GO_PACKAGES))
TEST_PARTS := $(addprefix test-,$(filter-out $(SKIP),generate lint)) test-go $(addprefix test-,$(filter-out $(SKIP),fuzz))

# What the commands say of themselves, and the tag of images.
VERSION ?= dev
COMMANDS := $(patsubst %/,./%,$(wildcard cmd/*/))

# How long make fuzz runs in all, over every fuzz target.
FUZZTIME ?= 1h
BENCH ?= .

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the commands into bin/
	go build -trimpath -ldflags '-s -w' -o bin/ ./cmd/...

.PHONY: images
images: ## write the images of all commands into bin/images/, for amd64 and arm64
	go run -C tools/images . -o bin/images -version $(VERSION) $(COMMANDS)

.PHONY: test
test: needs ## run everything: generated code, lint, all Go tests with -race, real clients
	@for part in $(SKIP); do echo "== left out by OUTRIDER_TEST_SKIP: $$part"; done
	@$(MAKE) -k $(TEST_PARTS)

.PHONY: test-fast
test-fast: ## run the unit tests with -race
	go test -race $(FAST_PACKAGES)

.PHONY: test-go
test-go: $(filter-out $(SKIP),clients envoy kubernetes)
	go test -race -count=1 -timeout 20m $(TEST_PACKAGES)

.PHONY: test-lint
test-lint: lint

.PHONY: test-generate
test-generate: $(BIN)/buf $(BIN)/protoc-gen-go
	PATH="$(BIN):$$PATH" tools/generate --check

# The engine against plain evaluation, Rego and plain Go, and macros against what
# they stand for: 60 s in all.
.PHONY: test-fuzz
test-fuzz:
	tools/fuzz 60s 'FuzzLanguages|FuzzReference|FuzzMacros'

.PHONY: lint
lint: $(BIN)/golangci-lint $(BIN)/buf ## run golangci-lint (gofumpt included) and buf lint
	$(BIN)/golangci-lint run
	cd tools/images && $(BIN)/golangci-lint run
	$(BIN)/buf lint

.PHONY: fmt
fmt: $(BIN)/golangci-lint ## format Go files with gofumpt and proto files with buf
	$(BIN)/gofumpt -w $$(git ls-files -co --exclude-standard '*.go')
	$(BIN)/buf format -w

.PHONY: generate
generate: $(BIN)/buf $(BIN)/protoc-gen-go ## write the generated code anew from proto/, the Python client's included
	PATH="$(BIN):$$PATH" tools/generate
	clients/python/generate

.PHONY: fuzz
fuzz: ## run all fuzz targets, for FUZZTIME (1h) together
	tools/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## run the benchmarks that match BENCH (all)
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: clients
clients: ## install the SDKs that the client tests drive, and what the Python client needs
	@test/clients/install >/dev/null
	@clients/python/install >/dev/null

.PHONY: envoy
envoy: ## install the Envoy that its tests drive
	@test/envoy/install >/dev/null

.PHONY: kubernetes
kubernetes: ## build the API server that the Kubernetes tests install into, and install podman
	@test/kubernetes/install >/dev/null

.PHONY: clean
clean: ## remove what was built and installed here
	rm -rf bin $(CACHE)

# Tests run with -race, which needs a C compiler; nobody can install one from here.
.PHONY: needs
needs:
	@for tool in go git $${CC:-$$(go env CC)}; do command -v $$tool >/dev/null || { \
	  echo "$$tool is missing and cannot be installed from here: use the system's package manager" >&2; exit 1; }; done

$(BIN)/golangci-lint: tools/lint/go.mod tools/lint/go.sum
	GOBIN=$(BIN) go install -C tools/lint tool && touch $@

$(BIN)/buf: tools/buf/go.mod tools/buf/go.sum
	GOBIN=$(BIN) go install -C tools/buf tool && touch $@

$(BIN)/protoc-gen-go: tools/proto/go.mod tools/proto/go.sum
	GOBIN=$(BIN) go install -C tools/proto tool && touch $@
