"""What holds for all unit tests."""

import gc

from hypothesis import HealthCheck, settings

# How fast a machine is decides about no test.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end: a tenth of the time went into looking at them again."""
    gc.collect()
    gc.freeze()
