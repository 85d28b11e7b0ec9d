"""The only code that touches the C2PA engine: manifests, claims, COSE, JUMBF."""
