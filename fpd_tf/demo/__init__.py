"""The whole pipeline on synthetic data, and its report."""
