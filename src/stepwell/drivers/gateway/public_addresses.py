"""Which addresses are on the public internet, and which are somebody's own network.

An app decides where the server sends a step's request. Without this rule it could use the server to
reach what only the server can: its neighbours, its host and the cloud's metadata service.

The tables are those of IANA's special-purpose address registries (RFC 6890) and not the standard
library's, whose answers differ between versions of Python.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

__all__ = ["is_public"]

_NOT_PUBLIC_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by carriers; metadata of Alibaba Cloud
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # a public address that Azure answers from inside every host
            "169.254.0.0/16",  # link-local; metadata of most clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments; metadata of Oracle Cloud
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
# All other IPv6 addresses are loopback, link-local, unique local, multicast or not assigned.
_PUBLIC_V6: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_V6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo and ORCHID among them
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ),
    )
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_SIX_TO_FOUR_SHIFT: Final = 80
_LOW_32_BITS: Final = 0xFFFF_FFFF


def is_public(address: str) -> bool:
    """Whether the address may be reached by requests that an app asks for.

    IPv6 addresses that stand for an IPv4 address are as public as that one.

    Args:
        address: In the form that resolvers give; with a zone it is never public.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _is_public_v4(parsed)
    if parsed.scope_id is not None:
        return False
    embedded = _embedded(parsed)
    if embedded is not None:
        return _is_public_v4(embedded)
    return parsed in _PUBLIC_V6 and not any(parsed in network for network in _NOT_PUBLIC_V6)


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in network for network in _NOT_PUBLIC_V4)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address at which packets to this one arrive."""
    if address in _MAPPED or address in _NAT64:
        return IPv4Address(int(address) & _LOW_32_BITS)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> _SIX_TO_FOUR_SHIFT & _LOW_32_BITS)
    return None
