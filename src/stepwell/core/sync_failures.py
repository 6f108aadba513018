"""Why an app could not be synchronised: codes for programs, and what to do about each for people.

An app's error is a code of the protocol or a text, as the reference stores it. A remembered
synchronisation has a code always.

Source: SDK protocol, 4.9; dashboard, 7.4.
"""

from typing import Final, NamedTuple

__all__ = [
    "FAILURES",
    "HTTP_BAD_REQUEST",
    "INVALID_FUNCTION",
    "IN_BAND_UNREADABLE",
    "IN_BAND_UNSIGNED",
    "NO_FUNCTIONS",
    "SDK_VERSION_DENIED",
    "SYNC_BLOCKED",
    "UNREACHABLE",
    "SyncFailure",
    "failure_of",
]

# What is stored as an app's error; the dashboard knows some of them. Source: SDK protocol, 4.9.
INVALID_FUNCTION: Final = "invalid_function"
NO_FUNCTIONS: Final = "No functions registered within your app"
SDK_VERSION_DENIED: Final = "sdk_version_denied"
UNREACHABLE: Final = "unreachable"
IN_BAND_UNSIGNED: Final = "The app's answer to the in-band sync is not signed with the signing key"
IN_BAND_UNREADABLE: Final = "The app's answer to the in-band sync cannot be read"

#: What the SDK is told when its version is denied.
SYNC_BLOCKED: Final = (
    "App sync was blocked because the app's inngest package (3.22.0 to 3.53.1) has a known"
    " security hole; upgrade it to 3.54.0 or later"
)

#: The code of a failure for which the protocol has none: the app said in its own words what is wrong.
HTTP_BAD_REQUEST: Final = "http_bad_request"

#: All codes, with what a person reads where the app said nothing itself.
FAILURES: Final = {
    UNREACHABLE: "Nothing answers at the app's URL; start the app, or correct the URL",
    "url_not_found": "The app's URL answers with status 404; correct the path at which the app"
    " serves its functions",
    "unauthorized": "The app's URL answers with status 401; let the server through, and check that"
    " both have the same signing key",
    "forbidden": "The app's URL answers with status 403; let the server's requests through",
    "internal_server_error": "The app failed with status 500; its own log says why",
    "unsupported_protocol": "The app cannot be spoken to over HTTP; check the scheme, the port and"
    " the certificate of its URL",
    "missing_signing_key": "The app has no signing key; set INNGEST_SIGNING_KEY for the app",
    "invalid_signing_key": "The app refuses the server's signature; give both the same signing key",
    "missing_server_signing_key": "The server has no signing key; start it with --signing-key",
    "missing_branch_env_name": "The app has the key of a branch environment; give it the server's"
    " signing key",
    "no_functions": "The app registered no functions; pass them to the SDK's serve handler",
    INVALID_FUNCTION: "At least one function is configured wrongly; correct it and deploy again",
    SDK_VERSION_DENIED: SYNC_BLOCKED,
    "response_not_signed": "The app's answer is not signed with the server's key; give both the"
    " same signing key and run the app in production mode",
    "not_sdk": "What answers at the app's URL is no SDK; correct the URL",
    HTTP_BAD_REQUEST: "The app answered with status 400",
}

_CODES_OF_TEXTS: Final = {
    NO_FUNCTIONS: "no_functions",
    IN_BAND_UNSIGNED: "response_not_signed",
}


class SyncFailure(NamedTuple):
    """Why a synchronisation failed: one of `FAILURES`, and a sentence."""

    code: str
    message: str


def failure_of(error: str) -> SyncFailure:
    """What an app's error means.

    >>> failure_of("unreachable").code
    'unreachable'
    >>> failure_of("The moon is full")
    SyncFailure(code='http_bad_request', message='The moon is full')
    """
    code = _CODES_OF_TEXTS.get(error, error)
    if code in FAILURES:
        return SyncFailure(code, FAILURES[code])
    if error.startswith(IN_BAND_UNREADABLE):
        return SyncFailure("not_sdk", error)
    return SyncFailure(HTTP_BAD_REQUEST, error)
