"""The wheel holds what a user needs, and finds it from any folder."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        check=True, capture_output=True, cwd=ROOT,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_prompts_weights_and_types_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "prompts/system.md.jinja",
        "rlm/py.typed",
        "rlm/ui/page/script/page.js",
        "rlm/ui/page/style/page.css",
        "rlm/ui/page/templates/page.html.jinja",
        "rlm/encoders/weights/builtin/model.safetensors",
        "sandbox/worker.py",
    ):
        assert name in names
    assert not [name for name in names if name.startswith(("tests", "transcripts"))]
    assert wheel.stat().st_size < 16 * 2**20


def test_prompts_and_weights_are_found_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import prompts; assert prompts.__file__.startswith(sys.path[0]), prompts.__file__\n"
        "from rlm.agent.prompting import render\n"
        "print(render('subcall', prompt='x'))\n"
        "from rlm.encoders import find_weights\n"
        "print(find_weights('builtin').folder)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert str(site) in done.stdout
