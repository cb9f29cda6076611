"""How a model speaks: the forms of its answers, read whole or cut off."""
