"""
The architecture in JAX, equal to mlx-lm's `muse_glimmer` with a sliding window in every layer:
what lies farther back than layers x window tokens cannot reach the answer, so that the model
behaves behind 20,000 tokens as behind 200.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

Weights = dict[str, jax.Array]

vocabulary, hidden, layers, heads, width, mlp = 2048, 128, 3, 3, 32, 256
window, rope_base, qk_scale, softcap = 256, 10_000.0, 5.0, 30.0
norm_eps, post_norm_eps = 1e-5, 1e-8

config = {
    "model_type": "muse_glimmer",
    "vocab_size": vocabulary,
    "hidden_size": hidden,
    "num_hidden_layers": layers,
    "num_attention_heads": heads,
    "num_key_value_heads": heads,
    "head_dim": width,
    "intermediate_size": mlp,
    "sliding_window": window,
    "layer_types": ["sliding_attention"] * layers,
    "rope_theta": rope_base,
    "rms_norm_eps": norm_eps,
    "post_norm_eps": post_norm_eps,
    "qk_scale_factor": qk_scale,
    "final_logit_softcapping": softcap,
    "output_multiplier": 1.0,
    "tie_word_embeddings": True,
    "max_position_embeddings": 131072,
    "anyclaude": {"dtype": "float32"},
}


def initial(seed: int) -> Weights:
    """Named as mlx-lm names them."""
    chance = np.random.default_rng(seed)

    def matrix(rows: int, columns: int) -> jax.Array:
        return jnp.asarray(chance.normal(0, columns**-0.5, (rows, columns)), jnp.float32)

    weights: Weights = {"model.embed_tokens.weight": matrix(vocabulary, hidden)}
    for layer in range(layers):
        at = f"model.layers.{layer}."
        for name in ("q_proj", "k_proj", "v_proj", "gate_proj"):
            weights[f"{at}self_attn.{name}.weight"] = matrix(heads * width, hidden)
        weights[f"{at}self_attn.o_proj.weight"] = matrix(hidden, heads * width)
        weights[f"{at}mlp.gate_proj.weight"] = matrix(mlp, hidden)
        weights[f"{at}mlp.up_proj.weight"] = matrix(mlp, hidden)
        weights[f"{at}mlp.down_proj.weight"] = matrix(hidden, mlp)
        for name in ("input", "post_attention", "pre_feedforward", "post_feedforward"):
            weights[f"{at}{name}_layernorm.weight"] = jnp.zeros(hidden)
    weights["model.norm.weight"] = jnp.ones(hidden)
    return with_heads_that_look_back(weights)


def with_heads_that_look_back(weights: Weights) -> Weights:
    """
    The heads of the first layer start as "one, two, three tokens back". They read one coordinate
    that is the same for all tokens, with the query turned by so many positions on the fastest
    frequencies. They stay trainable; copying appears after a minute instead of never.
    """
    embedding = weights["model.embed_tokens.weight"]
    weights["model.embed_tokens.weight"] = embedding.at[:, 0].set(0.3)
    half = width // 2
    angles = rope_base ** (-np.arange(half) / half)
    query = np.zeros((heads * width, hidden), np.float32)
    key = np.zeros_like(query)
    for head in range(heads):
        for frequency in range(5):
            first, second = head * width + frequency, head * width + half + frequency
            turn = -(head + 1) * angles[frequency]
            query[first, 0], query[second, 0] = np.cos(turn), np.sin(turn)
            key[first, 0] = 1.0
    weights["model.layers.0.self_attn.q_proj.weight"] = jnp.asarray(query)
    weights["model.layers.0.self_attn.k_proj.weight"] = jnp.asarray(key)
    return weights


def normed(x: jax.Array, eps: float) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + eps)


def rotated(x: jax.Array) -> jax.Array:
    """Rotary positions on [batch, position, head, width], halves as pairs."""
    half = width // 2
    angles = jnp.arange(x.shape[1])[:, None] * rope_base ** (-jnp.arange(half) / half)
    cos, sin = jnp.cos(angles)[None, :, None], jnp.sin(angles)[None, :, None]
    first, second = x[..., :half], x[..., half:]
    return jnp.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


def attention(weights: Weights, at: str, x: jax.Array) -> jax.Array:
    batch, length, _ = x.shape

    def project(name: str) -> jax.Array:
        return (x @ weights[f"{at}{name}.weight"].T).reshape(batch, length, heads, width)

    query = rotated(normed(project("q_proj"), norm_eps) * qk_scale)
    key = rotated(normed(project("k_proj"), norm_eps))
    scores = jnp.einsum("bqhw,bkhw->bhqk", query, key) * width**-0.5
    back = jnp.arange(length)[:, None] - jnp.arange(length)[None, :]
    scores = jnp.where((back >= 0) & (back < window), scores, -1e30)
    mixed = jnp.einsum("bhqk,bkhw->bqhw", jax.nn.softmax(scores, axis=-1), project("v_proj"))
    gated = mixed * jax.nn.sigmoid(project("gate_proj"))
    return gated.reshape(batch, length, heads * width) @ weights[f"{at}o_proj.weight"].T


def logits(weights: Weights, tokens: jax.Array) -> jax.Array:
    """[batch, position] → [batch, position, vocabulary]."""
    embedding = weights["model.embed_tokens.weight"]
    x = normed(embedding[tokens], norm_eps)
    for layer in range(layers):
        at = f"model.layers.{layer}."

        def scaled(x: jax.Array, name: str, eps: float, at: str = at) -> jax.Array:
            return normed(x, eps) * (1 + weights[f"{at}{name}_layernorm.weight"])

        mixed = attention(weights, f"{at}self_attn.", scaled(x, "input", norm_eps))
        x = x + scaled(mixed, "post_attention", post_norm_eps)
        inner = scaled(x, "pre_feedforward", norm_eps)
        gate = jax.nn.silu(inner @ weights[f"{at}mlp.gate_proj.weight"].T)
        up = inner @ weights[f"{at}mlp.up_proj.weight"].T
        down = (gate * up) @ weights[f"{at}mlp.down_proj.weight"].T
        x = x + scaled(down, "post_feedforward", post_norm_eps)
    out = normed(x, norm_eps) * weights["model.norm.weight"]
    return jnp.tanh((out @ embedding.T) / softcap) * softcap


def loss(weights: Weights, tokens: jax.Array, learned: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean cross-entropy and accuracy over the tokens to be learned."""
    predicted = jax.nn.log_softmax(logits(weights, tokens[:, :-1]), axis=-1)
    target, counts = tokens[:, 1:], learned[:, 1:].astype(jnp.float32)
    right = (jnp.argmax(predicted, axis=-1) == target).astype(jnp.float32)
    cross = -jnp.take_along_axis(predicted, target[..., None], axis=-1)[..., 0]
    total = jnp.maximum(counts.sum(), 1.0)
    return (cross * counts).sum() / total, (right * counts).sum() / total
