"""PCKh, PCK and OKS AP, as the official evaluations compute them."""
