"""Workloads of flow control: a deep backlog over many keys, and one tenant that floods.

Both pause a function over Stepwell's own API, so they are left out for other servers.
"""

import urllib.request
from collections.abc import Iterator

import msgspec

from bench.functions import APP, TENANT_LIMIT
from bench.load import Sent
from bench.result import Result
from bench.server import OwnServer, rss_bytes, rss_peak_bytes
from bench.session import Session

__all__ = ["backlog", "tenants"]

_FUNCTION = "keyed"
_SLUG = f"{APP}-{_FUNCTION}"


def backlog(session: Session) -> Iterator[Result]:
    """How fast a backlog is worked off, next to how deep it is."""
    if session.target.url is not None:
        return
    for depth in session.scale.backlogs:
        with session.own_server() as server:
            keys = min(session.scale.keys, depth)
            sent = _queued(session, server, count=depth, keys=keys)
            rss_before_mb = rss_bytes(server.pids()) / 1e6
            _control(server, "resume")
            runs_per_s, cpu_s_per_call = session.watched(server, depth)
            account = session.account(sent)
            yield Result(
                workload="backlog",
                case=f"{depth:,} queued over {keys:,} keys",
                runs_per_s=runs_per_s,
                cpu_s_per_1000_calls=1_000 * cpu_s_per_call,
                rss_mb=rss_bytes(server.pids()) / 1e6,
                rss_peak_mb=rss_peak_bytes(server.pids()) / 1e6,
                duplicates=account.duplicate_runs + account.repeated_ends,
                retried_calls=account.retried_calls,
                not_accepted=len(sent.not_accepted),
                problem=sent.problem,
                more={"rss_while_queued_mb": rss_before_mb},
            )
            if not session.scale.fresh_servers:
                session.wait_for_runs(sent)


def tenants(session: Session) -> Iterator[Result]:
    """What many tenants that send a little notice of one that floods."""
    if session.target.url is not None:
        return
    scale = session.scale
    quiet = tuple(f',"tenant":"t{number}"' for number in range(1, scale.tenants))
    for flood in (0, scale.flood):
        with session.own_server() as server:
            if flood:
                _queued(session, server, count=flood, keys=1)
                _control(server, "resume")
            case = f"{flood:,} of one tenant queued" if flood else "nobody floods"
            yield session.paced(
                server,
                "tenants",
                f"{case}, {scale.tenants_rate:g}/s of {len(quiet):,} others, "
                f"{TENANT_LIMIT} at a time each",
                function=_FUNCTION,
                rate=scale.tenants_rate,
                fields=quiet,
            )


def _queued(session: Session, server: OwnServer, *, count: int, keys: int) -> Sent:
    """Queue runs that may not start until the function is resumed."""
    _control(server, "pause", new_runs="wait")
    fields = tuple(f',"tenant":"k{number}"' for number in range(keys))
    return session.send(server, function=_FUNCTION, count=count, fields=fields)


def _control(server: OwnServer, action: str, **body: str) -> None:
    request = urllib.request.Request(
        f"{server.url}/v1/functions/{_SLUG}/{action}",
        data=msgspec.json.encode(body),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60):
        pass
