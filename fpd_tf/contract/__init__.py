"""What must be known about a model file, and the rules that every app follows."""
