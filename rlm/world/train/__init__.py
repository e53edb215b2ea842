"""Training of the built-in models on procedural film: ``python -m rlm.world.train FOLDER``.

``recipe`` says how long and how fast. ``clips`` draws what they see, ``batches`` makes tensors of
it, ``losses`` says what they are taught. ``stages`` trains encoder and predictor, ``readers`` what
reads them; ``loop`` keeps a stage going over any stop. ``export`` writes the weights.
"""
