"""Which level starts where, and what is said where none does. Each refusal is a real one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import Sandbox, SandboxError, levels

ROOT = Path(__file__).resolve().parents[3]
linux = pytest.mark.skipif(sys.platform != "linux", reason="jails exist on Linux only")

# Makes Landlock's calls fail as a kernel without it does, for this process and its children.
WITHOUT_LANDLOCK = """
import ctypes, errno, struct
from sandbox import lockdown, seccomp
lockdown.renounce(inspectable=True)
code = [(0x20, 0, 0, 0), (0x35, 0, 2, 444), (0x35, 1, 0, 447),
        (6, 0, 0, 0x50000 | errno.ENOSYS), (6, 0, 0, 0x7FFF0000)]
seccomp.program = lambda: code
seccomp.install()
"""
NO_PROGRAMS = "import os\nos.environ['PATH'] = '/nowhere'\n"


def script(code: str, wrapper: tuple[str, ...] = ()) -> str:
    """Run code in a Python of its own; returns what it printed."""
    code = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{code}"
    done = subprocess.run(
        [*wrapper, sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, cwd="/", timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


TRY = """
from sandbox import Sandbox, SandboxUnavailable
try:
    with Sandbox({{}}, level={level!r}) as sandbox:
        print("level:", sandbox.level)
        print("notice:", sandbox.notice)
        print("works:", sandbox.run("6 * 7").stdout)
except SandboxUnavailable as error:
    assert "\\n" not in str(error)
    print("cause:", error.cause)
    print("remedy:", error.remedy)
"""


@linux
def test_the_strongest_level_starts_by_itself() -> None:
    with Sandbox({}) as sandbox:
        assert sandbox.level == ("bubblewrap" if shutil.which("bwrap") else "landlock")
        assert sandbox.level == "landlock" or sandbox.notice is None


@linux
def test_without_bubblewrap_landlock_is_used_and_says_why() -> None:
    text = script(NO_PROGRAMS + TRY.format(level="auto"))
    assert "level: landlock" in text and "works: 42" in text
    assert "notice: bubblewrap: bubblewrap (the command bwrap) is not installed" in text


@linux
def test_an_explicit_level_is_never_exchanged_for_another() -> None:
    text = script(NO_PROGRAMS + TRY.format(level="bubblewrap"))
    assert "level" not in text
    assert "cause: bubblewrap (the command bwrap) is not installed" in text
    assert "remedy: install the package bubblewrap" in text


@linux
def test_without_landlock_that_level_is_refused() -> None:
    text = script(WITHOUT_LANDLOCK + TRY.format(level="landlock"))
    assert "cause: the landlock level does not start here" in text
    assert "remedy: boot a kernel of 5.13 or newer" in text


@linux
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bwrap is not installed")
def test_without_landlock_bubblewrap_alone_still_works() -> None:
    text = script(WITHOUT_LANDLOCK + TRY.format(level="auto"))
    assert "level: bubblewrap" in text and "works: 42" in text


@linux
def test_with_neither_all_causes_and_remedies_are_given() -> None:
    text = script(NO_PROGRAMS + WITHOUT_LANDLOCK + TRY.format(level="auto"))
    assert "cause: bubblewrap: " in text and "landlock: OSError" in text
    assert "remedy: " in text and "docker run" in text and "level" not in text.split("cause")[0]


@linux
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bwrap is not installed")
def test_where_namespaces_are_refused_landlock_takes_over() -> None:
    # What a container looks like from inside: no privileges, no further user namespaces.
    wrapper = (
        "unshare", "--user", "--map-root-user", "sh", "-c",
        "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all "
        '--inh-caps=-all "$@"', "sh",
    )  # fmt: skip
    if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces cannot be made here")
    text = script(TRY.format(level="auto"), wrapper)
    assert "level: landlock" in text and "works: 42" in text and "notice: bubblewrap: " in text
    text = script(TRY.format(level="bubblewrap"), wrapper)
    assert "cause: the bubblewrap level does not start here" in text
    assert "remedy: allow user namespaces" in text


@pytest.mark.parametrize(("platform", "name"), [("darwin", "macOS"), ("win32", "Windows")])
def test_other_systems_import_and_refuse_with_the_container_route(platform: str, name: str) -> None:
    hide = f"sys.platform = {platform!r}\nsys.modules['fcntl'] = sys.modules['resource'] = None\n"
    preload = "import subprocess, tempfile, asyncio, socket, logging, inspect, ctypes, platform\n"
    code = "from sandbox import Sandbox, SandboxUnavailable\ntry:\n    Sandbox({})\n"
    code += "except SandboxUnavailable as error:\n    print(error)"
    text = script(preload + hide + code)
    assert name in text and "docker run" in text


def test_an_unknown_level_is_named() -> None:
    with pytest.raises(SandboxError, match="unknown sandbox level 'chroot'"):
        Sandbox({}, level="chroot")  # type: ignore[arg-type]


def test_a_module_that_is_not_installed_is_named() -> None:
    with pytest.raises(SandboxError, match="no_such_module"):
        Sandbox({}, preload=("no_such_module",))


@linux
def test_a_module_that_starts_threads_is_refused(tmp_path: Path) -> None:
    (tmp_path / "threaded.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    code = f"sys.path.append({str(tmp_path)!r})\n" + TRY.format(level="landlock").replace(
        "Sandbox({}, ", "Sandbox({}, preload=('threaded',), "
    )
    text = script(code)
    assert "2 threads" in text and "works" not in text


@linux
def test_no_jail_at_all_must_be_asked_for_and_warns(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with Sandbox({}, preload=(), level="none") as sandbox:
            assert sandbox.level == "none"
            assert sandbox.run("1 + 1").stdout == "2\n"
        assert "warning: sandbox level 'none'" in capfd.readouterr().err


@linux
def test_the_interpreter_is_the_environments_own() -> None:
    interpreter = levels.find_interpreter(("numpy", "json"))
    assert Path(interpreter.executable).is_file()
    assert not Path(interpreter.executable).is_symlink()
    assert any(Path(path, "numpy").is_dir() for path in interpreter.paths)
    assert str(ROOT) not in (*interpreter.packages, *interpreter.paths)
