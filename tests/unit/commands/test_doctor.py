"""``videorlm doctor``: real jail, real decoder, real weights; and what it says when one breaks."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from commands import call

from rlm.commands.doctor import jail, machine, models
from rlm.commands.doctor.check import Finding
from rlm.config import Config
from sandbox import SandboxUnavailable


def one(findings: list[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_all_of_it_on_this_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIDEORLM_CACHE", str(tmp_path / "cache"))
    ended = call(capsys, "doctor", "--json")
    told = json.loads(ended.stdout)
    checks = {each["name"]: each for each in told["checks"]}
    assert (ended.returncode, told["can_answer"]) == (0, True), checks
    assert checks["jail"]["state"] == checks["video"]["state"] == "ok"
    for codec in ("h264", "hevc", "vp9", "av1"):
        assert codec in checks["video"]["told"]
    assert "builtin encodes" in checks["weights"]["told"]
    assert "no provider's key is set" in checks["model"]["told"]
    assert str(tmp_path / "cache") in checks["cache"]["told"]
    assert not (tmp_path / "cache").exists(), "looking leaves nothing behind"
    for each in checks.values():
        assert each["remedy"] or each["state"] == "ok"


def test_without_bubblewrap_the_weaker_level_is_said_and_how_to_get_the_other(tools: Path) -> None:
    findings = jail.levels()
    assert one(findings, "jail").told.startswith("landlock")
    assert one(findings, "bubblewrap").state == "warning"
    assert "apt-get install bubblewrap" in one(findings, "bubblewrap").remedy


def test_without_any_jail_nothing_can_be_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    causes = {"bubblewrap": ("no bwrap", "install it"), "landlock": ("old kernel", "boot another")}
    monkeypatch.setattr(jail, "_try", causes.get)
    (finding,) = jail.levels()
    assert (finding.state, finding.remedy) == ("missing", "install it; or boot another")
    assert "no bwrap" in finding.told and "old kernel" in finding.told


def test_ubuntus_restriction_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    switch = tmp_path / "apparmor_restrict_unprivileged_userns"
    switch.write_text("1\n")
    monkeypatch.setattr(jail, "_UBUNTU", switch)
    refused = SandboxUnavailable("bwrap: setting up uid map: Permission denied", "allow them")
    assert "AppArmor" in jail._remedy("bubblewrap", refused)
    assert jail._remedy("landlock", refused) == "allow them"
    switch.write_text("0\n")
    assert jail._remedy("bubblewrap", refused) == "allow them"


def test_a_jail_that_does_not_hold_is_found_out() -> None:
    trouble = jail._try("none")  # the same cell, with nothing around it
    assert trouble is not None
    for escape in ("read", "connect", "start", "kill"):
        assert escape in trouble[0]


def test_a_clip_that_cannot_be_decoded_is_no_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import av

    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"h264", "libsvtav1"})
    (finding,) = machine.decoders()
    assert finding.state == "missing"
    assert "cannot decode h264" in finding.told
    assert "there, not tried: av1" in finding.told


def test_a_card_that_is_not_used_is_a_warning(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("the card of this machine is used")
    assert one(models.device(), "device").state == "ok"
    (tools / "nvidia-smi").write_text("#!/bin/sh\n")
    (tools / "nvidia-smi").chmod(0o755)
    finding = one(models.device(), "device")
    assert finding.state == "warning"
    assert "pip install" in finding.remedy or "driver" in finding.remedy


def test_a_key_is_told_by_name_and_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "hush")
    findings = models.language_model(network=False)
    assert one(findings, "keys").told == "MISTRAL_API_KEY"
    assert "MISTRAL_API_KEY is set" in one(findings, "model").told
    assert "hush" not in repr(findings)


def test_a_model_that_does_not_reply_is_missing_only_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from model_server import serve

    monkeypatch.setenv("VIDEORLM_MODEL", "openai/desk")
    with serve(["ready"]) as server:
        monkeypatch.setenv("VIDEORLM_API_BASE", server.url)
        assert one(models.language_model(network=True), "model").state == "ok"
        assert len(server.requests) == 1
        assert one(models.language_model(network=False), "model").state == "ok"
        assert len(server.requests) == 1
    monkeypatch.setenv("VIDEORLM_MODEL", "nobody/nothing")
    monkeypatch.delenv("VIDEORLM_API_BASE")
    assert one(models.language_model(network=True), "model").state == "missing"


def test_folders_and_settings_that_do_not_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VIDEORLM_CACHE", str(tmp_path / "file" / "cache"))
    assert one(machine.folders(), "transcripts").state == "ok"
    broken = one(machine.folders(), "cache")
    assert (broken.state, "VIDEORLM_CACHE=" in broken.remedy) == ("missing", True)
    (tmp_path / "videorlm.toml").write_text("max_turn = 3")
    assert "did you mean 'max_turns'" in one(machine.settings(), "settings").told
    assert Config().cache is None and os.environ["VIDEORLM_CACHE"]
