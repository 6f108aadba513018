"""Every route of the server, as declared by those who serve it."""

from typing import Final

from stepwell.api import (
    apps,
    cancellations,
    changes,
    checkpoint_declarations,
    control,
    dashboard,
    dev,
    event_api,
    event_outcomes,
    graphql,
    health,
    invoke,
    metadata,
    metrics,
    prom,
    readiness,
    registration,
    replays,
    reruns,
    rest_v1,
    retention,
    rollups,
    run_state,
    sign_in,
    signals,
    token_replacement,
    userland_traces,
    waiting,
)
from stepwell.api.openapi import endpoint
from stepwell.api.openapi.declaration import DeclarationTable
from stepwell.api.openapi.document import Listed, listed

__all__ = ["TABLES", "declared_routes"]

TABLES: Final[tuple[DeclarationTable, ...]] = (
    event_api.DECLARATIONS,
    invoke.DECLARATIONS,
    rest_v1.DECLARATIONS,
    event_outcomes.DECLARATIONS,
    waiting.DECLARATIONS,
    rollups.DECLARATIONS,
    reruns.DECLARATIONS,
    signals.DECLARATIONS,
    metadata.DECLARATIONS,
    userland_traces.DECLARATIONS,
    cancellations.DECLARATIONS,
    replays.DECLARATIONS,
    control.DECLARATIONS,
    apps.DECLARATIONS,
    checkpoint_declarations.DECLARATIONS,
    run_state.DECLARATIONS,
    registration.DECLARATIONS,
    dev.DECLARATIONS,
    retention.DECLARATIONS,
    graphql.DECLARATIONS,
    changes.DECLARATIONS,
    metrics.DECLARATIONS,
    prom.DECLARATIONS,
    health.DECLARATIONS,
    readiness.DECLARATIONS,
    dashboard.DECLARATIONS,
    sign_in.DECLARATIONS,
    token_replacement.DECLARATIONS,
    endpoint.DECLARATIONS,
)


def declared_routes() -> list[Listed]:
    """All routes of the server that are part of its API."""
    return listed(TABLES)
