"""Loading and checking annotations; batches for training."""
