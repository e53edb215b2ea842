"""What the model may call: one file a tool, listed here in the order the model reads them.

To add one, write ``my_tool.py`` with a function ``my_tool(ctx, ...)`` whose docstring tells the
model what it does and ends in an example, and add it to :data:`TOOLS`. The prompt, the jail and
the transcript take it from there. What needs nothing of the host is a helper: see ``pixels/``.
"""

from rlm.tools.answer import answer
from rlm.tools.anticipate_action import anticipate_action
from rlm.tools.base import (
    RECORDS,
    Asked,
    Labelled,
    SubAnswer,
    SubQuestion,
    Tool,
    ToolContext,
    VideoFacts,
    bind,
    describe,
)
from rlm.tools.caption_segment import caption_segment
from rlm.tools.classify_segment import classify_segment
from rlm.tools.contact_sheet import contact_sheet
from rlm.tools.detect_objects import detect_objects
from rlm.tools.discriminative_vqa import discriminative_vqa
from rlm.tools.embed import embed
from rlm.tools.extract_frames import extract_frames
from rlm.tools.find_anomalies import find_anomalies
from rlm.tools.get_scenes import get_scenes
from rlm.tools.get_transcript import get_transcript
from rlm.tools.history import history
from rlm.tools.llm_query import llm_query
from rlm.tools.llm_query_batched import llm_query_batched
from rlm.tools.note import note
from rlm.tools.order_segments import order_segments
from rlm.tools.predict_future import predict_future
from rlm.tools.rank_futures import rank_futures
from rlm.tools.rlm_query import rlm_query
from rlm.tools.rlm_query_batched import rlm_query_batched
from rlm.tools.search import search
from rlm.tools.search_by_embedding import search_by_embedding
from rlm.tools.search_transcript import search_transcript
from rlm.tools.show import show
from rlm.tools.summarize import summarize
from rlm.tools.surprise_curve import surprise_curve
from rlm.tools.transition_graph import transition_graph
from rlm.tools.verify_temporal_coherence import verify_temporal_coherence
from rlm.tools.video_info import video_info

PREDICTION: tuple[Tool, ...] = (
    predict_future,
    anticipate_action,
    verify_temporal_coherence,
    surprise_curve,
    find_anomalies,
    summarize,
    rank_futures,
    order_segments,
    transition_graph,
)
"""The tools that foretell, or rest on what was foretold, as a summary by surprise does."""

TOOLS: tuple[Tool, ...] = (
    video_info,
    get_scenes,
    contact_sheet,
    extract_frames,
    show,
    search,
    embed,
    search_by_embedding,
    *PREDICTION,
    discriminative_vqa,
    detect_objects,
    caption_segment,
    classify_segment,
    get_transcript,
    search_transcript,
    llm_query,
    llm_query_batched,
    rlm_query,
    rlm_query_batched,
    note,
    history,
    answer,
)

__all__ = [
    "PREDICTION",
    "RECORDS",
    "TOOLS",
    "Asked",
    "Labelled",
    "SubAnswer",
    "SubQuestion",
    "Tool",
    "ToolContext",
    "VideoFacts",
    "bind",
    "describe",
]
