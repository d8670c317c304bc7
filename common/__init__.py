"""What all commands stand on: the text, the console and the summaries of each."""
