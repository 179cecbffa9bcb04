"""Published MoveNet and PyTorch hourglass weights as Keras networks."""
