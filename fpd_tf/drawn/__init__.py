"""Synthetic (drawn) people, for tests and demos without photographs."""
