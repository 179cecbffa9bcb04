"""Photographs in, joints and drawings out."""
