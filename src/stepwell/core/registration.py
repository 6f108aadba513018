"""An app registers its functions, or is found to be out of order.

The app's name is its identity. Functions are compared one by one: one whose configuration is as
before keeps its version, and with it the cron chains that are under way.

Source: SDK protocol, 4.5 to 4.10.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import NAMESPACE_OID, uuid5

import msgspec

from stepwell.core.app import App
from stepwell.core.app_sync import SyncMark
from stepwell.core.function import Function
from stepwell.core.function_rules import problems_of
from stepwell.core.identity import AppId, EnvironmentId, FunctionId
from stepwell.core.moment import Moment
from stepwell.core.pausing import registered_pause
from stepwell.core.sync_failures import (
    INVALID_FUNCTION,
    NO_FUNCTIONS,
    SDK_VERSION_DENIED,
    SYNC_BLOCKED,
)
from stepwell.core.sync_history import (
    SyncCause,
    explained,
    record_failure,
    record_registration,
)
from stepwell.core.tick import first_tick
from stepwell.core.transition import Transition
from stepwell.wire.config import ConfigProblem, CronTrigger, FunctionConfig
from stepwell.wire.registration import RegisterRequest, checksum, is_denied_sdk
from stepwell.wire.sdk_url import normalise_url

__all__ = [
    "KnownApps",
    "Refusal",
    "Registration",
    "app_failed",
    "placeholder",
    "register",
    "remove",
    "typed_url",
]


class KnownApps(msgspec.Struct, frozen=True):
    """All apps and functions, archived ones included.

    Attributes:
        syncs: What is remembered of their synchronisations, the oldest first.
    """

    apps: Mapping[AppId, App] = {}
    functions: Mapping[FunctionId, Function] = {}
    syncs: Mapping[AppId, Sequence[SyncMark]] = {}

    def named(self, environment_id: EnvironmentId, name: str) -> App | None:
        """The app of that name, archived or not."""
        for app in self.apps.values():
            if app.name == name and app.environment_id == environment_id:
                return app
        return None

    def at(self, environment_id: EnvironmentId, url: str) -> list[App]:
        """Apps and placeholders that are not archived and have that normalised URL."""
        return [
            app
            for app in self.apps.values()
            if app.url == url and app.environment_id == environment_id and not app.archived_ms
        ]

    def app(self, environment_id: EnvironmentId, reference: str) -> App | None:
        """The app, archived or not, with that id or name; placeholders have none."""
        app = self.apps.get(AppId(reference))
        if app is not None and app.name and app.environment_id == environment_id:
            return app
        return self.named(environment_id, reference) if reference else None

    def function(self, environment_id: EnvironmentId, reference: str) -> Function | None:
        """The function with that id or slug; of several with the slug, the one that is active."""
        function = self.functions.get(FunctionId(reference))
        if function is not None and function.environment_id == environment_id:
            return function
        found = [
            each
            for each in self.functions.values()
            if each.slug == reference and each.environment_id == environment_id
        ]
        return max(found, key=lambda each: (not each.archived, each.updated_ms), default=None)

    def functions_of(self, app_id: AppId) -> list[Function]:
        """The app's functions, archived ones included."""
        return [function for function in self.functions.values() if function.app_id == app_id]


class Refusal(msgspec.Struct, frozen=True):
    """Why a registration is not accepted: what the SDK is answered.

    Attributes:
        status: HTTP status.
        code: For programs; "" where the protocol has none.
        problems: All that is wrong with the functions, if that is the reason.
    """

    status: int
    message: str
    code: str = ""
    problems: tuple[ConfigProblem, ...] = ()


_OBSERVATION_BYTES_MAX: Final = 16 * 1024
_APP_NAME_CHARS_MAX: Final = 1024
_DENIED: Final = Refusal(400, SYNC_BLOCKED, SDK_VERSION_DENIED)


class Registration(msgspec.Struct, frozen=True):
    """What comes of a registration.

    Attributes:
        transition: What is to be written. A refused registration, too, writes its reason.
        app: The app as it is then; None if it has no name.
        modified: Whether this differs from what the app registered before.
        refusal: Why it is not accepted; None if it is.
        sync_id: Names this registration; a UUID.
    """

    transition: Transition
    app: App | None
    modified: bool
    sync_id: str
    refusal: Refusal | None = None


