"""The register: releases, their files, manifests, fingerprints and status, each change signed."""
