"""Which addresses are of this machine.

A settings file may name any scheduler, and who runs one can run code as its clients. On this
machine that takes somebody who is here already. But a name may lead here now and elsewhere in a
moment: what was found to be here is given in numbers, and these are what is then connected to.
"""

import ipaddress
import re
import socket
from contextlib import closing

_ADDRESS = re.compile(r"(tcp|tls)://(\[[^\s\[\]]+\]|[^\s:/\[\]]+):(\d{1,5})")
_KNOCK = 1.0  # seconds


def nearest(address: str) -> str | None:
    """Return an address in numbers, if it is of this machine; of several, one that answers."""
    ways = _ways(address)
    if len(ways) > 1:
        return next(filter(_answers, ways), ways[0])
    return ways[0] if ways else None


def _ways(address: str) -> list[str]:
    """Resolve an address, IPv4 first; nothing if any of what it may mean is not here."""
    if not (parts := _ADDRESS.fullmatch(address)):
        return []
    scheme, host, port = parts.groups()
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, OverflowError, UnicodeError):
        return []
    hosts = sorted({str(each[4][0]) for each in found}, key=lambda one: (":" in one, one))
    if not all(map(_is_here, hosts)):
        return []
    return [f"{scheme}://{f'[{one}]' if ':' in one else one}:{port}" for one in hosts]


def _is_here(host: str) -> bool:
    """Tell whether a packet to a host would leave from that host itself; none is sent.

    To bind to it says less: where `ip_nonlocal_bind` is set, every address can be bound to.
    """
    place = ipaddress.ip_address(host)
    if place.is_loopback or place.is_unspecified:
        return True
    family = socket.AF_INET6 if place.version == 6 else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return False
        return str(probe.getsockname()[0]) == host


def _answers(address: str) -> bool:
    host, _, port = address.partition("://")[2].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK).close()
    except OSError:
        return False
    return True
