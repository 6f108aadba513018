"""Names of the HTTP headers of the SDK protocol, in lower case as ASGI and our client carry them.

Source: SDK protocol, 2.
"""

from typing import Final

# Server to app, and back.
REQ_VERSION: Final = "x-inngest-req-version"  # hashing scheme; -1 until the SDK has named its own
SIGNATURE: Final = "x-inngest-signature"
SERVER_KIND: Final = "x-inngest-server-kind"  # "dev" or "cloud"; self-hosted counts as cloud
SYNC_KIND: Final = "x-inngest-sync-kind"  # "in_band" or "out_of_band"

# Server to app, on each call.
RUN_ID: Final = "x-run-id"
STEP_ID: Final = "x-inngest-step-id"  # same as the query parameter `stepId`
JOB_ID: Final = "x-inngest-job-id"  # stays the same over all attempts
REQUEST_ID: Final = "x-request-id"  # new for each dispatch; without "inngest", SDKs look for this
GENERATION_ID: Final = "x-inngest-generation-id"  # fences stale checkpoints; absent means 0
FORCE_STEP_PLAN: Final = "x-inngest-force-step-plan"  # durable endpoints only

# Server to app, on each call, and back. Source: W3C Trace Context.
TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"

# App to server.
SDK: Final = "x-inngest-sdk"  # "inngest-js:v4.18.1"; without it an answer is not an SDK's
NO_RETRY: Final = "x-inngest-no-retry"  # "true" forbids a retry, any other value allows it
RETRY_AFTER: Final = "retry-after"
EXPECTED_SERVER_KIND: Final = "x-inngest-expected-server-kind"
FRAMEWORK: Final = "x-inngest-framework"
PLATFORM: Final = "x-inngest-platform"
ENV: Final = "x-inngest-env"  # name of a branch environment
EVENT_ID_SEED: Final = "x-inngest-event-id-seed"  # makes event ids repeatable over client retries
