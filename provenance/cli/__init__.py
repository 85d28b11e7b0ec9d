"""The command line: one module per subcommand; parsing and rendering only."""
