"""Archives: millions of files verified, registered or signed, on this machine or on many."""
