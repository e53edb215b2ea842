from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlm.encoders import PRESETS, available_presets, find_weights, load_encoder
from rlm.errors import WeightsMissing

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROOT = Path(__file__).parents[3]


def _hub_snapshot(cache: Path, name: str) -> Path:
    repository = cache / f"models--facebook--{name}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    return repository / "snapshots" / COMMIT


def test_the_table() -> None:
    windows = {name: (preset.frames, preset.crop) for name, preset in PRESETS.items()}
    assert windows == {
        "builtin": (16, 64),
        "fast": (16, 256),
        "balanced": (32, 256),
        "quality": (64, 384),
    }


def test_a_bare_machine_has_the_builtin_weights_alone() -> None:
    assert list(available_presets()) == ["builtin"]


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(WeightsMissing) as caught:
        load_encoder("fast")
    message = str(caught.value)
    assert "hf download facebook/vjepa2-vitl-fpc64-256" in message and "\n" not in message


def test_hub_cache_is_found_and_its_commit_is_the_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_model: Callable[..., Path]
) -> None:
    save_model(_hub_snapshot(tmp_path, "vjepa2-vitl-fpc64-256"), crop=256)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert list(available_presets()) == ["builtin", "fast"]
    spec = find_weights("fast")
    assert spec.revision == COMMIT[:12]
    assert spec.tracks == {"vjepa": f"vjepa2-vitl-fpc64-256@{COMMIT[:12]}/encoder/mean"}
    assert spec.text_space is None
    assert spec.frame_size == 292


def test_own_folder_comes_before_the_hub_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_model: Callable[..., Path]
) -> None:
    save_model(_hub_snapshot(tmp_path / "home" / "hub", "vjepa2-vith-fpc64-256"), crop=256)
    own = save_model(tmp_path / "own" / "vjepa2-vith-fpc64-256", crop=256)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VIDEORLM_WEIGHTS", str(tmp_path / "own"))
    assert find_weights("balanced").folder == own
    assert find_weights("balanced").revision != COMMIT[:12]


def test_half_a_download_is_no_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_model: Callable[..., Path]
) -> None:
    snapshot = _hub_snapshot(tmp_path, "vjepa2-vitl-fpc64-256")
    save_model(snapshot, crop=256, shard_size="50KB")
    shards = sorted(snapshot.glob("*.safetensors"))
    assert len(shards) > 1
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert "fast" in available_presets()
    shards[-1].unlink()
    assert "fast" not in available_presets()


def test_a_preset_checks_the_resolution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_model: Callable[..., Path]
) -> None:
    save_model(tmp_path / "vjepa2-vitg-fpc64-384", crop=256)
    monkeypatch.setenv("VIDEORLM_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"384 px.*256 px"):
        find_weights("quality")


def test_the_revision_of_a_folder_follows_its_content(
    tmp_path: Path, save_model: Callable[..., Path]
) -> None:
    folder = save_model(tmp_path / "mine")
    before = find_weights(folder)
    assert before.preset.name == before.model == "mine"
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-5}))
    assert find_weights(str(folder)).revision != before.revision


def test_weights_are_read_once_as_long_as_they_stay_the_same(
    tmp_path: Path, save_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    digest = hashlib.file_digest

    def note(stream: Any, kind: str) -> Any:
        read.append(Path(stream.name).name)
        return digest(stream, kind)

    monkeypatch.setattr(hashlib, "file_digest", note)
    folder = save_model(tmp_path / "mine")
    before = find_weights(folder)
    assert sorted(read) == ["config.json", "model.safetensors"]
    assert find_weights(str(folder)) == before
    load_encoder(folder)
    assert len(read) == 2

    weights = folder / "model.safetensors"
    status = weights.stat()
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    time.sleep(0.02)  # clocks of file systems tick a few times in that
    weights.write_bytes(content)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    changed = weights.stat()
    assert (changed.st_size, changed.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert find_weights(folder).revision != before.revision
    assert read[2:] == ["model.safetensors"]

    folder.rename(tmp_path / "elsewhere")
    save_model(folder)
    assert find_weights(folder) == before


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "no whole model"),
        ("{", "cannot be read"),
        ('{"model_type": "vit"}', "no V-JEPA 2 model"),
        ('{"model_type": "vjepa2"}', "lacks frames_per_clip"),
    ],
)
def test_folders_that_hold_no_model(tmp_path: Path, config: str | None, message: str) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(WeightsMissing, match=message):
        find_weights(tmp_path)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(WeightsMissing, match=r"'best' is neither a preset \(builtin, fast"):
        find_weights("best")


def test_looking_imports_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, rlm.encoders as e; e.available_presets(); e.find_weights('builtin'); "
        "print([m for m in ('torch', 'transformers', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
