"""`python -m firstpass` is `firstpass`."""

from firstpass.cli.app import main

if __name__ == "__main__":
    main()
