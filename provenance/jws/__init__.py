"""Signed statements of the service itself (JWS, RFC 7515): reports and badges."""