def register(
    request: RegisterRequest,
    known: KnownApps,
    *,
    environment_id: EnvironmentId,
    at: Moment,
    platform: str = "",
    cause: SyncCause = SyncCause.APP,
) -> Registration:
    """Take over what an app says about itself and its functions.

    One invalid function refuses the whole registration: the functions stay as they were, and the
    app keeps the reason as its error. Functions that are not mentioned are archived; their runs go
    on. Registering the same again changes nothing.

    Args:
        request: What the SDK sent.
        known: All apps and functions as they are stored.
        environment_id: Where the app belongs.
        at: Clock and ids for this decision.
        platform: Where the app runs, as the SDK found out; only shown.
        cause: Why the app registers; decides what is remembered of it.

    Departs from the reference in that unchanged functions of a changed app keep their version, and
    that a function that comes back after it was archived keeps its id, so that its runs stay with
    it. Pauses and drains, which the reference does not have, outlast any registration.

    Source: SDK protocol, 4.5 and 4.6.
    """
    sync_id = str(uuid5(NAMESPACE_OID, at.ids.ulid(at.now_ms)))
    transition = Transition()
    if not request.app_name:
        return Registration(transition, None, False, sync_id, Refusal(400, "App ID required"))
    if len(request.app_name) > _APP_NAME_CHARS_MAX:
        message = f"An app ID has at most {_APP_NAME_CHARS_MAX} characters"
        return Registration(transition, None, False, sync_id, Refusal(400, message))

    current = known.named(environment_id, request.app_name)
    placeholders = [app for app in known.at(environment_id, request.url) if not app.name]
    if current is None:
        current = next((app for app in placeholders if known.functions_of(app.id)), None)
    app = _synced_app(request, current, environment_id=environment_id, at=at, platform=platform)
    transition.apps_removed += [
        each.id for each in placeholders if each.id != app.id and not known.functions_of(each.id)
    ]

    is_denied = is_denied_sdk(request)
    if current is not None and not is_denied and _is_unchanged(current, app):
        if current.observations != app.observations:
            current = msgspec.structs.replace(current, observations=app.observations)
            transition.apps.append(current)
        _remember(transition, current, known, cause, is_unchanged=True, at=at)
        return Registration(transition, current, False, sync_id)

    refusal = _DENIED if is_denied else _refusal(request)
    if refusal is not None:
        app = _refused_app(app, refusal)
    elif not _sync_functions(transition, request, app, known, at=at) and not request.functions:
        app = msgspec.structs.replace(app, error=NO_FUNCTIONS)
    has_changed = _put_app(transition, current, app)
    _remember(transition, app, known, cause, refusal=refusal, at=at)
    modified = refusal is None and (has_changed or bool(transition.functions))
    return Registration(transition, app, modified, sync_id, refusal)


def remove(apps: Iterable[App], known: KnownApps, *, at: Moment) -> Transition:
    """Archive the apps and their functions; placeholders are deleted. Runs go on."""
    transition = Transition()
    for app in apps:
        functions = known.functions_of(app.id)
        if app.name or functions:
            transition.apps.append(msgspec.structs.replace(app, archived_ms=at.now_ms))
            _archive(transition, functions)
        else:
            transition.apps_removed.append(app.id)
    return transition


def app_failed(
    apps: Iterable[App],
    error: str,
    known: KnownApps,
    *,
    at: Moment,
    cause: SyncCause = SyncCause.POLL,
) -> Transition:
    """Note why the apps could not be reached. The next good registration clears it.

    Nothing is written for those of which the same is known, unless a person asked.
    """
    transition = Transition()
    for app in apps:
        if app.error != error:
            transition.apps.append(msgspec.structs.replace(app, error=error, error_detail=""))
        marks = known.syncs.get(app.id, ())
        record_failure(transition, app, marks, cause, error=error, at=at)
    return transition


def placeholder(
    url: str, known: KnownApps, *, environment_id: EnvironmentId, at: Moment, error: str
) -> Transition:
    """Remember that there should be an app at a URL, until that app registers itself.

    Nothing is written if an app at that URL is known.

    Args:
        url: As `typed_url` gives it.
        known: All apps and functions as they are stored.
        environment_id: Where the app will belong.
        at: Clock and ids for this decision.
        error: What is shown until then, such as `UNREACHABLE`.

    Source: SDK protocol, 4.10.
    """
    transition = Transition()
    if not known.at(environment_id, url):
        app_id = AppId(str(uuid5(NAMESPACE_OID, url)))
        transition.apps.append(
            App(app_id, environment_id, "", url, error=error, created_ms=at.now_ms)
        )
    return transition


def typed_url(text: str) -> str:
    """The normalised URL that a person means, who may leave out `http://`.

    Source: SDK protocol, 4.10.
    """
    url = text.strip()
    return normalise_url(url if "://" in url else f"http://{url}")


def _synced_app(
    request: RegisterRequest,
    current: App | None,
    *,
    environment_id: EnvironmentId,
    at: Moment,
    platform: str,
) -> App:
    """The app as it is once this registration is accepted."""
    app_id = AppId(str(uuid5(NAMESPACE_OID, request.app_name)))
    return App(
        app_id if current is None else current.id,
        environment_id,
        request.app_name,
        request.url,
        method="connect" if request.is_connect else "serve",
        sdk_language=request.sdk_language,
        sdk_version=request.sdk_version,
        framework=request.framework,
        platform=platform,
        app_version=request.app_version,
        checksum=checksum(request),
        created_ms=at.now_ms if current is None else current.created_ms,
        synced_ms=at.now_ms,
        drained_ms=0 if current is None else current.drained_ms,
        observations=_observations(request),
    )


