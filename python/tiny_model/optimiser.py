"""Muon for matrices, Adam for embedding and norms: a matrix learns best by orthogonal steps."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .network import Weights

muon_rate, adam_rate, decay = 0.02, 0.004, 0.01
momentum, first_beta, second_beta = 0.95, 0.9, 0.98
State = dict[str, Weights]


def fresh(weights: Weights) -> State:
    moments = ("first", "second")
    return {moment: {name: jnp.zeros_like(w) for name, w in weights.items()} for moment in moments}


def is_matrix(name: str) -> bool:
    return "proj" in name


def step(
    weights: Weights, gradients: Weights, state: State, count: jax.Array, rate: jax.Array
) -> tuple[Weights, State]:
    """`rate` scales both; `count` starts at 1."""
    after: Weights = {}
    first: Weights = {}
    second: Weights = {}
    for name, value in weights.items():
        gradient, old = gradients[name], state["first"][name]
        if is_matrix(name):
            first[name] = momentum * old + gradient
            second[name] = state["second"][name]
            change = muon_rate * orthogonal(gradient + momentum * first[name])
        else:
            first[name] = first_beta * old + (1 - first_beta) * gradient
            squares = state["second"][name]
            second[name] = second_beta * squares + (1 - second_beta) * gradient**2
            mean = first[name] / (1 - first_beta**count)
            spread = jnp.sqrt(second[name] / (1 - second_beta**count))
            change = adam_rate * mean / (spread + 1e-8)
        shrink = 1 - rate * decay * (muon_rate if is_matrix(name) else 0.0)
        after[name] = value * shrink - rate * change
    return after, {"first": first, "second": second}


def orthogonal(matrix: jax.Array) -> jax.Array:
    """Five Newton-Schulz steps towards the nearest orthogonal matrix, scaled by its shape."""
    a, b, c = 3.4445, -4.7750, 2.0315
    rows, columns = matrix.shape
    x = matrix.T if rows > columns else matrix
    x = x / (jnp.linalg.norm(x) + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    x = x.T if rows > columns else x
    return x * max(1.0, rows / columns) ** 0.5
