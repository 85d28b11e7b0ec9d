"""The one door for bytes nobody vouches for: sniffing, structure, digests, metadata."""
