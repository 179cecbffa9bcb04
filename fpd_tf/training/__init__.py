"""Losses, the Distiller, recipes and resumable runs."""
