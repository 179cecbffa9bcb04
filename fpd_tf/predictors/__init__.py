"""One interface to networks of any kind: crops to joints, scores and heatmaps."""
