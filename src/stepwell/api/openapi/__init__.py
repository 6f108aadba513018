"""What the HTTP API takes and answers, declared beside each endpoint and shown as OpenAPI 3.1.

**To declare a route**, put a table beside the endpoint's `routes()`. It has the same paths and
methods as the routes:

    DECLARATIONS: Final[DeclarationTable] = {
        "/v1/runs/{run_id}/waiting": {
            "GET": Declaration(
                "explainRun",                             # unique; names methods of clients
                "Say why a run waits",                    # one line
                Tag.RUNS,
                answers=(
                    data(WaitingObject),                  # 200, {"data": …, "metadata": …}
                    refused(400, "Invalid run ID: …"),    # the error object, and its texts
                    refused(404, "Unable to load function run: …"),
                ),
            ),
        },
    }

and name the table in `surface.py`. A test fails for a mounted route without a declaration, and for
a declaration without a route; another one sends nonsense to everything that is declared.

- Shapes of bodies and answers are msgspec Structs; their docstrings become descriptions. Times are
  `Timestamp`, ids `Ulid` or `Uuid`, and closed sets of words `Annotated[str, one_of("a", "b")]`.
- Parameters in the path are known by their names (`PATH_PARAMETERS`). Those of the query stand in
  `parameters=(Parameter("limit", int, "How many"),)`, a body in `body=Body(SignalBody)`.
- Whether a key is needed follows from the path, by the rule that the server itself applies. What
  every route, or every one with a body, may answer (401, 413, 415, 503) is added by itself.
- Where an answer leads to is told by `links=(Link("getRun", "run_id", "/data/run_id"),)`; tests go
  there.
- What is no JSON is declared with `text_of` or `empty`; a route that is no part of the API, such as
  one that always refuses, is `Unlisted("why")`.
- A route that answers without end, such as a stream, is declared with `is_endless=True`, so that no
  test waits for its end.
"""

from stepwell.api.openapi.declaration import (
    Answer,
    Body,
    Declaration,
    DeclarationTable,
    Envelope,
    Link,
    Parameter,
    Refusal,
    Tag,
    Unlisted,
    data,
    empty,
    json,
    refused,
    text_of,
)
from stepwell.api.openapi.shapes import Timestamp, Ulid, UlidInPath, Uuid, one_of

__all__ = [
    "Answer",
    "Body",
    "Declaration",
    "DeclarationTable",
    "Envelope",
    "Link",
    "Parameter",
    "Refusal",
    "Tag",
    "Timestamp",
    "Ulid",
    "UlidInPath",
    "Unlisted",
    "Uuid",
    "data",
    "empty",
    "json",
    "one_of",
    "refused",
    "text_of",
]
