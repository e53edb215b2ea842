"""Runs about the film, recorded, changed on disk and run again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from scripted import AnsweringModel

from rlm.agent.drift import Report
from rlm.agent.llm import LanguageModel, Message
from rlm.agent.models import Models
from rlm.agent.rerun import fork, rerun_code
from rlm.agent.session import Session
from rlm.agent.transcript import EVENTS, Transcript, TranscriptWriter
from rlm.config import Config
from rlm.errors import VideoRLMError
from rlm.index import VideoIndex


class Runs:
    """Records runs about the film, and runs them again."""

    def __init__(self, index: VideoIndex, config: Config, folder: Path) -> None:
        self.index, self.config, self.folder = index, config, folder
        self.told: list[str] = []

    def record(self, model: LanguageModel, sub: LanguageModel | None = None, **how) -> Transcript:
        with TranscriptWriter(self.folder, "what") as writer:
            session = Session(
                self.index, Models(model, sub), "what", sinks=[writer], store=writer.media, **how
            )
            with suppress(VideoRLMError):
                session.run()
        return Transcript.load(writer.path)

    def again(self, transcript: Transcript, **how) -> Report:
        how = {"video": self.index.video.path, "config": self.config} | how
        return rerun_code(transcript, notify=self.told.append, **how)

    def fork(self, transcript: Transcript, turn: int, **how) -> Transcript:
        done = fork(
            transcript, turn, video=self.index.video.path, config=self.config,
            transcripts=self.folder, notify=self.told.append, **how,
        )  # fmt: skip
        return Transcript.load(done.transcript)


def edit(transcript: Transcript, change: Callable[[list[dict]], list[dict]]) -> Transcript:
    file = transcript.path / EVENTS
    lines = change([json.loads(line) for line in file.read_text().splitlines()])
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Transcript.load(transcript.path)


def replaced(old: str, new: str, times: int = 1) -> Callable[[list[dict]], list[dict]]:
    """Replaces words in what was observed."""

    def change(lines: list[dict]) -> list[dict]:
        found = 0
        for line in lines:
            if line["kind"] != "observed":
                continue
            words = [part for part in line["parts"] if isinstance(part, str)]
            found += sum(old in text for text in words)
            line["parts"] = [
                part.replace(old, new) if isinstance(part, str) else part for part in line["parts"]
            ]
        assert found == times
        return lines

    return change


def by_question(
    replies: Callable[[str, int], str], said: Callable[[str], str] = str
) -> AnsweringModel:
    def respond(messages: Sequence[Message]) -> str:
        if messages[0].role != "system":
            return said(messages[0].text)
        question = messages[1].text.partition("Question: ")[2].partition("\n")[0]
        return replies(question, sum(m.role == "assistant" for m in messages))

    return AnsweringModel(respond)
