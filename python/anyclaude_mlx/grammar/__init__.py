"""What an answer has to be like, held to it while it is generated."""
