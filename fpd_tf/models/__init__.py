"""Networks: images in, a list of heatmaps (one for each stack) out."""
