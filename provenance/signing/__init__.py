"""Keys, certificates and signing."""
