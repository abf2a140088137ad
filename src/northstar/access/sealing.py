"""Sealing: what has to be kept but must not be readable in the database, such as signing keys."""

from __future__ import annotations

import secrets
import stat
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from northstar.durable import PRIVATE, create_file
from northstar.errors import Failed, Invalid

_PREFIX = "fernet:"


class Sealer:
    """Encrypts and authenticates text with the first of its keys, and opens it with any of them.

    To change the key, put a new one in front; what older keys sealed is sealed anew when it is
    read next, and the old key can go after that. The scheme is Fernet: AES-128-CBC with an
    HMAC-SHA256 over it.

    Args:
        keys: each 32 random bytes in base64, as ``openssl rand -base64 32`` prints them; raises
            ``Invalid``. Without any, a key that lives as long as this object.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        fernets = [_fernet(key) for key in keys or [new_key()]]
        self._newest, self._all = fernets[0], MultiFernet(fernets)

    def seal(self, text: str) -> str:
        """The sealed form of ``text``; another one each time."""
        return _PREFIX + self._newest.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """What was sealed; raises ``Failed`` when no key fits or it was tampered with."""
        try:
            return self._all.decrypt(sealed.removeprefix(_PREFIX)).decode()
        except InvalidToken:
            raise Failed(
                "A signing key in the database can't be opened with the encryption key.",
                hint="Was NORTHSTAR_ENCRYPTION_KEY changed? List the old key behind the new one, "
                "separated by a blank. If it is lost, empty the table access_keys: all tokens end.",
            ) from None

    def is_sealed(self, text: str) -> bool:
        """Whether ``text`` is sealed, and by the first key."""
        if not text.startswith(_PREFIX):
            return False
        try:
            self._newest.decrypt(text.removeprefix(_PREFIX))
        except InvalidToken:
            return False
        return True


def new_key() -> str:
    """A key for a ``Sealer``."""
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


def key_from_file(path: Path) -> str:
    """The key in a file that its owner alone can read; made if there is none.

    Raises ``Invalid`` for a file that others can read.
    """
    if not path.exists():
        create_file(path, new_key() + "\n", PRIVATE)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Invalid(f"The encryption key {path} can be read by others.", hint=f"chmod 600 {path}")
    return path.read_text().strip()


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise Invalid(
            "An encryption key is not 32 bytes in base64.",
            hint="`openssl rand -base64 32` makes one.",
        ) from None
