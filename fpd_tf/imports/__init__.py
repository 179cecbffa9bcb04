"""Networks that others trained, read into ours."""
