"""Registered probes: written whole, read whole, never for another encoder."""

from __future__ import annotations

import json
import resource
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from saved_models import meta_probe
from saved_probes import card_for, save_random

from rlm.encoders import EncoderSpec, find_weights, probe_files
from rlm.encoders.meta_probes import read_meta
from rlm.encoders.probe_files import (
    ProbeCard,
    default_root,
    find_probe,
    load_probe,
    read_probe,
    registered,
    save_probe,
)
from rlm.encoders.probes import Probe
from rlm.errors import EncoderError, UsageError, WeightsMissing
from rlm.locks import locked


@pytest.fixture(scope="module")
def spec() -> EncoderSpec:
    return find_weights("builtin")


def test_what_is_saved_is_found(
    tmp_path: Path, spec: EncoderSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_root() == tmp_path / "data" / "videorlm" / "probes"
    root = default_root()
    assert find_probe(root, "mood", spec) is None and list(registered(root)) == []
    folder = save_random(root, spec)
    assert folder == root / f"mood-{spec.revision}"
    assert sorted(file.name for file in folder.iterdir()) == ["probe.json", "probe.safetensors"]
    found = find_probe(root, "mood", spec)
    assert found is not None and found[1].encoder == f"builtin@{spec.revision}"
    probe = load_probe(*found)
    assert probe.classes == ("calm", "wild") and probe.reads == "normed"
    assert load_probe(*found) is probe
    save_random(root, spec, classes=["low", "high", "none"])
    again = find_probe(root, "mood", spec)
    assert again is not None and load_probe(*again).classes == ("low", "high", "none")
    assert [path.name for path in root.iterdir()] == [folder.name]


def test_a_pooler_reads_what_it_was_trained_on(tmp_path: Path, spec: EncoderSpec) -> None:
    torch.save(meta_probe(48), tmp_path / "probe.pt")
    state = read_meta(tmp_path / "probe.pt").state
    for ahead, reads in ((0.0, "tokens"), (1.0, "future")):
        card = card_for(spec, form="pooler", classes=list("abcd"), ahead=ahead)
        probe = load_probe(save_probe(tmp_path, card, state), *registered_card(tmp_path))
        assert (probe.reads, probe.ahead) == (reads, ahead)
        assert sum(probe.classify(torch.randn(1, 6, 48))[0].values()) == pytest.approx(1)


def registered_card(root: Path) -> list[ProbeCard]:
    return [card for _, card in registered(root) if isinstance(card, ProbeCard)]


def test_a_probe_of_another_revision_is_never_applied(tmp_path: Path, spec: EncoderSpec) -> None:
    folder = save_random(tmp_path, spec)
    other = replace(spec, revision="0" * 12)
    with pytest.raises(
        WeightsMissing,
        match=f"the probe for 'mood' reads builtin@{spec.revision}, not builtin@0000",
    ):
        find_probe(tmp_path, "mood", other)
    save_random(tmp_path, spec, task="mood-of-day")
    assert find_probe(tmp_path, "mood-of", other) is None
    folder.rename(folder.with_name(f"mood-{other.revision}"))
    with pytest.raises(
        WeightsMissing, match=f"holds a probe for 'mood' on builtin@{spec.revision}"
    ):
        find_probe(tmp_path, "mood", other)


def test_damage_is_refused_in_one_line(tmp_path: Path, spec: EncoderSpec) -> None:
    folder = save_random(tmp_path, spec)
    found = find_probe(tmp_path, "mood", spec)
    assert found is not None
    tensors = folder / "probe.safetensors"
    content = tensors.read_bytes()
    tensors.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(
        WeightsMissing, match=r"^the probe in [^\n]* is not the file that was saved"
    ):
        load_probe(*found)
    tensors.unlink()
    with pytest.raises(WeightsMissing, match=r"^the probe in [^\n]*No such file"):
        load_probe(*found)
    tensors.write_bytes(content)
    wrong = found[1].model_copy(update={"classes": ["a", "b", "c"]})
    with pytest.raises(WeightsMissing, match=r"^the probe in [^\n]*size mismatch"):
        load_probe(folder, wrong)
    card = folder / "probe.json"
    told = json.loads(card.read_text())
    for text in (
        "{",
        json.dumps(told | {"more": 1}),
        json.dumps(told | {"schema_version": 9}),
        "\x00",
    ):
        card.write_text(text)
        with pytest.raises(WeightsMissing, match=r"^[^\n]*probe.json is not the card[^\n]*$"):
            find_probe(tmp_path, "mood", spec)
        ((_, error),) = registered(tmp_path)
        assert isinstance(error, WeightsMissing)


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path: Path, spec: EncoderSpec) -> None:
    folder = save_random(tmp_path, spec)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(EncoderError, match=r"^the probe cannot be written to [^\n]*$"):
            save_random(tmp_path, spec, classes=["low", "high"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    found = read_probe(tmp_path, "mood", spec)
    assert found is not None and found[0].classes == ("calm", "wild")
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_a_probe_is_never_lost_between_the_old_and_the_new(
    tmp_path: Path, spec: EncoderSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_random(tmp_path, spec)
    rename, names = Path.rename, []

    def killed(self: Path, target: Path) -> Path:
        names.append(self.name)
        if self.name.startswith(".writing-"):
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        save_random(tmp_path, spec, classes=["low", "high"])
    monkeypatch.undo()
    assert names == [folder.name, f".writing-{folder.name}"] and not folder.exists()
    found = read_probe(tmp_path, "mood", spec)
    assert found is not None and found[0].classes == ("calm", "wild")
    assert [card.task for card in registered_card(tmp_path)] == ["mood"]
    save_random(tmp_path, spec, classes=["low", "high"])
    found = read_probe(tmp_path, "mood", spec)
    assert found is not None and found[0].classes == ("low", "high")
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_who_saves_waits_for_who_is_saving(tmp_path: Path, spec: EncoderSpec) -> None:
    saving = threading.Thread(target=save_random, args=(tmp_path, spec))
    with locked(tmp_path / f".lock-mood-{spec.revision}"):
        saving.start()
        time.sleep(0.3)
        assert find_probe(tmp_path, "mood", spec) is None
    saving.join()
    assert find_probe(tmp_path, "mood", spec) is not None


def test_a_probe_that_was_replaced_while_it_was_read(
    tmp_path: Path, spec: EncoderSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_random(tmp_path, spec)
    real = probe_files.load_probe

    def late(folder: Path, card: ProbeCard) -> Probe:
        if card.classes == ["calm", "wild"]:
            save_random(tmp_path, spec, classes=["low", "high", "none"])
        return real(folder, card)

    monkeypatch.setattr(probe_files, "load_probe", late)
    found = read_probe(tmp_path, "mood", spec)
    assert found is not None and found[0].classes == ("low", "high", "none")
    assert found[1].classes == ["low", "high", "none"]


def test_names_that_do_not_fit_the_tensors(tmp_path: Path, spec: EncoderSpec) -> None:
    torch.save(meta_probe(48), tmp_path / "probe.pt")
    state = read_meta(tmp_path / "probe.pt").state
    for classes, says in (
        (["a", "b", "c"], "names 3 classes, and the probe tells 4"),
        (["a", "b", "c", "a"], "two classes are called 'a'"),
    ):
        card = card_for(spec, form="pooler", classes=classes)
        save_probe(tmp_path, card, state)
        with pytest.raises(WeightsMissing, match=rf"^the probe in [^\n]*{says}$"):
            read_probe(tmp_path, "mood", spec)


def test_a_damaged_card_is_its_own_trouble_alone(tmp_path: Path, spec: EncoderSpec) -> None:
    other = save_random(tmp_path, spec, task="mood-of-day")
    (other / "probe.json").write_text("{")
    assert find_probe(tmp_path, "mood", spec) is None


@pytest.mark.parametrize("task", ["", "../x", "A", "a b", ".x", "a" * 41, "a/b"])
def test_names_that_are_no_folder(tmp_path: Path, spec: EncoderSpec, task: str) -> None:
    with pytest.raises(UsageError, match="a task is named in up to 40"):
        save_random(tmp_path, spec, task=task)
    assert find_probe(tmp_path, task, spec) is None


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, spec: EncoderSpec) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EncoderError, match=r"^the probe cannot be written to [^\n]*XDG_DATA_HOME"):
        save_random(tmp_path / "file" / "probes", spec)
