"""Templates become answers: what they show is escaped, what stands in them is never run.

The content security policy allows nothing inline. The charts' library would add style elements; it
leaves that alone where the page already links ``static/plotly.css`` under the names it looks for
(see ``docs/decisions/0005-charts-under-a-strict-policy.md``).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from northstar import __version__
from northstar.platform.web.states import look
from northstar.platform.web.static_files import asset
from northstar.platform.web.views import Shell

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


def page(template: str, shell: Shell | None, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template; ``shell`` is ``None`` before anybody has signed in."""
    text = _templates.get_template(template).render(shell=shell, **values)
    return HTMLResponse(text, status_code=status, headers=HEADERS)


def moment(value: datetime) -> Markup:
    """A moment in UTC to the minute, readable by people and machines."""
    text = f"{value.day} {value:%b %Y, %H:%M}"
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        value.isoformat(), f"{value:%Y-%m-%d %H:%M:%S}", text
    )


def day(value: datetime) -> Markup:
    """A moment in UTC to the day."""
    return _date(value, f"{value.day} {value:%b %Y}")


def number(value: float | None) -> str:
    """A measured value to the digits that count; a dash for none."""
    if value is None:
        return "–"
    if isinstance(value, int) or abs(value) >= 10_000:
        return f"{value:,.0f}"
    text = f"{value:.4g}" if abs(value) >= 1 else f"{value:.3f}"
    if 0 < abs(value) < 0.1:
        text = f"{value:.3g}" if abs(value) >= 0.0001 else f"{value:.1e}"
    return text.replace("-", "−")


def brief(value: float) -> str:
    """A value to three digits, for durations and shares."""
    return f"{value:.3g}"


def score(value: float) -> str:
    """A score in a narrow cell: two decimals, no leading zero."""
    return f"{value:.2f}".removeprefix("0") if value < 10 else f"{value:.0f}"


def brief_day(value: datetime) -> Markup:
    """A day for the head of a narrow column."""
    return _date(value, f"{value.day} {value:%b}")


def readable(value: object) -> str:
    """JSON as people write it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def signed(value: float) -> str:
    """A difference with its sign."""
    return f"+{number(value)}" if value > 0 else number(value)


def who(principal: str) -> str:
    """A principal as people call it: ``user:anna`` is anna, ``managed:run/a/b`` a run of a/b."""
    kind, _, name = principal.partition(":")
    if not name or kind == "user":
        return name or principal
    if kind == "platform":
        return f"Northstar ({name})"
    role, _, place = name.partition("/")
    if kind == "managed" and place:
        return {"run": "a run of ", "endpoint": "the endpoint "}.get(role, f"{role} ") + place
    return f"{name} ({kind})"


def prose(text: str) -> Markup:
    """A sentence of ours; what stands between backticks is set as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return Markup.escape(text)
    pieces = (Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts))
    return Markup("").join(pieces)


def short(digest: str) -> str:
    """A digest as far as a person reads it."""
    return digest.removeprefix("sha256:")[:12]


def plural(count: int, noun: str) -> str:
    """``1 alert``, ``2 alerts``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _date(value: datetime, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(f"{value:%Y-%m-%d}", text)


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("northstar.platform.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for use in (
        *(moment, day, brief_day),
        *(number, brief, score, signed, plural),
        *(who, prose, short, readable),
    ):
        found.filters[use.__name__] = use
    found.globals.update(look=look, asset=asset, version=__version__)
    return found


_templates = _environment()
