"""Every error VideoRLM raises on purpose.

::

    VideoRLMError                   exit code
    ├── UsageError                          2   a question, option or setting that makes no sense
    ├── VideoError                          3   the video cannot be used
    │   ├── VideoNotFound
    │   ├── NotAVideo                           not a file, empty, text, audio only
    │   └── VideoDamaged                        nothing of it can be decoded, or it changes
    ├── LanguageModelError                  4   the language model cannot be used
    │   ├── UnknownModel
    │   ├── MissingKey
    │   ├── ModelUnavailable                    endpoint down, refused, out of retries
    │   ├── ReplyRefused                        declined: a content filter, or the model itself
    │   └── ConversationTooLong                 more than the model reads at once
    ├── EncoderError                        5   weights or index
    │   ├── WeightsMissing                      not on this machine, or not what they should be
    │   ├── IndexDamaged
    │   └── SpaceMismatch                       two vectors that do not live in one space
    ├── JailError                           6   no jail can be had here
    ├── TranscriptError                     7   a transcript that cannot be read or written
    │   └── ReplayMismatch                      a rerun asks for what was not recorded
    └── EpisodeFailed                       1   an episode of an environment broke, or was closed

Each message names what was wrong, where, and what to do; it is one line, and the command line
prints it as it is. ``EXIT_CODES`` has them all, also those that no error stands for.
"""

UNEXPECTED, NO_OUTPUT, INTERRUPTED, READER_GONE = 70, 74, 130, 141
EXIT_CODES = {
    0: 'done; of a question: answered, "I can\'t tell" included',
    1: "no answer; a rerun that drifted; a machine that cannot answer (doctor)",
    2: "usage: an argument, option or setting that makes no sense",
    3: "the video cannot be used",
    4: "the language model cannot be used",
    5: "weights or index cannot be used",
    6: "no jail can be had",
    7: "the transcript cannot be found, read or written",
    UNEXPECTED: "an unexpected error, in one line (VIDEORLM_DEBUG=1 shows all of it)",
    NO_OUTPUT: "the output cannot be written",
    INTERRUPTED: "interrupted (Ctrl-C)",
    READER_GONE: "the reader of stdout went away",
}
"""Every exit code of the command line, in words. Help and docs have them from here."""


class VideoRLMError(Exception):
    """The root. ``exit_code`` is what the command line ends with."""

    exit_code = 1


class UsageError(VideoRLMError):
    """A question, option or setting that makes no sense."""

    exit_code = 2


class VideoError(VideoRLMError):
    """The video cannot be used."""

    exit_code = 3


class VideoNotFound(VideoError):
    """There is no such file, or it may not be read."""


class NotAVideo(VideoError):
    """The file holds no video: a folder, zero bytes, text, audio only."""


class VideoDamaged(VideoError):
    """No picture can be decoded, or the file changed while it was read."""


class LanguageModelError(VideoRLMError):
    """The language model cannot be used."""

    exit_code = 4


class UnknownModel(LanguageModelError):
    """No provider knows a model of this name."""


class MissingKey(LanguageModelError):
    """The provider wants a key that is not in the environment."""


class ModelUnavailable(LanguageModelError):
    """The endpoint is down, refuses, or stayed silent through all retries."""


class ReplyRefused(LanguageModelError):
    """The provider's content filter, or the model itself, declined to reply."""


class ConversationTooLong(LanguageModelError):
    """The messages are more than the model reads at once."""


class EncoderError(VideoRLMError):
    """An encoder, its weights or an index built with them cannot be used."""

    exit_code = 5


class WeightsMissing(EncoderError):
    """The weights are not on this machine, or are not what the preset needs."""


class IndexDamaged(EncoderError):
    """An index folder is damaged, foreign or of another schema."""


class SpaceMismatch(EncoderError):
    """Two vectors were compared that do not live in one space."""


class JailError(VideoRLMError):
    """No jail can be had on this machine."""

    exit_code = 6


class TranscriptError(VideoRLMError):
    """A transcript cannot be found, read or written."""

    exit_code = 7


class ReplayMismatch(TranscriptError):
    """A rerun asks a model, or a sub-session, for what was not recorded."""


class EpisodeFailed(VideoRLMError):
    """An episode of :mod:`rlm.env` broke, or was closed while it ran."""