def _remember(
    transition: Transition,
    app: App,
    known: KnownApps,
    cause: SyncCause,
    *,
    at: Moment,
    refusal: Refusal | None = None,
    is_unchanged: bool = False,
) -> None:
    """Remember what came of the registration that the transition takes over."""
    problems = () if refusal is None else refusal.problems
    record_registration(
        transition,
        app,
        known.syncs.get(app.id, ()),
        cause,
        active=(each.id for each in known.functions_of(app.id) if not each.archived),
        failure=explained(app.error, problems) if app.error else None,
        is_unchanged=is_unchanged,
        at=at,
    )


def _observations(request: RegisterRequest) -> str:
    """What the SDK observed of its own features; nothing if it is more than that can be."""
    sent = bytes(request.feature_observations)
    return "" if sent == b"null" or len(sent) > _OBSERVATION_BYTES_MAX else sent.decode()


def _is_unchanged(current: App, app: App) -> bool:
    """Whether the app said the same before, was accepted, and has been well since."""
    return not current.archived_ms and not current.error and current.checksum == app.checksum


def _refusal(request: RegisterRequest) -> Refusal | None:
    problems = problems_of(request)
    if not problems:
        return None
    return Refusal(400, "At least one function is invalid", problems=problems)


def _refused_app(app: App, refusal: Refusal) -> App:
    """The app with the reason why its functions are not accepted."""
    detail = msgspec.json.encode(refusal.problems).decode() if refusal.problems else ""
    return msgspec.structs.replace(app, error=refusal.code or INVALID_FUNCTION, error_detail=detail)


def _put_app(transition: Transition, current: App | None, app: App) -> bool:
    """Write the app if it differs: being refused again every few seconds must cost no commit."""
    if current is not None:
        synced_again = msgspec.structs.replace(current, synced_ms=app.synced_ms)
        if synced_again == app:
            return False
    transition.apps.append(app)
    return True


def _sync_functions(
    transition: Transition,
    request: RegisterRequest,
    app: App,
    known: KnownApps,
    *,
    at: Moment,
) -> bool:
    """Add, change and archive functions; returns whether any was archived."""
    # A durable endpoint comes and goes with its calls, not with registrations.
    functions = [each for each in known.functions_of(app.id) if not each.endpoint_method]
    # An active function comes last, because it goes before archived ones with the same slug.
    by_slug = {
        function.slug: function
        for function in sorted(functions, key=lambda each: (not each.archived, each.updated_ms))
    }
    taken = set(known.functions)
    for config in request.functions:
        current = by_slug.get(config.slug)
        if current is not None and _is_same(current, config, app):
            continue
        function_id = _new_function_id(config, app, taken) if current is None else current.id
        taken.add(function_id)
        function = _synced_function(function_id, current, config, app, at=at)
        transition.functions.append(function)
        for trigger in config.triggers:
            if isinstance(trigger, CronTrigger):
                item = first_tick(function, trigger, at=at)
                if item is not None:
                    transition.put.append(item)
    slugs = {config.slug for config in request.functions}
    return _archive(transition, (each for each in functions if each.slug not in slugs))


def _is_same(current: Function, config: FunctionConfig, app: App) -> bool:
    return not current.archived and current.app_name == app.name and current.config == config


def _synced_function(
    function_id: FunctionId,
    current: Function | None,
    config: FunctionConfig,
    app: App,
    *,
    at: Moment,
) -> Function:
    return Function(
        function_id,
        app.id,
        app.name,
        app.environment_id,
        config.slug,
        config.name,
        1 if current is None else current.version + 1,
        config,
        at.now_ms,
        pause=registered_pause(current, app, at=at),
    )


def _new_function_id(config: FunctionConfig, app: App, taken: set[FunctionId]) -> FunctionId:
    """The same on every server, for a function that nobody has registered before.

    Source: SDK protocol, 4.6, step 8.
    """
    function_id = FunctionId(str(uuid5(NAMESPACE_OID, f"{config.name}{config.url}")))
    if function_id in taken:
        # Name and URL may be those of another function; app and slug are not.
        function_id = FunctionId(str(uuid5(NAMESPACE_OID, f"{app.id}{config.slug}")))
    return function_id


def _archive(transition: Transition, functions: Iterable[Function]) -> bool:
    archived = [
        msgspec.structs.replace(function, archived=True)
        for function in functions
        if not function.archived
    ]
    transition.functions += archived
    return bool(archived)
