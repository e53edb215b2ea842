"""An evaluation on a Ray cluster of several nodes, one of which is killed in mid-run.

::

    python cluster_eval.py ANNOTATIONS VIDEOS OUTPUT CACHE MARKS

In the folder MARKS stands a file for each time that a node began with a question.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from evaluating import Watching
from scripted import AnsweringModel, code

from rlm.agent.llm import Message
from rlm.agent.models import Models
from rlm.config import Config
from rlm.evaluation.evaluate import Evaluation, evaluate

VICTIM, MARKS = "victim", "CLUSTER_EVAL_MARKS"
HANGS = 60.0
"""Seconds that a question takes on the node that will be killed."""


def reply(messages: Sequence[Message]) -> str:
    """Looks once, then answers by the number in the question."""
    import ray

    marks = Path(os.environ[MARKS])
    if messages[-1].role == "user" and len(messages) == 2:
        number = re.findall(r"Is it (\d+)", messages[1].text)[-1]
        node = ray.get_runtime_context().get_node_id()
        (marks / f"{number}-{node}-{uuid.uuid4().hex}").touch()
        if (marks / VICTIM).read_text() == node:
            time.sleep(HANGS)
        return code("show(extract_frames(count=2, size=32))")
    return code(f"answer({'AB'['3' in messages[1].text]!r}, confidence=0.5)")


def make(choice, api_base, config, notify, busy) -> Models:
    """On whichever node."""
    return Models(AnsweringModel(reply))


def main(annotations: Path, videos: Path, output: Path, cache: Path, marks: Path) -> None:
    """Runs it; prints what came of it."""
    from cluster_eval import make  # nodes look for it there, not in what was run here
    from ray.cluster_utils import Cluster

    os.environ |= {MARKS: str(marks), "RAY_USAGE_STATS_ENABLED": "0"}
    here = {"num_cpus": 1}
    cluster = Cluster(initialize_head=True, head_node_args=here | {"include_dashboard": False})
    victim = cluster.add_node(**here)
    cluster.add_node(**here)
    (marks / VICTIM).write_text(victim.node_id)

    def kill() -> None:
        while not list(marks.glob(f"*-{victim.node_id}-*")):
            time.sleep(0.05)
        cluster.remove_node(victim, allow_graceful=False)

    threading.Thread(target=kill, daemon=True).start()
    wanted = Evaluation(
        "jsonl", annotations, videos, model="scripted", preset="builtin", workers=3, output=output,
        cluster=cluster.address,
    )  # fmt: skip
    watch = Watching()
    done = evaluate(wanted, watch, config=Config(cache=cache), make=make)
    print(json.dumps({"ending": done.ending, "done": done.standing.done, "said": watch.lines}))
    cluster.shutdown()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
