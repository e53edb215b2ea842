"""What is said in a video: transcripts, search in them, and recognition of speech.

``transcripts`` finds what there is, ``transcript`` searches it by words, ``speech`` recognises with
an endpoint (``hosted``) or a Whisper on this machine (``local``).
"""
