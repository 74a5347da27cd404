"""`python -m firstpass.web.openapi` prints the desk's OpenAPI schema as JSON, for the front end's types."""

from __future__ import annotations

import json
import sys

from firstpass.web.app import bare_app


def main() -> None:
    """Prints the schema."""
    sys.stdout.write(json.dumps(bare_app().openapi(), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
