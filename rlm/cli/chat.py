"""``videorlm chat``."""

from __future__ import annotations

from typing import Annotated

import typer

from rlm.cli import completion, options
from rlm.cli.manual import ASKING, App
from rlm.commands.guard import guarded

app = App()


@app.command(section=ASKING)
@guarded
def chat(
    video: options.Video,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="TRANSCRIPT",
            help="Go on with a saved chat about this video: its folder, its name, or 'last'.",
            autocompletion=completion.transcripts,
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
    transcripts: options.Transcripts = None,
    verbose: options.Verbose = False,
    live: options.Live = False,
    unsafe_no_sandbox: options.Unsafe = False,
) -> int:
    """Ask a video one question after the other.

    The model's variables, notes and what it saw stay from question to question. Ctrl-C interrupts
    what runs and never ends the chat: then Enter goes on, words steer, /stop answers now. Ctrl-D on
    an empty line ends it. /help lists the commands. From a pipe, each line is a question or a
    command, and stdout has the answers.

    Limits on turns and seconds are for each question, the others for the whole chat.

    Examples:
        videorlm chat match.mp4
        # go on where the last chat stopped, with its variables
        videorlm chat match.mp4 --resume last
        # a question a line, without a terminal: videorlm chat match.mp4 < questions.txt
        videorlm chat match.mp4 --model anthropic/claude-sonnet-4-6 --max-usd 1

    Exit codes:
        1 the last question that a pipe asked was not answered
        3 4 5 6 7

    Files:
        ~/.local/share/videorlm/transcripts  the chats
        ~/.local/share/videorlm/chat  what was typed, for each video

    See also: videorlm ask, videorlm replay
    """
    from rlm.commands.chat import run

    return run(
        video,
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
        transcripts=transcripts,
        resume=resume,
        verbose=verbose,
        live=live,
        unsafe=unsafe_no_sandbox,
    )
