"""Benchmarks: ours beside the peers and beside the limit, in one run and one table.

`make bench` prints the table; docs/performance.md explains it and is written by
`python -m tests.bench --write docs/performance.md`. Nothing here judges: a missed aim is printed.
"""
