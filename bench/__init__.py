"""Benchmarks of a server that speaks the SDK protocol; see docs/benchmarks.md."""
