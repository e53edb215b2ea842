from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from saved_models import save_siglip, save_videoprism, save_vjepa

from rlm.encoders import (
    COMPANIONS,
    PRESETS,
    available_presets,
    find_weights,
    load_encoder,
    pull,
    weights_revision,
)
from rlm.encoders.presets import ALL, Preset
from rlm.errors import WeightsMissing


def _snapshot(cache: Path, preset: Preset, revision: str | None = None) -> Path:
    """Where the hub cache keeps a revision of ``preset``, the pinned one by default."""
    assert preset.hub_id is not None
    repository = cache / f"models--{preset.hub_id.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(revision or str(preset.revision))
    return repository / "snapshots" / (revision or str(preset.revision))


def test_a_bare_machine_has_the_builtin_weights_alone() -> None:
    assert list(available_presets()) == ["builtin"]


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"builtin"}))
def test_missing_weights_say_how_to_get_them(name: str) -> None:
    with pytest.raises(WeightsMissing) as caught:
        load_encoder(name)
    message = str(caught.value)
    assert f"`videorlm models pull {name}`" in message and str(ALL[name].hub_id) in message
    assert "\n" not in message


def test_the_pinned_revision_is_found_in_the_hub_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_vjepa(_snapshot(tmp_path, PRESETS["fast"]), crop=256)
    save_siglip(_snapshot(tmp_path, COMPANIONS["siglip2"]), crop=256)
    save_videoprism(_snapshot(tmp_path, COMPANIONS["videoprism"]), crop=288, frames=16)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert set(available_presets()) == {"builtin", "fast", "siglip2", "videoprism"}
    assert list(available_presets())[-1] == "fast"
    spec = find_weights("fast")
    assert spec.revision == str(PRESETS["fast"].revision)[:12]
    assert spec.tracks == {"vjepa": f"vjepa2-vitl-fpc64-256@{spec.revision}/encoder/mean"}
    for name in COMPANIONS:
        companion = load_encoder(name)
        assert companion.text_space is not None
        assert companion.revision == str(COMPANIONS[name].revision)[:12]


def test_another_revision_is_not_the_pinned_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_vjepa(_snapshot(tmp_path, PRESETS["fast"], "0" * 40), crop=256)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert "fast" not in available_presets()


def test_own_folder_comes_before_the_hub_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_vjepa(_snapshot(tmp_path / "home" / "hub", PRESETS["balanced"]), crop=256)
    own = save_vjepa(tmp_path / "own" / "vjepa2-vith-fpc64-256", crop=256)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VIDEORLM_WEIGHTS", str(tmp_path / "own"))
    assert find_weights("balanced").folder == own
    assert find_weights("balanced").revision != str(PRESETS["balanced"].revision)[:12]


def test_half_a_download_is_no_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = _snapshot(tmp_path, PRESETS["fast"])
    save_vjepa(snapshot, crop=256, shard_size="50KB")
    siglip = save_siglip(_snapshot(tmp_path, COMPANIONS["siglip2"]), crop=256)
    shards = sorted(snapshot.glob("*.safetensors"))
    assert len(shards) > 1
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert {"fast", "siglip2"} < available_presets().keys()
    shards[-1].unlink()
    (siglip / "tokenizer.json").unlink()
    assert list(available_presets()) == ["builtin"]


def test_a_preset_checks_the_resolution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_vjepa(tmp_path / "vjepa2-vitg-fpc64-384", crop=256)
    monkeypatch.setenv("VIDEORLM_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"384 px.*256 px"):
        find_weights("quality")


def test_a_preset_checks_the_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_siglip(tmp_path / "vjepa2-vitl-fpc64-256", crop=256)
    monkeypatch.setenv("VIDEORLM_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"wants a vjepa2 model, .* holds a siglip2 one"):
        find_weights("fast")


def test_the_revision_of_a_folder_follows_its_content(tmp_path: Path) -> None:
    folder = save_siglip(tmp_path / "mine")
    revisions = [find_weights(folder).revision]
    assert find_weights(folder).preset.name == find_weights(folder).model == "mine"
    for name in ("config.json", "tokenizer.json"):
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(content | {"note": "changed"}))
        revisions.append(find_weights(str(folder)).revision)
    assert len(set(revisions)) == 3


def test_weights_are_read_once_as_long_as_they_stay_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    digest = hashlib.file_digest

    def note(stream: Any, kind: str) -> Any:
        read.append(Path(stream.name).name)
        return digest(stream, kind)

    monkeypatch.setattr(hashlib, "file_digest", note)
    folder = save_vjepa(tmp_path / "mine")
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
    save_vjepa(folder)
    assert find_weights(folder) == before


def test_an_unknown_name_lists_the_known() -> None:
    known = "builtin, fast, balanced, quality, siglip2, videoprism"
    with pytest.raises(WeightsMissing, match=rf"'best' is neither a preset \({known}\)"):
        find_weights("best")


def test_a_spec_is_held_against_what_now_stands_in_its_folder(tmp_path: Path) -> None:
    folder = save_vjepa(tmp_path / "mine")
    spec = find_weights(folder)
    assert weights_revision(spec) == spec.revision
    save_vjepa(folder, hidden_size=24)
    assert weights_revision(spec) != spec.revision
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsMissing, match="are no longer in"):
        weights_revision(spec)


def test_pull_without_a_network_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        WeightsMissing, match=r"preset fast \(facebook/.*could not be pulled"
    ) as hit:
        pull(PRESETS["fast"])
    assert "\n" not in str(hit.value)
    assert list(available_presets()) == ["builtin"]
    with pytest.raises(WeightsMissing, match="on no hub"):
        pull(PRESETS["builtin"])
