"""The dashboard is written against the schema that the server has."""

from pathlib import Path

from stepwell.api.graphql.schema import schema_text

_EXPORTED = Path(__file__).resolve().parents[3] / "web" / "schema.graphql"


def test_the_exported_schema_is_the_schema() -> None:
    """Written by `scripts/export_schema.py`."""
    assert _EXPORTED.read_text(encoding="utf-8") == schema_text()
