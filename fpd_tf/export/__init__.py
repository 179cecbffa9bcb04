"""Export of a trained network to .tflite."""
