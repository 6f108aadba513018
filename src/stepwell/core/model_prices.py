"""What a call of a model probably cost, from the tokens it took.

An estimate for people: list prices without discounts, such as those for cached tokens or batches.
A model that is not in the table has no estimate, which is better than a wrong one.

Source: GraphQL, 9.7 (`estimated_cost`).
"""

from typing import Final, NamedTuple

__all__ = ["estimated_cost_usd"]

_TOKENS_PRICED: Final = 1_000_000


class _Price(NamedTuple):
    """US dollars for a million tokens."""

    input: float
    output: float


# The vendors' public price lists. Names begin so; dates and other endings may follow, and the
# longest beginning counts.
_PRICES: Final = {
    "claude-3-5-haiku": _Price(0.8, 4.0),
    "claude-3-5-sonnet": _Price(3.0, 15.0),
    "claude-3-7-sonnet": _Price(3.0, 15.0),
    "claude-3-haiku": _Price(0.25, 1.25),
    "claude-3-opus": _Price(15.0, 75.0),
    "claude-haiku-4-5": _Price(1.0, 5.0),
    "claude-opus-4": _Price(15.0, 75.0),
    "claude-opus-4-5": _Price(5.0, 25.0),
    "claude-sonnet-4": _Price(3.0, 15.0),
    "gemini-2.0-flash": _Price(0.1, 0.4),
    "gemini-2.5-flash": _Price(0.3, 2.5),
    "gemini-2.5-flash-lite": _Price(0.1, 0.4),
    "gemini-2.5-pro": _Price(1.25, 10.0),
    "gpt-3.5-turbo": _Price(0.5, 1.5),
    "gpt-4-turbo": _Price(10.0, 30.0),
    "gpt-4.1": _Price(2.0, 8.0),
    "gpt-4.1-mini": _Price(0.4, 1.6),
    "gpt-4.1-nano": _Price(0.1, 0.4),
    "gpt-4o": _Price(2.5, 10.0),
    "gpt-4o-mini": _Price(0.15, 0.6),
    "gpt-5": _Price(1.25, 10.0),
    "gpt-5-mini": _Price(0.25, 2.0),
    "gpt-5-nano": _Price(0.05, 0.4),
    "o3": _Price(2.0, 8.0),
    "o3-mini": _Price(1.1, 4.4),
    "o4-mini": _Price(1.1, 4.4),
}
#: What may follow the name in the table: a date, a version, a tag.
_SEPARATORS: Final = ("-", "@", ":")


def estimated_cost_usd(model: str, *, input_tokens: float, output_tokens: float) -> float | None:
    """US dollars; None if the model's price is not known.

    >>> estimated_cost_usd("gpt-4o-2024-08-06", input_tokens=1_000_000, output_tokens=100_000)
    3.5
    """
    price = _price(model)
    if price is None:
        return None
    return (input_tokens * price.input + output_tokens * price.output) / _TOKENS_PRICED


def _price(model: str) -> _Price | None:
    """The price of the longest name the model's name begins with."""
    # Routers put the vendor before the name, such as "openai/gpt-4o".
    name = model.lower().rpartition("/")[2]
    while name not in _PRICES:
        cut = max(name.rfind(separator) for separator in _SEPARATORS)
        if cut < 0:
            return None
        name = name[:cut]
    return _PRICES[name]
