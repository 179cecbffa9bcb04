"""A trained network to a .tflite that phones run."""
