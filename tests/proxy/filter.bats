#!/usr/bin/env bats
#
# The filter on the real mitmproxy, in a fake world on this machine; no
# container engine takes part. `CTRKIT_MITMPROXY` names another version.

bats_require_minimum_version 1.5.0

setup_file() {
    local modules
    load ../modules
    modules=("$BATS_TEST_DIRNAME"/test_*.py)
    modules=("${modules[@]##*/}")
    begin "${modules[@]%.py}"
}

setup() { load ../modules; }

@test "over the wire nothing gets out that the policy does not name" {
    hold test_wire
}

@test "HTTP of both versions arrives whole, and nothing is smuggled in it" {
    hold test_http
}

@test "a server that is not what it should be gets nothing" {
    hold test_upstream
}

@test "whatever names something is recorded once, also where it breaks off" {
    hold test_record
}

@test "git, pip, npm, cargo and apt work, and read only" {
    hold test_clients
}

@test "a push reaches git only if its branches may be written, and git says why not" {
    hold test_git_push
}

@test "requests to GitHub are held until it is known what they would do" {
    hold test_guarded_http
}

@test "secrets are added on the way out, and are nowhere else" {
    hold test_secrets
}

@test "a policy that is replaced under load decides whole, and ends what it does not allow" {
    hold test_replace
}

@test "memory and log are bounded, whatever is sent" {
    hold test_bounds
}

@test "the log has one record each, no secret, and a bound" {
    hold test_log
}

@test "a filter that is broken, cut short, deleted or changed lets nothing through" {
    hold test_reload
}

@test "the proxy says which policy is in force, and how much it has refused" {
    hold test_status
}

@test "the log is read whole and once, over every rotation" {
    hold test_follow
}

@test "the filter and filtergen decide alike" {
    hold test_decide
}

@test "filtergen explains paths and what is done on GitHub as the filter decides" {
    hold test_explain
}

@test "what a request to GitHub does is known, however it is spelt" {
    hold test_operations
}

@test "every operation, fragment and value of a GraphQL document is looked at" {
    hold test_operations_graphql
}

@test "real git pushes what it may, and shows why it may not" {
    hold test_operations_push
}

@test "thousands of spellings do not get a refused operation through" {
    hold test_operations_seeded
}

@test "the proxy writes down its certificate, and not its key, before it listens" {
    hold test_certificate
}

@test "the forwarder carries connections as they are" {
    hold test_forward
}

@test "a filter gives back in a pipe what was put into it" {
    filtergen -p claude+github --print >"$BATS_TEST_TMPDIR/filter.py"
    names=$(filtergen --read "$BATS_TEST_TMPDIR/filter.py" | jq -r '.allow[].name, .github.hosts[]?' | sort)
    [[ $names == *api.anthropic.com*github.com* ]]
    while read -r name; do
        filtergen -p claude+github --check "https://$name/"
    done <<<"$names"
    run -1 filtergen -p claude+github --check https://gist.github.com/
    [[ $output == 'refused GET https://gist.github.com/ unknown-name' ]]
}
