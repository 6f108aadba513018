"""How long what is kept, from whatever place it was said."""

import pytest

from stepwell.core.retention import FOREVER, Retention
from stepwell.server.errors import SettingInvalid
from stepwell.server.retention_settings import retention

DAY_MS = 86_400_000


def test_without_settings_a_month_is_kept_and_a_day_in_memory() -> None:
    assert retention({}, in_memory=False) == Retention()
    in_memory = retention({}, in_memory=True)
    assert {in_memory.events, in_memory.runs, in_memory.journals, in_memory.rollups} == {DAY_MS}


def test_one_setting_stands_for_most() -> None:
    kept = retention({"retention": "7d"}, in_memory=False)

    assert (kept.events, kept.runs, kept.journals, kept.operations) == (7 * DAY_MS,) * 4
    assert kept.rollups == 90 * DAY_MS


def test_what_has_a_setting_of_its_own_has_its_own_time() -> None:
    values = {
        "retention": "7d",
        "retention-events": "forever",
        "retention-runs": "14d",
        "retention-rollups": "1h",
    }

    assert retention(values, in_memory=True) == Retention(
        events=FOREVER,
        runs=14 * DAY_MS,
        journals=14 * DAY_MS,
        rollups=3_600_000,
        operations=7 * DAY_MS,
    )
    kept = retention(values | {"retention-journals": "2d"}, in_memory=True)
    assert (kept.runs, kept.journals) == (14 * DAY_MS, 2 * DAY_MS)


@pytest.mark.parametrize(
    ("text", "ms"),
    [("1m", 60_000), (" 90m ", 5_400_000), ("1w2d", 9 * DAY_MS), ("36525d", 36_525 * DAY_MS)],
)
def test_times_are_durations(text: str, ms: int) -> None:
    assert retention({"retention-events": text}, in_memory=False).events == ms


@pytest.mark.parametrize("text", ["59s", "36526d", "0", "-1d", "", "30", "a while"])
def test_a_time_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(SettingInvalid, match="--retention-runs: ") as caught:
        retention({"retention-runs": text}, in_memory=False)

    assert caught.value.setting == "retention-runs"
