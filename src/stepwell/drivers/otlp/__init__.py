"""Runs and steps as OpenTelemetry spans, sent to a collector.

The official exporters are not used: they want spans that were made by their own SDK, whose ids and
times cannot be given, and bring threads and an HTTP client of their own. What is left of them is a
request of one message, which `opentelemetry-proto` describes.
"""

from stepwell.drivers.otlp.exporter import OtlpExporter, Pacing
from stepwell.drivers.otlp.run_spans import ExportedSpan, RunSpans
from stepwell.drivers.otlp.sending import (
    GrpcSender,
    HttpSender,
    Refused,
    Sender,
    Sent,
    TryAgain,
)

__all__ = [
    "ExportedSpan",
    "GrpcSender",
    "HttpSender",
    "OtlpExporter",
    "Pacing",
    "Refused",
    "RunSpans",
    "Sender",
    "Sent",
    "TryAgain",
]
