"""An evaluation on a real cluster of several nodes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from evaluating import write_questions

from rlm.evaluation.folder import RESULTS

SUPPORT = Path(__file__).parent.parent / "support"
NETGUARD = Path(__file__).parent.parent / "netguard"


@pytest.mark.cluster
def test_a_node_that_dies_loses_no_question_and_none_counts_twice(
    film: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    annotations = write_questions(tmp_path / "q.jsonl", 10)
    marks, out = tmp_path / "marks", tmp_path / "out"
    marks.mkdir()
    # Ray learns its own address from a socket that would lead outside, over which nothing is sent.
    paths = [p for p in os.environ["PYTHONPATH"].split(os.pathsep) if Path(p) != NETGUARD]
    done = subprocess.run(
        [
            sys.executable,
            SUPPORT / "cluster_eval.py",
            annotations,
            film,
            out,
            tmp_path / "c",
            marks,
        ],
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(SUPPORT), *paths])},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["ending"], told["done"]) == ("finished", 10)

    victim = (marks / "victim").read_text()
    begun = [file.name.split("-")[:2] for file in marks.glob("*-*-*")]
    lost = {number for number, node in begun if node == victim}
    times = Counter(number for number, _ in begun)
    assert lost  # it died over a question, which began again elsewhere
    assert all(times[number] > 1 for number in lost)

    rows = [json.loads(line) for line in (out / RESULTS).read_text().splitlines()]
    assert sorted(row["id"] for row in rows) == [f"q{number}" for number in range(10)]
    assert all(row["failure"] is None and row["frames"] == 2 for row in rows)
    kept = {f"transcripts/{path.name}" for path in (out / "transcripts").iterdir()}
    assert kept == {row["transcript"] for row in rows}
    assert all(list((out / row["transcript"] / "media").glob("*.jpg")) for row in rows)
