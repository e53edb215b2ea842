"""``results.csv``: a row for each time that a question was asked."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from rlm.agent.answer import letter
from rlm.evaluation.results import ItemResult
from rlm.evaluation.saved_run import SavedRun

COLUMNS = (
    "run", "id", "repeat", "dataset", "system", "video", "video_seconds", "category", "group",
    "question", "options", "right_answer", "answer", "choice", "correct", "score", "judge",
    "judge_right", "judge_agreement", "judge_usd", "confidence", "calibrated", "best_effort",
    "failure", "failure_message", "evidence", "evidence_time", "frames", "input_tokens",
    "output_tokens", "usd", "seconds", "model_seconds", "tool_seconds", "turns", "sub_calls",
    "transcript",
)  # fmt: skip


def results_table(runs: Sequence[SavedRun]) -> str:
    """The rows of all ``runs`` as CSV (RFC 4180), with a line of names above them."""
    out = io.StringIO()
    rows = csv.DictWriter(out, COLUMNS)
    rows.writeheader()
    for run in runs:
        for question in run.questions:
            for result in question.results:
                rows.writerow(_row(run, result))
    return out.getvalue()


def right_answer(result: ItemResult) -> str:
    """What is right, in words; empty where it is not public."""
    if result.answer_index is not None:
        return f"{letter(result.answer_index)}: {result.options[result.answer_index]}"
    return " / ".join(result.answers)


def _row(run: SavedRun, result: ItemResult) -> dict[str, Any]:
    failure, judged = result.failure, result.judged
    return {
        **{name: getattr(result, name) for name in COLUMNS if name in ItemResult.model_fields},
        "run": run.name,
        "options": " | ".join(result.options),
        "right_answer": right_answer(result),
        "choice": "" if result.choice is None else letter(result.choice),
        "judge": judged.model if judged else "",
        "judge_right": judged.right if judged else "",
        "judge_agreement": judged.agreement if judged else "",
        "judge_usd": judged.usd if judged else "",
        "failure": failure.kind if failure else "",
        "failure_message": failure.message if failure else "",
        "evidence": _spans(result.evidence),
        "evidence_time": _spans(result.evidence_time),
    }


def _spans(spans: Sequence[tuple[float, float]]) -> str:
    return "; ".join(f"{start:g}-{end:g}" for start, end in spans)
