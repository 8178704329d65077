#!/usr/bin/env bats
#
# The rules about operations on GitHub, attacked: a sample that is the same each time.
# `CTRKIT_TEST_SEED` draws another; all of it is in long.bats, for `just attack`.
#
# The filter decides; what it lets through is done by a stand-in that reads requests in every
# way that any server might, and says what would have come of it (effects.py, readings.py).

bats_require_minimum_version 1.5.0

setup_file() {
    load ../modules
    begin test_wire_github test_gh test_pushes test_attack test_oracle test_paths
}

setup() { load ../modules; }

@test "without a guard, and with the predecessor's, refused operations are found" {
    hold test_oracle
}

@test "of the generated requests no refused operation passes, and no ordinary one is refused" {
    hold test_attack
}

@test "of the pushes that are made by hand git carries out nothing that is refused" {
    hold test_pushes
}

@test "what matches a path template does so however a server reads it" {
    hold test_paths
}

@test "through the real proxy nothing arrives that is refused, however it is framed" {
    hold test_wire_github
}

@test "gh and git do what is allowed, and are told what is not" {
    hold test_gh
}
