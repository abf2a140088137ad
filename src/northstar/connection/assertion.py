"""A client's assertion: proof of who it is, signed with the key of its certificate (RFC 7523)."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from northstar.errors import Failed, Invalid

_SECONDS = 120


def client_assertion(key: Path, client_id: str, audience: str) -> str:
    """A fresh assertion for the token route at ``audience``.

    Args:
        key: a PEM file with a private key: RSA, or EC P-256 or P-384. Raises ``Invalid``.
    """
    try:
        from joserfc import jwt
        from joserfc.errors import InvalidKeyTypeError, JoseError
        from joserfc.jwk import ECKey, RSAKey
    except ImportError as error:
        raise Failed(
            "Signing in with a private key needs joserfc.",
            hint="pip install 'northstar-mlops[serve]'",
        ) from error
    private: ECKey | RSAKey
    try:
        pem = key.read_text()
        try:
            private = ECKey.import_key(pem)
        except InvalidKeyTypeError:
            private = RSAKey.import_key(pem)
    except (OSError, ValueError, TypeError, JoseError) as error:
        raise Invalid(
            f"{key} holds no private key that can be read: {type(error).__name__}.",
            hint="NORTHSTAR_CLIENT_KEY is a PEM file: RSA, or EC P-256 or P-384, without password.",
        ) from error
    curves = {"P-256": "ES256", "P-384": "ES384"}
    algorithm = curves.get(private.curve_name, "") if isinstance(private, ECKey) else "PS256"
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now,
        "exp": now + _SECONDS,
        "jti": secrets.token_urlsafe(16),
    }
    return jwt.encode({"alg": algorithm}, claims, private, algorithms=[algorithm])
