"""``videorlm models``: weights."""

from __future__ import annotations

from typing import Annotated

import typer

from rlm.cli import completion, options
from rlm.cli.manual import VIDEOS, App
from rlm.commands.guard import guarded

app = App("models", section=VIDEOS, invoke_without_command=True)


@app.callback()
def _models(context: typer.Context, json_: options.Json = False) -> None:
    """List the weights there are, which are here, and what they cost.

    Weights are V-JEPA 2 at several sizes, and companions that put text and video into one space.
    They are looked for in $VIDEORLM_WEIGHTS and the hub's cache; nothing is downloaded by itself.

    Examples:
        videorlm models
        videorlm models pull fast
        videorlm models estimate talk.mp4

    Files:
        ~/.cache/huggingface/hub  weights (HF_HOME, HF_HUB_CACHE)

    See also: videorlm index, videorlm doctor
    """
    if context.invoked_subcommand is None:
        _list_models(json_)


@guarded
def _list_models(as_json: bool) -> int:
    from rlm.commands.models import run

    return run(as_json=as_json)


@app.command()
@guarded
def pull(
    preset: Annotated[
        str,
        typer.Argument(
            metavar="PRESET",
            help="fast, balanced, quality, siglip2 or videoprism.",
            autocompletion=completion.to_pull,
        ),
    ],
) -> int:
    """Download weights and their companions; an interrupted download goes on.

    Safetensors of a pinned revision only, into the hub's cache.

    Examples:
        videorlm models pull fast
        videorlm models pull siglip2

    Exit codes: 5

    Files:
        ~/.cache/huggingface/hub  where they go (HF_HOME, HF_HUB_CACHE)

    See also: videorlm models, videorlm models estimate
    """
    from rlm.commands.models import pull as run

    return run(preset)


@app.command()
@guarded
def estimate(video: options.Video, json_: options.Json = False) -> int:
    """Say about how long each preset would take to index a video here.

    Decoding and arithmetic are measured on this machine, for some seconds.

    Examples:
        videorlm models estimate film.mp4
        videorlm models estimate film.mp4 --json

    Exit codes: 3

    See also: videorlm index
    """
    from rlm.commands.models import estimate as run

    return run(video, as_json=json_)
