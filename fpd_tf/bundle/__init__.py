"""Android, iOS and web folders with a .tflite."""
