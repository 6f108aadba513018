"""How the benchmark starts its own processes: fresh interpreters that share nothing."""

import multiprocessing

SPAWN = multiprocessing.get_context("spawn")
