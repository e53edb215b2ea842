"""The ``builtin`` model: it writes real REPL code from a question's form, without weights or key.

``words`` holds the vocabulary, ``plan`` turns a question into code, ``cells`` is the code every
question shares, ``verdict`` reads what was printed, ``model`` holds the conversation.
"""

from rlm.agent.policy.model import BuiltinModel

__all__ = ["BuiltinModel"]
