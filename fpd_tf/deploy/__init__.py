"""From a trained network to a .tflite file that phones load."""
