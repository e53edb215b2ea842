"""Whether code of a language model can be kept in a jail: it is put there, and tries to get out."""

from __future__ import annotations

import json
import os
import secrets
import socket
import tempfile
from pathlib import Path

from rlm.commands.doctor.check import Finding, missing, ok, warning
from sandbox import Level, Sandbox, SandboxError, SandboxUnavailable

# Each must fail. The file and the listener are the host's, and open to everyone on it.
_ESCAPES = """
import json, os, socket

def read():
    return open({file!r}).read()

def connect():
    return socket.create_connection(("127.0.0.1", {port}), timeout=2)

def start():
    return os.posix_spawn("/bin/sh", ["sh", "-c", ":"], {{}})

def kill():
    return os.kill({pid}, 0)

done = []
for escape in (read, connect, start, kill):
    try:
        escape()
    except BaseException:
        continue
    done.append(escape.__name__)
print(json.dumps(done))
"""
_UBUNTU = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")


def levels() -> list[Finding]:
    """What holds at each level; no question is answered without one of them."""
    found = {level: _try(level) for level in ("bubblewrap", "landlock")}
    holding = [level for level, trouble in found.items() if trouble is None]
    if not holding:
        cause, remedy = found["landlock"] or ("", "")
        other, other_remedy = found["bubblewrap"] or ("", "")
        return [missing("jail", f"none: {other}; {cause}", f"{other_remedy}; or {remedy}")]
    held = "files, network, programs and processes of this machine are out of reach"
    strongest = ok("jail", f"{holding[0]}: {held}")
    if holding[0] == "bubblewrap":
        return [strongest]
    cause, remedy = found["bubblewrap"] or ("", "")
    return [strongest, warning("bubblewrap", f"the stronger level is not had: {cause}", remedy)]


def _try(level: Level) -> tuple[str, str] | None:
    """Cause and remedy when ``level`` does not start, or does not hold."""
    secret = secrets.token_hex(8)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file, socket.socket() as listener:
        file.write(secret)
        file.flush()
        Path(file.name).chmod(0o644)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        code = _ESCAPES.format(file=file.name, port=listener.getsockname()[1], pid=os.getpid())
        try:
            with Sandbox({}, level=level) as sandbox:
                outcome = sandbox.run(code)
        except SandboxUnavailable as error:
            return error.cause, _remedy(level, error)
        except SandboxError as error:
            return str(error), "see the message"
    if outcome.error is not None:
        return f"the cell failed: {outcome.error.type}: {outcome.error.message}", "please report it"
    out = json.loads(outcome.stdout)
    if out:
        return f"code got out: it could {', '.join(out)}", "do not use it; please report it"
    return None


def _remedy(level: Level, error: SandboxUnavailable) -> str:
    restricted = _UBUNTU.is_file() and _UBUNTU.read_text().strip() == "1"
    if level == "bubblewrap" and restricted and "not installed" not in error.cause:
        return (
            "Ubuntu's AppArmor keeps bwrap from making user namespaces: give it a profile "
            "(package apparmor-profiles, bwrap-userns-restrict), or as root: "
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        )
    return error.remedy
