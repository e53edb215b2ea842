"""The ``builtin`` model: it writes real REPL code from a question's form, without a key.

It knows one world, films of moving coloured shapes; what it sees of them comes from the object head
beside the encoder, through ``detect_objects``. ``words`` holds the vocabulary; ``plan`` turns a
question into code, by the ``forms`` and ``sequences`` of questions it knows, in the way of
``writing``; ``cells`` is the code that all questions share; ``verdict`` reads what was printed;
``model`` holds the conversation.
"""

from rlm.agent.policy.model import BuiltinModel

__all__ = ["BuiltinModel"]
