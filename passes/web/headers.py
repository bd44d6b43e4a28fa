"""The headers that every answer leaves with: they keep it private and keep foreign content out.

Only pages at the till may use the camera, and only they may run the compiled reader of codes.
"""

from __future__ import annotations

from flask import Response

_POLICY = (
    "default-src 'self'; script-src 'self'{scripts}; style-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY.format(scripts=""),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=()",
    "Cache-Control": "private, no-store",
}
_AT_THE_TILL = {
    "Content-Security-Policy": _POLICY.format(scripts=" 'wasm-unsafe-eval'"),
    "Permissions-Policy": "geolocation=(), microphone=(), camera=(self)",
}


def allow_camera(response: Response) -> Response:
    """For a blueprint's own pages; every answer gets the others, and keeps what is set."""
    response.headers.update(_AT_THE_TILL)
    return response
