"""What a run is to be had with: video, models, preset, budget; and its index, found or built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlm.agent.budget import Budget
from rlm.agent.calibrator import Calibrator, calibrator_for
from rlm.agent.choose import Choice, choose_model, choose_preset
from rlm.agent.indexing import open_index
from rlm.agent.make_models import make_models
from rlm.agent.models import Models
from rlm.agent.question import check_price
from rlm.agent.session import Jail
from rlm.agent.text import counted
from rlm.agent.transcript import default_folder
from rlm.config import Config
from rlm.errors import VideoNotFound

if TYPE_CHECKING:
    from rlm.index import VideoIndex
    from rlm.video import Video

Notify = Callable[[str], None]
Progress = Callable[[str, float, float], None]


@dataclass(frozen=True)
class Prepared:
    """All of a run that is cheap to find out. ``parent`` is the folder of its transcript."""

    video: Video
    chosen: Choice
    endpoint: str | None
    models: Models
    preset: str
    budget: Budget
    config: Config
    parent: Path
    calibrator: Calibrator | None = None


def prepare(
    video: str | Path | Video,
    *,
    model: str | None,
    api_base: str | None,
    preset: str | None,
    budget: Budget,
    config: Config,
    transcripts: str | Path | None,
    notify: Notify,
) -> Prepared:
    """Open ``video``, unless it is, and choose; what is ``None`` is taken from ``config``, and what
    was is told.

    Raises any ``VideoRLMError`` that needs no index and no call of a model.
    """
    from rlm.video import Video

    if isinstance(video, str) and "://" in video:
        raise VideoNotFound(f"{video} is an address; only files can be opened: download it first")
    opened = video if isinstance(video, Video) else Video.open(video)
    if opened.missing:
        notify(f"warning: the last {opened.missing:.1f} s of {opened.path.name} are missing")
    chosen = choose_model(model, config)
    endpoint = chosen.endpoint(api_base, config)
    models = make_models(chosen, endpoint, config, notify)
    check_price(models, budget)
    calibrator = calibrator_for(config.calibrator, "loop", chosen.name, notify)
    preset_choice = choose_preset(preset, config)
    notify(_line("model", chosen) + (f" at {endpoint}" if endpoint else ""))
    if config.fallback_model:
        notify(f"fallback: {', then '.join(config.fallback_model)}")
    if models.sub is not None:
        notify(f"sub-questions: {models.sub.name}")
    notify(_line("preset", preset_choice))
    parent = Path(transcripts or config.transcripts or default_folder()).expanduser()
    return Prepared(
        opened, chosen, endpoint, models, preset_choice.name, budget, config, parent, calibrator
    )


def try_jail(jail: Jail, notify: Notify) -> None:
    """Find out that there is no jail before an hour of indexing, not after."""
    with jail({}, ()) as sandbox:
        if sandbox.notice:
            notify(f"sandbox: {sandbox.level} ({sandbox.notice})")


def find_index(
    video: Video, preset: str, cache: Path | None, notify: Notify, progress: Progress | None
) -> VideoIndex:
    """The index of ``video``, which is built where there is none; what it is is told."""
    index, seconds = open_index(video, preset, cache=cache, notify=notify, progress=progress)
    how = "found"
    if seconds is not None:
        how = f"built in {seconds:.1f} s ({video.span.duration / seconds:.0f}x real time)"
    windows = counted(len(index.windows), "window")
    scenes = counted(len(index.scenes()), "scene")
    notify(f"index: tier {index.tier}, {windows}, {scenes}, {how}")
    return index


def _line(what: str, choice: Choice) -> str:
    return f"{what}: {choice.name} ({choice.why})"
