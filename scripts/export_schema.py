"""Write the GraphQL schema to `web/schema.graphql`, from which the dashboard's types are generated.

    uv run python scripts/export_schema.py

A test fails while the file differs from the schema.
"""

from pathlib import Path

from stepwell.api.graphql.schema import schema_text

PATH = Path(__file__).resolve().parent.parent / "web" / "schema.graphql"


def main() -> None:
    """Write the file."""
    PATH.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
