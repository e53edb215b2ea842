"""``videorlm index``: build indexes ahead of questions, list them, remove them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.agent.choose import choose_preset
from rlm.agent.indexing import open_index
from rlm.agent.text import counted, one_line
from rlm.commands.output import DONE, print_rows, progress_bar, say
from rlm.commands.videos import VIDEO_SUFFIXES
from rlm.config import load_config
from rlm.errors import EncoderError, IndexDamaged, NotAVideo, VideoNotFound, VideoRLMError
from rlm.spans import format_time
from rlm.ui.console import Screen, clean

if TYPE_CHECKING:
    from rich.console import Console

    from rlm.index import VideoIndex
    from rlm.index.storage.inventory import Entry
    from rlm.video import Video

_LEFT = {"video", "kind", "what", "used", "state"}


def run(
    paths: Sequence[str],
    *,
    preset: str | None,
    tier: int,
    deep: str | None,
    scene_clip_stride: float | None,
    transcribe: str | None,
    as_json: bool,
) -> int:
    """Index every video of ``paths`` and print a line for each on stdout; returns the exit code.

    Of a folder, the videos in it are taken, by their names' endings, not those of folders below.

    A video that cannot be indexed costs a line on stderr; the others are indexed all the same, and
    the exit code is that of the first failure.
    """
    from rlm.index import Loader

    config = load_config()
    choice = choose_preset(preset, config)
    say(f"preset: {choice.name} ({choice.why})")
    screen = Screen(stderr=True)
    build: dict[str, Any] = {
        "tier": tier,
        "deep": deep,
        "scene_clip_stride": scene_clip_stride,
        "loader": Loader(),  # weights are loaded once for all videos
    }
    code, failed = DONE, 0
    if address := next((path for path in paths if "://" in path), None):
        raise VideoNotFound(f"{address} is an address; only files can be indexed: download it")
    videos = [video for name in paths for video in _videos(Path(name))]
    for number, video in enumerate(videos, start=1):
        if len(videos) > 1:
            say(f"{number} of {len(videos)}: {video}")
        try:
            told = _index(video, choice.name, build, config.cache, transcribe, screen)
        except KeyboardInterrupt:
            say("what was encoded is kept; the same command decodes again and goes on from there")
            raise
        except VideoRLMError as error:
            # What is wrong with the weights or the cache is wrong for every video.
            if isinstance(error, EncoderError):
                raise
            say(f"videorlm: {one_line(str(error))}")
            code = code or error.exit_code
            failed += 1
            continue
        print(json.dumps(told) if as_json else _line(told), flush=True)
    if len(videos) > 1:
        say(f"{len(videos) - failed} indexed, {failed} failed")
    return code


def _videos(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.suffix.lower() in VIDEO_SUFFIXES)
    if not found:
        raise NotAVideo(
            f"the folder {path} holds no video; folders below it are not searched: name them, "
            f"as in {path}/*/, or give files"
        )
    return found


def _index(
    path: Path,
    preset: str,
    build: Mapping[str, Any],
    cache: Path | None,
    recogniser: str | None,
    screen: Console,
) -> dict[str, Any]:
    from rlm.video import Video

    video = Video.open(path)
    with progress_bar(screen) as progress:
        index, seconds = _by_tiers(video, preset, cache, build, progress)
        if recogniser is not None and not index.transcribe(recogniser, progress).cues:
            say(f"{path.name}: {recogniser} heard no speech")
    return _facts(path, index, seconds)


def _by_tiers(
    video: Video,
    preset: str,
    cache: Path | None,
    build: Mapping[str, Any],
    progress: Callable[[str, float, float], None] | None,
) -> tuple[VideoIndex, float | None]:
    """The index and the seconds its building took, as ``open_index`` gives them.

    Each tier that is not there is built by itself, so that the first can be searched within
    seconds, and it is told what has come.
    """
    warned: set[str] = set()

    def notify(line: str) -> None:
        if line not in warned:
            warned.add(line)
            say(line)

    wanted = int(build["tier"])
    how = dict(build) | {"cache": cache, "notify": notify, "progress": progress}
    took: float | None = None
    for tier in range(min(wanted, _tier_there(video, preset, cache, build) + 1), wanted + 1):
        index, seconds = open_index(video, preset, **(how | {"tier": tier}))
        if seconds is not None:
            took = (took or 0.0) + seconds
            say(f"{video.path.name}: {_added(index, tier)}, after {took:.1f} s")
    return index, took


def _tier_there(video: Video, preset: str, cache: Path | None, build: Mapping[str, Any]) -> int:
    from rlm.index import VideoIndex

    known = {name: value for name, value in build.items() if name != "tier"}
    try:
        return VideoIndex.load(video, preset, cache=cache, **known).tier
    except IndexDamaged:
        return 0


def _added(index: VideoIndex, tier: int) -> str:
    """What can be done with an index since a tier of it is there."""
    if tier == 1:
        frames, scenes = (
            counted(len(index.windows), "key frame"),
            counted(len(index.scenes()), "scene"),
        )
        return f"searchable now by looks (tier 1: {frames}, {scenes})"
    if tier == 3:
        return f"tier 3 adds {counted(len(index.spans('deep')), 'moment')}"
    parts = [counted(len(index.windows), "window"), counted(len(index.scenes()), "shot")]
    if index.text_spaces:
        parts.append("search by text")
    if index.transcripts:
        parts.append("a transcript")
    return f"tier 2 adds {', '.join(parts)}"


def _facts(path: Path, index: VideoIndex, seconds: float | None) -> dict[str, Any]:
    return {
        "video": str(path),
        "duration": round(index.video.span.end, 3),
        "preset": index.preset,
        "tier": index.tier,
        "windows": len(index.windows),
        "scenes": [len(index.scenes(level)) for level in range(3)],
        "fields": list(index.fields),
        "moments": len(index.spans("deep")) if "deep" in index.fields else None,
        "transcripts": [
            f"{each.source} ({each.language})" if each.language else each.source
            for each in index.transcripts
        ],
        "damage": [[span.start, span.end] for span in index.damage],
        "missing": index.video.missing,
        "seconds": None if seconds is None else round(seconds, 3),
        "key": index.key,
    }


def _line(told: Mapping[str, Any]) -> str:
    duration = float(told["duration"])
    parts = [
        f"tier {told['tier']}",
        counted(told["windows"], "window" if told["tier"] > 1 else "key frame"),
        counted(told["scenes"][0], "scene"),
        counted(told["scenes"][2], "chapter"),
    ]
    if told["moments"] is not None:
        parts.insert(2, counted(told["moments"], "moment"))
    if told["transcripts"]:
        first, *others = told["transcripts"]
        parts.append(f"transcript {first}{f' and {len(others)} more' if others else ''}")
    if told["damage"]:
        spans = ", ".join(f"{start:.1f}-{end:.1f}" for start, end in told["damage"][:3])
        more = ", ..." if len(told["damage"]) > 3 else ""
        parts.append(f"damaged {spans}{more} s")
    if told["missing"]:
        parts.append(f"the last {told['missing']:.1f} s are missing")
    seconds = told["seconds"]
    if seconds is None:
        parts.append("was there")
    else:
        parts.append(f"{seconds:.1f} s ({duration / max(seconds, 1e-3):.0f}x real time)")
    return clean(f"{told['video']}  {format_time(duration)}  {', '.join(parts)}")


def list_all(as_json: bool) -> int:
    """List what lies in the cache, a row a part, the videos one after the other."""
    from rlm.index.storage import inventory, store

    root = load_config().cache or store.default_root()
    found = list(inventory.entries(root))
    _print(found, as_json)
    total = sum(each.size for each in found)
    say(f"{root}: {counted(len(found), 'part')}, {_size(total)}")
    return DONE


def prune(older_than: float | None, max_gigabytes: float | None, as_json: bool) -> int:
    """Remove what cannot be used, and what the limits (days, GB) leave no room for; list it."""
    from rlm.index.storage import inventory, store

    root = load_config().cache or store.default_root()
    gone = inventory.prune(
        root,
        older_than=None if older_than is None else older_than * 86400,
        max_bytes=None if max_gigabytes is None else round(max_gigabytes * 1e9),
    )
    _print(gone, as_json)
    total = sum(each.size for each in gone)
    say(f"{root}: {counted(len(gone), 'part')} removed, {_size(total)} freed")
    return DONE


def _print(parts: Sequence[Entry], as_json: bool) -> None:
    if as_json:
        for each in parts:
            print(json.dumps(_entry(each)))
    else:
        print_rows([_cells(each) for each in parts], left=_LEFT)


def _entry(part: Entry) -> dict[str, Any]:
    return {
        "folder": str(part.folder),
        "video": part.video,
        "kind": part.kind,
        "what": part.what,
        "state": part.state,
        "bytes": part.size,
        "used": _when(part),
    }


def _cells(part: Entry) -> dict[str, str]:
    return {
        "video": part.video or part.folder.parent.name,
        "kind": part.kind,
        "what": part.what,
        "size": _size(part.size),
        "used": _when(part),
        "state": part.state,
    }


def _when(part: Entry) -> str:
    return datetime.fromtimestamp(part.used).isoformat(" ", "minutes")


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
