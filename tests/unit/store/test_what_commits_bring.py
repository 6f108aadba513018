"""A commit passes by what a transition does not bring, and never by what it does."""

from typing import Any

import pytest

from stepwell.core.transition import LISTS, Transition
from stepwell.store.sql import commit

#: Written for every transition, or counted, or deleted after everything else.
ALWAYS = {"journal", "put", "renew", "renew_due", "done", "answered", "closed", "forgotten"}


@pytest.mark.parametrize("name", sorted(set(LISTS) - ALWAYS))
def test_what_a_transition_brings_is_looked_at(name: str) -> None:
    assert commit._brings_more(with_lists(name))


def test_an_answer_brings_no_more() -> None:
    assert not commit._brings_more(with_lists(*ALWAYS))


def with_lists(*names: str) -> Transition:
    lists: dict[str, Any] = {name: [object()] for name in names}
    return Transition(**lists)
