"""The built front end: the page, its script and style. Without a build, a plain page that says how to make one."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from firstpass.web.refusals import Refused

STATIC = Path(__file__).parents[1] / "static"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
}
NOT_BUILT = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Firstpass</title></head><body>
<h1>The desk's pages are not built yet</h1>
<p>The server runs, but this checkout has no built pages. With Node.js 20 or newer, run in the checkout:</p>
<pre>python frontend/build.py</pre><p>and reload this page. An installed package has them built.</p></body></html>
"""
router = APIRouter(include_in_schema=False)


@router.get("/{path:path}")
def page(path: str) -> Response:
    """A file of the built front end; "/" is its page. Only files that are there, of types a page needs."""
    root = STATIC.resolve()
    name = path or "index.html"
    if not path and not (root / name).is_file():
        return HTMLResponse(NOT_BUILT)
    if path.startswith("api/") or "\0" in path or "\\" in path:
        raise Refused(404, "there is nothing here")
    file = (root / name).resolve()
    media_type = MEDIA_TYPES.get(file.suffix)
    if media_type is None or not file.is_relative_to(root) or not file.is_file():
        raise Refused(404, "there is nothing here")
    hashed = path.startswith("assets/")  # Vite puts the content's hash into these names
    return FileResponse(
        file, media_type=media_type, headers={"Cache-Control": "public, max-age=31536000, immutable" if hashed else "no-cache"}
    )
