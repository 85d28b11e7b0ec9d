"""The one door to pixels and samples: decoding untrusted pictures, video and sound, bounded."""
