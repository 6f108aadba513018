"""HTTP requests that the server makes for steps, to wherever their apps ask."""

from stepwell.drivers.gateway.client import GatewayLimits, HttpGateway
from stepwell.drivers.gateway.dial import Resolver
from stepwell.drivers.gateway.public_addresses import is_public

__all__ = ["GatewayLimits", "HttpGateway", "Resolver", "is_public"]
