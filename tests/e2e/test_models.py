"""``videorlm models`` as a user runs it, with a hub that is a server of this test."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from commands import Cli, Ended
from saved_models import save_siglip, save_videoprism, save_vjepa

from rlm.encoders import COMPANIONS, PRESETS, available_presets, load_encoder

NAMES = ["builtin", "fast", "balanced", "quality", "siglip2", "videoprism"]


@pytest.fixture
def cli(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path, capfd)


@pytest.fixture
def models(cli: Cli):
    def models(*words: object, **environment: str) -> Ended:
        return cli("models", *words, **{"COLUMNS": "150"} | environment)

    return models


@pytest.fixture
def pull(cli: Cli):
    """Pulls in a process of its own: where the hub is, is read when its library is imported."""

    def pull(*words: object, **environment: str) -> Ended:
        return cli.process("models", "pull", *words, **environment)

    return pull


class Hub:
    """The parts of the hub's interface that a download needs, over folders of files."""

    def __init__(self, repositories: dict[str, tuple[str, Path]]) -> None:
        self.repositories = repositories
        self.fetched: list[tuple[str, str | None]] = []
        self.unknown: list[str] = []
        self.cut_after: int | None = None
        self.cuts = 1000
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                hub._answer(self, body=False)

            def do_GET(self) -> None:
                hub._answer(self, body=True)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler, *, body: bool) -> None:
        path = request.path.partition("?")[0]
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/]+)", path)
        resolve = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        name, revision = (
            (api[1], api[3]) if api else (resolve[1], resolve[2]) if resolve else ("", "")
        )
        if name not in self.repositories or self.repositories[name][0] != revision:
            self.unknown.append(path)
            self._send(request, 404, b"", {"X-Error-Code": "RevisionNotFound"}, body)
            return
        folder = self.repositories[name][1]
        files = {file.name: file for file in sorted(folder.iterdir())}
        if api and api[2] == "revision":
            siblings = [{"rfilename": file} for file in files]
            said: Any = {"id": name, "sha": revision, "siblings": siblings}
            self._send(request, 200, json.dumps(said).encode(), {}, body)
        elif api:
            said = [
                {"type": "file", "path": file, "size": place.stat().st_size, "oid": _etag(place)}
                for file, place in files.items()
            ]
            self._send(request, 200, json.dumps(said).encode(), {}, body)
        elif resolve and resolve[3] in files:
            self._send_file(request, files[resolve[3]], revision, body)
        else:
            self._send(request, 404, b"", {"X-Error-Code": "EntryNotFound"}, body)

    def _send_file(
        self, request: BaseHTTPRequestHandler, file: Path, revision: str, body: bool
    ) -> None:
        content, wanted = file.read_bytes(), request.headers.get("Range")
        headers = {"ETag": f'"{_etag(file)}"', "X-Repo-Commit": revision, "Accept-Ranges": "bytes"}
        start = 0
        if wanted:
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if body:
            self.fetched.append((file.name, wanted))
        cut = None
        if self.cut_after is not None and self.cuts and body and file.suffix == ".safetensors":
            cut, self.cuts = self.cut_after, self.cuts - 1
        self._send(request, 206 if wanted else 200, content[start:], headers, body, cut)

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        content: bytes,
        headers: dict[str, str],
        body: bool,
        cut: int | None = None,
    ) -> None:
        request.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            request.send_header(name, value)
        request.end_headers()
        if body:
            request.wfile.write(content[:cut])
            request.close_connection = cut is not None


def _etag(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Path]]:
    """What the hub has: small models under the pinned revisions, with much that nobody needs."""
    root = tmp_path_factory.mktemp("published")
    folders = {
        "fast": save_vjepa(root / "fast", crop=256, shard_size="50KB"),
        "siglip2": save_siglip(root / "siglip2", crop=256),
        "videoprism": save_videoprism(root / "videoprism", crop=288, frames=16),
    }
    known = {**PRESETS, **COMPANIONS}
    for folder in folders.values():
        for name in ("pytorch_model.bin", "README.md", "flax_model.msgpack", "video.mp4"):
            (folder / name).write_bytes(b"not wanted")
    return {
        str(known[name].hub_id): (str(known[name].revision), folder)
        for name, folder in folders.items()
    }


@pytest.fixture
def hub(published: dict[str, tuple[str, Path]]) -> Iterator[Hub]:
    server = Hub(published)
    yield server
    server.close()


@pytest.fixture
def online(hub: Hub, tmp_path: Path) -> dict[str, str]:
    return {
        "HF_ENDPOINT": hub.address,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_HUB_DISABLE_XET": "1",
    }


def test_the_list_says_what_is_here_and_how_to_get_the_rest(models) -> None:
    done = models()
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].split()[:3] == ["preset", "model", "window"]
    assert [line.split()[0] for line in lines[1:7]] == NAMES
    assert lines[1].endswith("yes") and all(line.endswith("no") for line in lines[2:7])
    assert "videorlm models pull fast" in lines[-1]
    assert "0.41" in lines[2] and "64 x 384 px" in lines[4] and "304 M" in lines[2]


def test_on_a_terminal_it_is_a_table(models) -> None:
    done = models(FORCE_COLOR="1", TERM="xterm-256color")
    assert done.returncode == 0 and "─" in done.stdout and "\x1b[" in done.stdout
    assert all(name in done.stdout for name in NAMES)


