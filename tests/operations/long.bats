#!/usr/bin/env bats
#
# The same as operations.bats, with every case: `just attack`.

bats_require_minimum_version 1.5.0

setup_file() {
    load ../modules
    export OPERATIONS_LONG=yes
    begin test_wire_github test_gh test_pushes test_attack test_oracle test_paths
}

setup() { load ../modules; }

@test "without a guard, and with the predecessor's, refused operations are found" {
    hold test_oracle
}

@test "of a quarter of a million requests no refused operation passes, and no ordinary one is refused" {
    hold test_attack
}

@test "of twenty thousand pushes git carries out nothing that is refused" {
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
