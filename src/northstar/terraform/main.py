"""``terraform-provider-northstar``: the program that Terraform starts."""

from __future__ import annotations

import os
import signal
import sys

from northstar.terraform.protocol.server import is_terraform, serve
from northstar.terraform.protocol.service import Service
from northstar.terraform.provider import Provider


def main() -> None:
    """Serve the provider to the Terraform that started this process."""
    if not is_terraform(os.environ):
        sys.exit(
            "This is a Terraform provider: Terraform starts it.\n"
            "`northstar terraform install` makes it known to Terraform."
        )
    # Ctrl-C in a terminal reaches every process of the group. Terraform waits for what is being
    # made; if that were cut off, the object would be there and in no state. Its end is our end.
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    service = Service(Provider(os.environ))
    serve(service.methods(), service.messages["Empty"])


if __name__ == "__main__":
    main()
