"""The HTTP API: translation between requests and the layers below, nothing else."""
