"""Joints of photographs and videos; search, tracking, smoothing and drawing."""
