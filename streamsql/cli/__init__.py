"""The command line: typer and rich over `streamsql.app`; every command imports what it needs when it runs."""
