"""What holds for all unit tests."""

from hypothesis import HealthCheck, settings

# How fast a machine is decides about no test.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
