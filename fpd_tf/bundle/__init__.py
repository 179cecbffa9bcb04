"""Folders for Android, iOS and the web around one .tflite."""
