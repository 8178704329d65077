"""A policy that is replaced two hundred times under load."""

import test_replace


class Turns(test_replace.Replace):
    turns = 200
