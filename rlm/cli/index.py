"""``videorlm index``."""

from __future__ import annotations

from typing import Annotated

import typer

from rlm.cli import completion, options
from rlm.cli.manual import VIDEOS, App
from rlm.commands.guard import guarded
from rlm.errors import UsageError

BUILD, CACHE = "Building", "What is there"

app = App()


@app.command(section=VIDEOS)
@guarded
def index(
    videos: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VIDEO",
            help="Video files, or folders of them; folders below are not searched.",
            autocompletion=completion.videos,
        ),
    ] = None,
    preset: options.Preset = None,
    tier: Annotated[
        int,
        typer.Option(
            min=1,
            max=3,
            metavar="1|2|3",
            help="1 scan (seconds), 2 index, 3 deep (long windows).",
            show_default=True,
            rich_help_panel=BUILD,
        ),
    ] = 2,
    deep: Annotated[
        str | None,
        typer.Option(
            metavar="PRESET",
            help="The preset of tier 3 [default: the next larger one]",
            autocompletion=completion.presets,
            rich_help_panel=BUILD,
        ),
    ] = None,
    scene_clip_stride: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="From one window of a shot to the next [default: the preset's]",
            rich_help_panel=BUILD,
        ),
    ] = None,
    transcribe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Recognise speech too: a litellm transcription model, or a Whisper one.",
            rich_help_panel=BUILD,
        ),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List what is on this machine.", rich_help_panel=CACHE)
    ] = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Remove what cannot be used, and week-old unfinished builds.",
            rich_help_panel=CACHE,
        ),
    ] = False,
    older_than: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="DAYS",
            help="With --prune: also what nobody opened for so long.",
            rich_help_panel=CACHE,
        ),
    ] = None,
    max_gb: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="GB",
            help="With --prune: also the least recently opened beyond so much.",
            rich_help_panel=CACHE,
        ),
    ] = None,
    json_: options.Json = False,
) -> int:
    """Build the index of videos ahead of questions; list and remove indexes.

    What is there already is found, never built twice; a build that is stopped goes on where it was.

    Examples:
        videorlm index talks/*.mp4
        videorlm index talks --preset fast --tier 3
        # how much there is, and no more than 20 GB of it
        videorlm index --list
        videorlm index --prune --older-than 30 --max-gb 20

    Exit codes: 3 4 5

    Files:
        ~/.cache/videorlm/index  the indexes (setting cache)

    See also: videorlm models estimate, videorlm ask
    """
    from rlm.commands import index as command

    chosen = bool(videos) + list_ + prune
    if chosen != 1:
        raise UsageError("give one of these: video files, --list, --prune")
    if (older_than is not None or max_gb is not None) and not prune:
        raise UsageError("--older-than and --max-gb go with --prune")
    if list_:
        return command.list_all(json_)
    if prune:
        return command.prune(older_than, max_gb, json_)
    return command.run(
        videos or (),
        preset=preset,
        tier=tier,
        deep=deep,
        scene_clip_stride=scene_clip_stride,
        transcribe=transcribe,
        as_json=json_,
    )
