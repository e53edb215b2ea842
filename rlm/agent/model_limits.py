"""What one request to a hosted model may hold, as its provider documents it.

Litellm's table knows how much a model reads, but nothing of its pictures. A larger picture than a
model looks at costs time and, with some, tokens, and shows it nothing more.
"""

from __future__ import annotations

from rlm.agent.llm import ModelLimits

_SIDE = ModelLimits().picture_side
_PICTURES: tuple[tuple[str, str, int, int | None], ...] = (
    # provider, part of the name, longest side in pixels, pictures in one request
    ("bedrock", "claude", 1568, 20),  # the Converse API takes fewer than Anthropic's own
    ("bedrock", "", _SIDE, 20),
    ("", "claude", 1568, 100),  # a longer edge is scaled down to this
    ("openai", "", 2000, 500),  # 768 on the short side by 2000 on the long one
    ("azure", "", 2000, 50),
    ("gemini", "", 1536, 900),  # read in tiles of 768
    ("vertex_ai", "gemini", 1536, 900),
    ("mistral", "pixtral", 1024, 8),
    ("mistral", "", _SIDE, 8),
    ("groq", "", _SIDE, 5),
)
"""The first row that fits counts; an empty text fits everything."""


def limits_of(name: str, provider: str, context_tokens: int | None) -> ModelLimits:
    """The limits of the model ``name``; what is in no row has the defaults."""
    for of, part, side, pictures in _PICTURES:
        if of in ("", provider) and part in name.lower():
            return ModelLimits(context_tokens, side, pictures)
    return ModelLimits(context_tokens)
