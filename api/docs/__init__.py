"""The page at /docs: reads the OpenAPI document, shows it, and lets one try it.

Three files of our own. The usual viewers load a megabyte of script from other hosts or bring it
along; on the page where people paste API keys, what runs should be short enough to read.
"""

from __future__ import annotations

from importlib import resources

from fastapi import FastAPI
from starlette.responses import Response

_FILES = {
    "/docs": ("page.html", "text/html; charset=utf-8"),
    "/docs/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/docs/page.css": ("page.css", "text/css; charset=utf-8"),
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}


def install(app: FastAPI) -> None:
    for path, (name, media_type) in _FILES.items():
        content = resources.files(__name__).joinpath(name).read_bytes()
        _add(app, path, content, media_type)


def _add(app: FastAPI, path: str, content: bytes, media_type: str) -> None:
    async def serve() -> Response:
        return Response(content, headers=_HEADERS, media_type=media_type)

    app.add_api_route(path, serve, methods=["GET"], include_in_schema=False)
