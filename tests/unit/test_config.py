from pathlib import Path

import pytest

from rlm.config import load_config
from rlm.errors import UsageError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "etc"))
    (tmp_path / "etc" / "videorlm").mkdir(parents=True)
    return tmp_path


def test_the_user_may_set_an_endpoint_and_a_home(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "etc/videorlm/config.toml").write_text('api_base = "http://x"\ncache = "~/index"')
    config = load_config()
    assert config.api_base == "http://x"
    assert config.cache == Path("~/index").expanduser()


def test_nothing_set(home: Path) -> None:
    assert load_config().model is None


def test_order_of_precedence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "etc/videorlm/config.toml").write_text('model = "user"\npreset = "fast"\nmax_turns = 3')
    (home / "videorlm.toml").write_text('model = "folder"\npreset = "quality"')
    monkeypatch.setenv("VIDEORLM_MODEL", "environment")
    config = load_config()
    assert (config.model, config.preset, config.max_turns) == ("environment", "quality", 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("modle = 'x'", "no setting 'modle'"),
        ("max_turns = 0", "max_turns"),
        ("max_usd = 'lots'", "max_usd"),
        ("model = ", "cannot be read"),
        ("api_base = 'http://elsewhere'", "may not be set by a folder"),
    ],
)
def test_a_bad_file_is_named(home: Path, text: str, says: str) -> None:
    (home / "videorlm.toml").write_text(text)
    with pytest.raises(UsageError, match=says) as error:
        load_config()
    assert "videorlm.toml" in str(error.value)
    assert "\n" not in str(error.value)
