"""The HTTP API: events in, runs and functions out."""

from stepwell.api.app import create_api
from stepwell.api.services import ApiServices, ApiSettings, DevOptions

__all__ = ["ApiServices", "ApiSettings", "DevOptions", "create_api"]
