"""What the ``verifiers`` package finds under the id ``videorlm-env``; see ``rlm.env``."""

from rlm.env.verifiers_adapter import OneReply, VideoEnv, VideoTaskset, load_environment

__all__ = ["OneReply", "VideoEnv", "VideoTaskset", "load_environment"]
