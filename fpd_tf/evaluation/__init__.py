"""Scores as the official MPII and LSP evaluations compute them."""
