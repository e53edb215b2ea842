"""Refuses every connection that leaves this machine, in the tests and in what they start.

Python imports this module at start when its folder is on PYTHONPATH. What was refused is also
appended to the file in NETGUARD_LOG, since code may swallow the exception; the test run
fails when that file is not empty.
"""

import ipaddress
import os
import sys

_WATCHED = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"}


def _host(event: str, args: tuple) -> str | None:
    address = args[0] if event == "socket.getaddrinfo" else args[1]
    if isinstance(address, tuple):
        address = address[0]
    if isinstance(address, bytes):
        address = address.decode(errors="replace")
    # None and "" are this machine; other text without a port is the path of a Unix socket.
    if event != "socket.getaddrinfo" and not isinstance(args[1], tuple):
        return None
    return str(address) if address else None


def _is_local(host: str) -> bool:
    if host.lower() in {"localhost", "ip6-localhost"}:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guard(event: str, args: tuple) -> None:
    if event not in _WATCHED:
        return
    host = _host(event, args)
    if host is None or _is_local(host):
        return
    log = os.environ.get("NETGUARD_LOG")
    if log:
        with open(log, "a") as stream:
            stream.write(f"{event} {host}: {sys.argv[:3]}\n")
    raise OSError(f"the tests must not reach the network: {event} {host}")


sys.addaudithook(_guard)
