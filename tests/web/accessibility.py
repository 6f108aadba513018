"""What axe finds on a page: nothing."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

__all__ = ["assert_accessible"]

_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_NODES_SHOWN = 5

_axe = Axe()


def assert_accessible(page: Page, *, within: str | None = None) -> None:
    """Nothing is wrong by WCAG 2.2 AA, or by what axe takes for good practice.

    Args:
        page: As it looks now; its theme and size count.
        within: A CSS selector, to look at this part only.

    Raises:
        AssertionError: Something is; the message names rules and elements.
    """
    options = {"runOnly": {"type": "tag", "values": list(_TAGS)}, "resultTypes": ["violations"]}
    found = _axe.run(page, context=within, options=options).response["violations"]
    assert not found, "\n".join(_told(violation) for violation in found)


def _told(violation: dict[str, Any]) -> str:
    nodes = violation["nodes"]
    lines = [f"{violation['id']} ({violation['impact']}): {violation['help']}"]
    for node in nodes[:_NODES_SHOWN]:
        lines.append(f"  {' '.join(map(str, node['target']))}")
        lines.append(f"    {node['html'][:200]}")
        lines += [f"    {line}" for line in node["failureSummary"].splitlines()[1:3]]
    if len(nodes) > _NODES_SHOWN:
        lines.append(f"  and {len(nodes) - _NODES_SHOWN} more")
    return "\n".join(lines)
