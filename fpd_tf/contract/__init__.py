"""pose.json: the description of a model file, and the rules that every app follows."""
