"""What container apps run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from northstar.environments.plan import Plan
from northstar.environments.policies.findings import Finding
from northstar.environments.policies.values import at

_FIXED = re.compile(r".+(@sha256:[0-9a-f]{64}|:(?!latest$)[\w.-]+)")


def images(plan: Plan) -> Iterator[Finding]:
    """Images come from a registry of the platform, and by a tag that stays."""
    for app in plan.of_type("azurerm_container_app"):
        for kind in ("container", "init_container"):
            for number, container in enumerate(at(app.values, f"template.0.{kind}") or ()):
                sources = plan.leads_to(app, "template", 0, kind, number, "image")
                if {one.type for one in sources} != {"azurerm_container_registry"}:
                    message = "Its image is not proven to come from the platform's registry."
                    hint = "Begin the image with the registry's login_server."
                    yield Finding("images", app.address, message, hint)
                image = container.get("image")
                if image is not None and not _FIXED.fullmatch(image):
                    message = f"Its image {image} is another one tomorrow."
                    yield Finding("images", app.address, message, "Name a version or a digest.")
