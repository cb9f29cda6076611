"""What a model says: from tokens to thinking, text and tool calls."""
