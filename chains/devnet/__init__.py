"""Local networks made of real engines, for tests, the demo and the benchmarks; never for money."""
