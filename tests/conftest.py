"""Shared by all tests: no network, no keys, no user settings, and where the real clips are."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from rlm.index import VideoIndex

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
_GUARD = Path(__file__).parent / "netguard"

# The same examples each time: a change is judged by what it changed. `make test-properties` looks
# for new ones. A machine that is busy is no reason to fail.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("searching", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    # What a shell runs in the background is deaf to Ctrl-C, and so would be all that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # The first process makes the log; workers and everything the tests start inherit it.
    if "NETGUARD_LOG" not in os.environ:
        handle, name = tempfile.mkstemp(prefix="netguard-")
        os.close(handle)
        os.environ["NETGUARD_LOG"] = name
        config.stash[_OWNER] = True
    paths = os.environ.get("PYTHONPATH", "")
    if str(_GUARD) not in paths.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_GUARD), paths)))
    spec = importlib.util.spec_from_file_location("netguard", _GUARD / "sitecustomize.py")
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ["HF_HUB_OFFLINE"] = "1"


_OWNER = pytest.StashKey[bool]()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.stash.get(_OWNER, False):
        return
    log = Path(os.environ["NETGUARD_LOG"])
    tried = log.read_text()
    log.unlink()
    if tried:
        print(f"\nthe network was reached for:\n{tried}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Empty folders. A name from a counter: ``mktemp`` reads all there are to find the next."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, _homes: Iterator[Path]):
    """No key and no setting of the person who runs the tests changes them."""
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_AUTH_TOKEN")) or name.startswith("VIDEORLM_"):
            monkeypatch.delenv(name)
    home = next(_homes)
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    # A port nobody listens on, so that a real Ollama on this machine is never asked.
    monkeypatch.setenv("OLLAMA_API_BASE", "http://127.0.0.1:9")


@pytest.fixture(scope="session")
def shared_videos() -> Iterator[Path]:
    """The folder of real clips beside the repository."""
    folder = SHARED / "videos"
    if not folder.is_dir():
        pytest.skip("the real clips are not beside the repository")
    yield folder


Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """``once(name, make)``: the folder ``name`` that ``make`` has filled, once for all workers.

    Nobody writes in it: a test that would takes a copy.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def filled(name: str, make: Callable[[Path], object]) -> Path:
        from rlm.locks import locked

        folder, whole = shared / "made" / name, shared / "made" / f"{name}.whole"
        folder.parent.mkdir(exist_ok=True)
        with locked(whole.with_suffix(".lock")):
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                whole.touch()
        return folder

    return filled


@pytest.fixture(scope="session")
def film(once: Once) -> Path:
    """A folder with a short procedural film: ``film.mp4``, ``truth.json``, ``questions.jsonl``."""
    from rlm.world import make_film, write_film

    return once("film", lambda folder: write_film(make_film(3, seconds=40), folder))


@pytest.fixture(scope="session")
def cache(film: Path, once: Once) -> Path:
    """A folder of indexes with that of this film by the built-in encoder."""
    from rlm.index import VideoIndex

    path = film / "film.mp4"
    return once("cache", lambda folder: VideoIndex.build(path, "builtin", cache=folder))


@pytest.fixture(scope="session")
def index(film: Path, cache: Path) -> VideoIndex:
    """The index of that film with the built-in encoder."""
    from rlm.index import VideoIndex

    return VideoIndex.build(film / "film.mp4", "builtin", cache=cache)


@pytest.fixture(scope="session")
def seeing(film: Path, once: Once) -> VideoIndex:
    """The index of that film with small random weights that have all heads."""
    from saved_heads import save_seeing

    from rlm.index import VideoIndex

    def build(folder: Path) -> VideoIndex:
        return VideoIndex.build(film / "film.mp4", folder / "seeing", cache=folder / "cache")

    return build(once("seeing", lambda folder: build(save_seeing(folder / "seeing").parent)))
