"""The GraphQL API: `schema.graphql` says what there is, the other modules where it comes from."""

from stepwell.api.graphql.endpoint import DECLARATIONS, GraphqlEndpoint
from stepwell.api.graphql.request import GraphqlServices, Request
from stepwell.api.graphql.server_facts import ServerFacts

__all__ = ["DECLARATIONS", "GraphqlEndpoint", "GraphqlServices", "Request", "ServerFacts"]
