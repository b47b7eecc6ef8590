# Thin on purpose: what is done is in scripts/ and in Go.
SHELL := bash -o pipefail
MODULES  := shared traefik-plugin sidecar
comma    := ,

.DEFAULT_GOAL := help
.PHONY: help run check test kubernetes soak bench hostile up down backup restore build frontend lint fmt

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: ## everything on this machine: engine, examples, dashboard, edge on :8080 (EDGE=traefik for the real Traefik)
	@EDGE=$(or $(EDGE),embedded) scripts/run

check: ## format, linters, rules of the architecture, unit tests: some minutes, without root or any server
	@scripts/check

test: ## every test, on real Docker, PostgreSQL, Redis, Traefik and Chromium; installs what is missing
	@scripts/test

kubernetes: ## what runs on Kubernetes, on a real cluster of two nodes in namespaces of this machine; builds Kubernetes the first time (11 minutes)
	@scripts/kubernetes-test

soak: ## the heavy versions: a day of 5,000 instances in memory, every fuzzer for FUZZ_SECONDS=60, SOAK_CYCLES=5000 starts and stops under power cuts beside SOAK_LIVE_REAL=600 that stay, 300 networks, two sidecars, every fault
	@scripts/fuzz
	@scripts/need gcc engine redis postgres tools traefik images jail
	cd sidecar && TMPDIR=$$(test -w /dev/shm && echo /dev/shm || echo /tmp) GOGC=300 SOAK_LIVE=5000 SOAK_HOURS=24 go test -count=1 -timeout 60m -v ./internal/memtest -run AWholeEvent | grep -E '^ *(---|.*_test.go:|ok|FAIL|panic)'
	cd sidecar && mkdir -p ../build/soak && CGO_ENABLED=0 go build -trimpath -o ../build/soak/whaley ./cmd/whaley
	cd sidecar && SYSTEM_BINARY=$(CURDIR)/build/soak/whaley SOAK_CYCLES=$(or $(SOAK_CYCLES),5000) SOAK_LIVE_REAL=$(or $(SOAK_LIVE_REAL),600) go test -count=1 -timeout 120m -v ./system -run PowerCuts | grep -E '^ *(---|.*_test.go:|ok|FAIL|panic)'
	cd sidecar && SOAK_NETWORKS=300 FAULTS=all go test -race -count=1 -p 1 -timeout 60m -v ./internal/faulttest ./system \
		-run 'NothingIsLost|CutShort|OnTime|NotOurs|Hundreds|TwoSidecars|EveryKind' | grep -E '^ *(---|.*_test.go:|ok|FAIL|panic)'

bench: ## what a player waits for, beside bare Docker, docker compose and a plain router; ratios first (BENCH_N=20, BENCH_ONLY=path,wake, BENCH_RESTART=300)
	@scripts/need gcc engine redis tools traefik compose images frontend jail
	cd sidecar && go run ./bench -n $(or $(BENCH_N),20) -only "$(BENCH_ONLY)"

hostile: ## attacks behind both edges, beside an honest player who must not notice (HOSTILE=long, HOSTILE_EDGE=embedded, HOSTILE_ATTACK=streams,log, HOSTILE_SEED=7)
	@scripts/need gcc engine redis tools traefik images frontend jail
	cd sidecar && go run ./hostile -edge $(or $(HOSTILE_EDGE),embedded$(comma)traefik) -attack "$(HOSTILE_ATTACK)" $(if $(HOSTILE_SEED),-seed $(HOSTILE_SEED)) \
		$(if $(filter long,$(HOSTILE)),-window 30s -rounds 5,-window 6s -rounds 3)

up: ## production on this machine: docker-compose.yaml, secrets and certificates made the first time (see scripts/up)
	@scripts/up

down: ## stop production; instances go on running, data stays
	@scripts/compose down

backup: ## database, secret, challenges, captures and ACME certificates in one file under DATA_DIR/backups
	@scripts/backup

restore: ## FILE=…: bring a backup back, into an empty database and empty folders
	@scripts/restore "$(FILE)"

build: frontend ## the binary, in build/whaley
	@scripts/need jail
	cd sidecar && CGO_ENABLED=0 go build -trimpath -o ../build/whaley ./cmd/whaley

frontend: ## the web pages, into the sidecar
	@scripts/need frontend

lint: ## all linters: Go, web pages, shell, Dockerfiles; and that it builds for macOS
	@scripts/check lint

fmt: ## format everything
	@gofmt -w $(MODULES)
	@cd frontend && npx biome format --write .
