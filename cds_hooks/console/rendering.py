"""From a template to a page with a policy: escaped, and only what carries its nonce runs."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from cds_hooks.cards.escape import page_text
from cds_hooks.console.assets import asset_url
from cds_hooks.console.reader import current_visit
from cds_hooks.console.site import Site

__all__ = ["content_security_policy", "make_page", "render"]

_TRUSTED_TYPES = "require-trusted-types-for 'script'; trusted-types htmx"
_ENVIRONMENT = Environment(
    loader=PackageLoader("cds_hooks.console", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _csrf_field() -> Markup:
    """What every form has as its first field."""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(current_visit().csrf)


def _utc(seconds: float) -> str:
    """ "2026-11-29 07:05 UTC" of UTC seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


_ENVIRONMENT.globals.update(asset=asset_url, csrf_field=_csrf_field, visit=current_visit)
_ENVIRONMENT.filters.update(utc=_utc, chart_text=page_text)


def render(template: str, **values: Any) -> str:
    """The text of a template; whatever is put in is escaped."""
    return _ENVIRONMENT.get_template(template).render(values)


def make_page(
    site: Site, template: str, *, here: str, root: str = "", sends: bool = False, **values: Any
) -> HTMLResponse:
    """A page of the console. `root` leads from its address to the service's ("../" from
    `/consultations/x`), `here` is its name in the navigation; one that `sends` has a form."""
    nonce = secrets.token_urlsafe(16)
    html = render(template, site=site, root=root, here=here, nonce=nonce, **values)
    # Every page of a session has the form that ends it.
    sends = sends or current_visit().reader is not None
    policy = content_security_policy(nonce, sends=sends)
    return HTMLResponse(html, headers={"Content-Security-Policy": policy})


def content_security_policy(
    nonce: str, *, sends: bool = False, images: str = "'self'", more: str = _TRUSTED_TYPES
) -> str:
    """What a page may do: its own style sheet, scripts with this nonce, requests to this service,
    forms to it if it `sends` one, and nothing from anywhere else."""
    forms = "'self'" if sends else "'none'"
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src {images}; "
        f"connect-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'; {more}"
    )
