"""``videorlm ask``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm.cli import options
from rlm.cli.manual import ASKING, App
from rlm.cli.options import BUDGET, MODEL, OUTPUT, setting
from rlm.commands.guard import guarded

app = App()


@app.command(section=ASKING)
@guarded
def ask(
    video: options.Video,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="The question, in quotes.")],
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="One choice of a multiple-choice question; repeat for each.",
            rich_help_panel="Question",
        ),
    ] = None,
    model: options.Model = None,
    sub_model: Annotated[
        str | None,
        setting(told="A cheaper model for the code's sub-questions.", metavar="NAME", under=MODEL),
    ] = None,
    fallback_model: Annotated[
        list[str] | None,
        setting(
            told="Takes over when the model is unavailable; repeat for more.",
            metavar="NAME",
            under=MODEL,
        ),
    ] = None,
    api_base: options.ApiBase = None,
    preset: options.Preset = None,
    seed: Annotated[
        int | None,
        setting(told="Seed of the model, where it takes one.", metavar="N", under=MODEL),
    ] = None,
    temperature: Annotated[
        float | None,
        setting(told="Temperature, where the model takes one.", metavar="T", under=MODEL),
    ] = None,
    model_timeout: Annotated[
        float | None,
        setting(
            told="How long the model may stay silent.",
            metavar="SECONDS",
            default=300,
            under=MODEL,
        ),
    ] = None,
    reply_cache: Annotated[
        Path | None,
        setting(
            "--reply-cache",
            "--cache",
            told="Keep replies here; the same messages cost nothing the second time.",
            metavar="FOLDER",
            under=MODEL,
        ),
    ] = None,
    max_turns: options.MaxTurns = None,
    max_calls: Annotated[
        int | None,
        setting(
            told="Calls to any model, in all sessions and votes together.",
            metavar="N",
            default=64,
            under=BUDGET,
        ),
    ] = None,
    max_tokens: options.MaxTokens = None,
    max_usd: options.MaxUsd = None,
    max_seconds: options.MaxSeconds = None,
    max_frames: Annotated[
        int | None,
        setting(told="Frames that models may be shown.", metavar="N", under=BUDGET),
    ] = None,
    max_depth: Annotated[
        int | None,
        setting(told="Levels of sub-sessions; 0 for none.", metavar="N", default=1, under=BUDGET),
    ] = None,
    votes: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Sessions that answer by themselves, within the same limits; most of them decide.",
            rich_help_panel=BUDGET,
        ),
    ] = 1,
    transcripts: options.Transcripts = None,
    json_: options.Json = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Show every turn, also when piped.", rich_help_panel=OUTPUT
        ),
    ] = False,
    unsafe_no_sandbox: Annotated[
        bool,
        typer.Option(
            "--unsafe-no-sandbox",
            help="Run the model's code without a jail: it can read and change your files.",
        ),
    ] = False,
) -> int:
    """Answer a question about a video.

    The index is built where there is none. stdout is the answer alone; the run is told on stderr,
    and kept as a transcript.

    Examples:
        # which model and preset answer is chosen, and said
        videorlm ask match.mp4 "Who serves first?"
        # a multiple-choice question
        videorlm ask match.mp4 "Who serves first?" --option "in white" --option "in red"
        # a hosted model, at most 25 cents, one JSON object
        videorlm ask match.mp4 "Who wins?" --model anthropic/claude-sonnet-4-6 --max-usd 0.25 --json
        # a server of your own
        videorlm ask match.mp4 "Who wins?" --model openai/qwen --api-base http://127.0.0.1:8000/v1

    Exit codes:
        1 no answer
        3 4 5 6 7

    Files:
        ~/.local/share/videorlm/transcripts  the runs
        ~/.cache/videorlm/index  the indexes

    See also: videorlm replay, videorlm index, videorlm doctor
    """
    from rlm.commands.ask import run

    return run(
        video,
        question,
        options=option or (),
        model=model,
        api_base=api_base,
        settings={
            "fallback_model": fallback_model,
            "sub_model": sub_model,
            "seed": seed,
            "temperature": temperature,
            "reply_cache": reply_cache,
            "model_timeout": model_timeout,
        },
        preset=preset,
        limits={
            "turns": max_turns,
            "calls": max_calls,
            "tokens": max_tokens,
            "usd": max_usd,
            "seconds": max_seconds,
            "frames": max_frames,
            "depth": max_depth,
        },
        votes=votes,
        transcripts=transcripts,
        as_json=json_,
        verbose=verbose,
        unsafe=unsafe_no_sandbox,
    )
