"""The main job in minutes, and its report."""
