"""Models from the Hugging Face hub. Knows nothing of mlx."""
