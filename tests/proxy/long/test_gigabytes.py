"""The bounds of memory and log, with as much as there is."""

import test_bounds


class Gigabytes(test_bounds.Bounds):
    size, requests = 2 << 30, 100000
