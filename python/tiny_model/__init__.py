"""
How the built-in model is made: `python -m tiny_model.train`, from the folder `python/`.

    corpus    text that stands around what the user says      (Python's own documentation)
    phrases   what the user may say, and the only right answer
    sessions  random conversations made of them
    tokenizer the vocabulary and the chat template
    rows      conversations as training rows
    network   the architecture, in JAX
    optimiser Muon for matrices, Adam for the rest
    train     all of it, then the model folder
    check     the documented phrases, answered by the released weights through mlx-lm

Needs `requirements.txt`, which is no part of what the product installs. Nothing is downloaded.
"""
