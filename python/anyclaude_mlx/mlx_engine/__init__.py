"""A model that computes. The only package that imports mlx and mlx_lm."""