def test_the_list_as_json(models) -> None:
    entries = [json.loads(line) for line in models("--json").stdout.splitlines()]
    assert [entry["preset"] for entry in entries] == NAMES
    fast = entries[1]
    assert fast["model"] == PRESETS["fast"].hub_id and fast["revision"] == PRESETS["fast"].revision
    assert fast["tflop_per_second"] == pytest.approx(0.414, rel=0.01)
    assert fast["folder"] is None and Path(entries[0]["folder"]).is_dir()
    assert fast["companions"] == ["siglip2", "videoprism"]
    assert 0.7e9 < fast["memory_bytes"] < 3e9


def test_pull_fetches_a_preset_and_its_companions(
    pull, hub: Hub, online: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = pull("fast", **online)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "fast",
        "siglip2",
        "videoprism",
    ]
    monkeypatch.setenv("HF_HUB_CACHE", online["HF_HUB_CACHE"])
    assert set(available_presets()) == {"builtin", "fast", "siglip2", "videoprism"}
    encoder = load_encoder("fast")
    assert encoder.revision == str(PRESETS["fast"].revision)[:12]
    kept = {file.name for file in encoder.spec.folder.iterdir()}
    assert "model.safetensors.index.json" in kept and "video_preprocessor_config.json" in kept
    assert not kept & {"pytorch_model.bin", "README.md", "flax_model.msgpack", "video.mp4"}
    assert load_encoder("siglip2").encode_text(["a red dog"]).shape == (1, 32)

    before = len(hub.fetched)
    again = pull("fast", **online)
    assert again.returncode == 0 and again.stdout == done.stdout and len(hub.fetched) == before


def test_a_connection_that_breaks_is_tried_again(pull, hub: Hub, online: dict[str, str]) -> None:
    hub.cut_after, hub.cuts = 20_000, 1
    assert pull("siglip2", **online).returncode == 0
    assert [name for name, _ in hub.fetched].count("model.safetensors") == 2


def test_an_interrupted_pull_leaves_nothing_half_usable_and_goes_on(
    pull, hub: Hub, online: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", online["HF_HUB_CACHE"])
    hub.cut_after = 0
    done = pull("siglip2", **online)
    assert done.returncode == 5 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("videorlm: preset siglip2 (google/")
    assert "Traceback" not in done.stderr
    assert list(available_presets()) == ["builtin"]

    hub.cut_after = None
    came = {name for name, _ in hub.fetched} - {"model.safetensors"}
    hub.fetched.clear()
    assert pull("siglip2", **online).returncode == 0
    assert came and not came & {name for name, _ in hub.fetched}, "what had come came again"
    assert load_encoder("siglip2").text_space


def test_another_model_under_that_name_is_refused(
    pull, hub: Hub, online: dict[str, str], tmp_path: Path
) -> None:
    siglip = COMPANIONS["siglip2"]
    other = save_siglip(tmp_path / "other", crop=32)
    hub.repositories = {str(siglip.hub_id): (str(siglip.revision), other)}
    done = pull("siglip2", **online)
    assert done.returncode == 5 and "wants 256 px" in done.stderr


def test_a_revision_that_is_gone_is_said(pull, hub: Hub, online: dict[str, str]) -> None:
    done = pull("balanced", **online)
    assert done.returncode == 5
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("videorlm: ")]
    assert "preset balanced (facebook/vjepa2-vith-fpc64-256) could not be pulled" in line


def test_pull_offline_and_of_what_there_is_not(models, pull) -> None:
    offline = pull("videoprism", HF_HUB_OFFLINE="1")
    assert offline.returncode == 5 and offline.stdout == ""
    assert "could not be pulled" in offline.stderr and "Traceback" not in offline.stderr
    unknown = models("pull", "huge")
    assert unknown.returncode == 2
    assert unknown.stderr == f"videorlm: no preset 'huge'; there are: {', '.join(NAMES)}\n"
    here = models("pull", "builtin")
    assert here.returncode == 0 and here.stdout.startswith("builtin  ")


def test_estimate_tells_time_and_memory_before_a_long_run(models, film: Path) -> None:
    done = models("estimate", film / "film.mp4")
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert "40 s of video" in lines[0] and "x real time" in lines[0]
    assert [line.split()[0] for line in lines[2:8]] == NAMES
    assert "(balanced)" in lines[3] and "(quality)" in lines[4]


def test_estimate_as_json(models, film: Path) -> None:
    said = json.loads(models("estimate", film / "film.mp4", "--json").stdout)
    presets = {entry["preset"]: entry for entry in said["presets"]}
    assert list(presets) == NAMES and said["seconds"] == pytest.approx(40.0, abs=0.5)
    assert said["decode_x"] > 0
    order = [presets[name]["tier_2_seconds"] for name in NAMES[:4]]
    assert order == sorted(order) and order[0] > 0
    fast = presets["fast"]
    assert fast["tier_3_preset"] == "balanced" and fast["tier_3_seconds"] > order[2]
    assert presets["quality"]["tier_3_seconds"] == pytest.approx(order[3])
    assert presets["siglip2"]["tier_3_seconds"] is None


def test_estimate_of_what_is_no_video(models, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no video")
    done = models("estimate", tmp_path / "notes.txt")
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1
