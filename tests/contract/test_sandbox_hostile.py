"""No hostile snippet succeeds: at every level, as whoever runs this, as an ordinary user, and in a
user namespace without privileges.

The snippets against the session do not depend on who runs them, so they run once per level.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jails exist on Linux only")

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "unit" / "sandbox" / "hostile.py"
LEVELS = ("bubblewrap", "landlock")
USER = 54321
UNPRIVILEGED = "setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all"


def _readable_tree() -> str:
    """Shell commands that, in a mount namespace of its own, open the way to Python for all users.

    A folder that other users may not enter is covered by an empty one in which only the needed
    folders reappear.
    """
    needed = [Path(os.path.realpath(sys.executable)).parents[1], Path(sys.prefix), ROOT]
    needed += [Path(entry) for entry in sys.path if entry.endswith("-packages")]
    closed: dict[Path, list[Path]] = {}
    for path in needed:
        for parent in reversed(path.parents):
            if not parent.stat().st_mode & 0o001:
                closed.setdefault(parent, []).append(path)
                break
    lines = []
    for folder, paths in closed.items():
        held = [f"$kept/{number}" for number in range(len(paths))]
        lines += ["kept=$(mktemp -d)", "mount -t tmpfs -o mode=0755 none $kept"]
        for path, place in zip(paths, held, strict=True):
            lines += [f"mkdir {place}", f"mount --bind {shlex.quote(str(path))} {place}"]
        lines.append(f"mount -t tmpfs -o mode=0755 none {shlex.quote(str(folder))}")
        for path, place in zip(paths, held, strict=True):
            quoted = shlex.quote(str(path))
            lines += [f"mkdir -p {quoted}", f"mount --bind {place} {quoted}"]
        lines += ["umount -R $kept", "rmdir $kept"]
    return "\n".join(["set -e", *lines])


def _as_user(then: str) -> list[str]:
    change = f"exec setpriv --reuid {USER} --regid {USER} --clear-groups --inh-caps=-all {then}"
    return ["unshare", "--mount", "sh", "-c", f'{_readable_tree()}\n{change} "$@"', "sh"]


IDENTITIES = {
    "this user": [],
    "ordinary user": _as_user(""),
    "user namespace": ["unshare", "--user", "--map-root-user", *shlex.split(UNPRIVILEGED)],
    "ordinary user in a user namespace": _as_user(f"unshare --user --map-root-user {UNPRIVILEGED}"),
}


def _wrapper(identity: str) -> list[str]:
    """The command that changes to an identity; skips where that is impossible."""
    words = IDENTITIES[identity]
    if "ordinary user" in identity and os.geteuid() != 0:
        pytest.skip("this is an ordinary user already")
    if words:
        if shutil.which("unshare") is None or shutil.which("setpriv") is None:
            pytest.skip("unshare and setpriv (util-linux) are not installed")
        probe = subprocess.run([*words, "true"], capture_output=True, text=True, cwd="/")
        if probe.returncode:
            pytest.skip(f"cannot become {identity!r} here: {probe.stderr.strip()[-200:]}")
    return words


def _run(words: list[str], *arguments: str) -> dict[str, object]:
    command = [*words, sys.executable, "-B", "-W", "error", str(SCRIPT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=200)
    if done.returncode:
        return {"level": arguments[0], "ran": 0, "failures": [done.stderr[-3000:]]}
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("identity", IDENTITIES)
def test_no_hostile_snippet_succeeds(identity: str) -> None:
    words = _wrapper(identity)
    part = ("all",) if identity == "this user" else ("machine",)
    levels = [level for level in LEVELS if level == "landlock" or shutil.which("bwrap")]
    with ThreadPoolExecutor() as both:
        reports = list(both.map(lambda level: _run(words, level, *part), levels))
    for report in reports:
        if "SandboxUnavailable" in str(report["failures"]):
            continue  # a level that does not start lets nothing through
        assert report["failures"] == [], report["level"]
        assert int(str(report["ran"])) >= 60
    assert any(report["ran"] for report in reports), reports
