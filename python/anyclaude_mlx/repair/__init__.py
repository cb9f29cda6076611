"""Arguments of calls that are nearly right. As src/translate/repair."""
