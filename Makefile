# Forwards to the automation in xtask/ and to cargo; nothing is decided here.
.PHONY: run cluster test
run: ## Build and start a server with a web address and ./data
	cargo xtask web
	cargo run --release --bin skein -- serve
cluster: ## PostgreSQL, NATS and three nodes on this machine, until Ctrl-C
	@cargo xtask cluster
test: ## Everything that CI runs
	cargo xtask ci
