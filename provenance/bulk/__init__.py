"""Archives: verifying millions of files, on this machine or on many."""
