"""An MLX server that avoids computing a prompt token twice. Contract: docs/mlx-server.md."""

__version__ = "0.1.0"
