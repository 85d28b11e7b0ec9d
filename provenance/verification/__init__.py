"""The verifier, its policy, and the checks that put an answer together."""
