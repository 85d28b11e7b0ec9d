"""What the service keeps: reports, keys, jobs, requests seen before, messages to deliver."""
