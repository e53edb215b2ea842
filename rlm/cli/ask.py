"""``videorlm ask``."""

from __future__ import annotations

from typing import Annotated

import typer

from rlm.cli import options
from rlm.cli.manual import ASKING, App
from rlm.cli.options import BUDGET
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
    sub_model: options.SubModel = None,
    fallback_model: options.FallbackModel = None,
    api_base: options.ApiBase = None,
    preset: options.Preset = None,
    seed: options.Seed = None,
    temperature: options.Temperature = None,
    model_timeout: options.ModelTimeout = None,
    reply_cache: options.ReplyCache = None,
    calibrator: options.Calibrator = None,
    max_turns: options.MaxTurns = None,
    max_calls: options.MaxCalls = None,
    max_tokens: options.MaxTokens = None,
    max_usd: options.MaxUsd = None,
    max_seconds: options.MaxSeconds = None,
    max_frames: options.MaxFrames = None,
    max_depth: options.MaxDepth = None,
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
    verbose: options.Verbose = False,
    live: options.Live = False,
    unsafe_no_sandbox: options.Unsafe = False,
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
        # to follow it in the browser, pause it, or have it answer now
        videorlm ask match.mp4 "Who wins?" --live
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
            "calibrator": calibrator,
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
        live=live,
        unsafe=unsafe_no_sandbox,
    )
