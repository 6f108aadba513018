"""What a call of a model probably cost."""

import pytest

from stepwell.core.model_prices import estimated_cost_usd


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("gpt-4o", 12.5),
        ("gpt-4o-2024-08-06", 12.5),
        ("gpt-4o-mini", 0.75),
        ("gpt-4o-mini-2024-07-18", 0.75),
        ("openai/GPT-4o", 12.5),
        ("claude-sonnet-4-20250514", 18.0),
        ("claude-opus-4-5@20251101", 30.0),
        ("gemini-2.5-flash-lite:latest", 0.5),
        # Nothing is said of what is not known, however its name begins.
        ("gpt-4omega", None),
        ("gpt", None),
        ("my-model", None),
        ("", None),
    ],
)
def test_the_longest_name_in_the_table_counts(model: str, cost: float | None) -> None:
    """A million tokens each way."""
    found = estimated_cost_usd(model, input_tokens=1_000_000, output_tokens=1_000_000)

    assert found == (None if cost is None else pytest.approx(cost))


def test_tokens_of_both_kinds_are_counted() -> None:
    cost = estimated_cost_usd("gpt-4o", input_tokens=1_000, output_tokens=100)

    assert cost == pytest.approx(0.0035)
