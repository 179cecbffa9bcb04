"""Annotations in, training tensors out."""
