"""`python -m provenance`: the command, where its script is not on the path."""

import sys

from provenance.cli.main import entry

sys.exit(entry())
