# Each verb is one npm script; `npm run` lists those.
.DEFAULT_GOAL := help
.PHONY: help build check test demo bench clean

# npm brings its own Node 24, so any Node with npm will do to begin with.
node_modules: package.json package-lock.json
	npm ci --no-fund --no-audit --loglevel=error
	@touch node_modules

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

build: node_modules ## install what is needed and generate code from proto/
	npm run --silent build

check: build ## format, lint, types, layers, dead code, protos
	npm run --silent check

test: build ## every test; what a test needs and does not find, it says
	npm run --silent test

demo: build ## publish, sync, delta, peers, portal down, write out (IMAGE=file.raw or RECIPE=debian)
	npm run --silent demo

bench: build ## speed and bytes beside those of other tools, and what ten facilities, names, holds, waiting builds, changes and ten years cost
	npm run --silent bench
	npm run --silent bench:fanout
	npm run --silent bench:agents
	npm run --silent bench:names
	npm run --silent bench:holds
	npm run --silent bench:retention
	npm run --silent bench:queue
	npm run --silent bench:writes
	npm run --silent bench:decade

clean: ## remove what was installed and generated
	rm -rf node_modules proto/gen
