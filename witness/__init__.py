"""What was touched, and the proof of it."""
