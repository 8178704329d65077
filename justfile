set shell := ["bash", "-euo", "pipefail", "-c"]

# list the recipes
default:
    @{{ just_executable() }} --list --unsorted

# everything that CI runs, on real engines, from the setup on
[group('check')]
test *stages:
    scripts/test {{ stages }}

# the formatting, for rustfmt to mend
[group('check')]
fmt:
    cargo fmt --all

# clippy, rustfmt, rustdoc and shellcheck, with warnings denied
[group('check')]
lint:
    scripts/test lint

# the tests of each tool by itself
[group('check')]
unit *arguments:
    cargo test --workspace --locked {{ arguments }}

# the egress proxy on the real mitmproxy, of another version if one is named
[group('check')]
test-proxy version='11.0.2':
    CTRKIT_MITMPROXY={{ quote(version) }} scripts/test proxy

# what takes minutes: large bodies, thousands of requests, clocks, generators
[group('check')]
test-proxy-long version='11.0.2':
    cargo build --workspace --release --locked
    CTRKIT_MITMPROXY={{ quote(version) }} bats --timing tests/proxy/long

# every attack on the isolation, those that take long too, and that each can fail
[group('check')]
attack:
    scripts/test attack

# every test on both engines as shipped, a cut after every event, and what else takes minutes
[group('check')]
long:
    scripts/test long

# the manual against --help, the schemas and the sources
[group('check')]
man: build
    scripts/check-man target/debug

# fifty sessions in ten containers, on both engines
[group('check')]
sessions:
    cargo build --workspace --release --locked
    eval "$(scripts/engines env)"; for engine in podman docker; do CTRKIT_ENGINE=$engine bats --timing tests/fifty-sessions.bats; done

# time and memory, as a table and as JSON
[group('check')]
bench *arguments:
    scripts/bench {{ arguments }}

# what hostile clients could say to the guard of sound, in other words each time
[group('check')]
fuzz seconds='300':
    CTRKIT_TEST_FUZZ={{ quote(seconds) }} CTRKIT_TEST_SEED=$RANDOM$RANDOM cargo test --release -p audioguard --locked --test fuzz -- --nocapture --test-threads=1

# rebuild a container a hundred times, killed at random moments
[group('check')]
soak *arguments:
    cargo build --workspace --release --locked
    scripts/soak {{ arguments }}

# build with the oldest Rust that Cargo.toml states
[group('check')]
msrv *arguments:
    scripts/msrv {{ arguments }}

# build all tools
[group('build')]
build *arguments:
    cargo build --workspace --locked {{ arguments }}

# write the JSON Schemas that the types of lib/document stand for
[group('build')]
schemas:
    cargo run --quiet --locked -p document --example emit-schemas -- schemas

# ctrkit, the tools, their manual and completions, below PREFIX
[group('build')]
install prefix='/usr/local':
    scripts/install {{ quote(prefix) }}
