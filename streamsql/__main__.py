"""The `streamsql` command, also as `python -m streamsql`."""


def main() -> None:
    """Run the command line."""
    from streamsql.cli.main import app

    app(prog_name="streamsql")


if __name__ == "__main__":
    main()
