"""Sample assets, certificates, time-stamps and forgeries, all made by code."""
