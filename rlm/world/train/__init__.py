"""Training of the built-in models on procedural film: ``python -m rlm.world.train FOLDER``.

``clips`` draws what they see, ``batches`` makes tensors of it, ``losses`` says what they are
taught, ``stages`` in which order, ``run`` keeps the run going over any stop, ``export`` writes the
weights.
"""
