"""What was computed of prompts, in memory and on disk."""
