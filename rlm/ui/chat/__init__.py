"""What a chat reads from the terminal and keeps in sight: lines, completions, the status bar."""
