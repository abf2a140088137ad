"""Public keys of principals: read from a certificate, and assertions that were signed with them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from northstar.access.errors import BadCredentials
from northstar.errors import Invalid

ALGORITHMS = ("ES256", "ES384", "RS256", "PS256")
LONGEST_ASSERTION_SECONDS = 600
_CURVES = ("secp256r1", "secp384r1")
_SMALLEST_RSA_BITS = 2048
_LEEWAY_SECONDS = 60
_LONGEST_HEADER = 8_192
_HINT = "Give a certificate or a public key in PEM: RSA of 2048 bits or more, or EC P-256 or P-384."


@dataclass(frozen=True)
class PublicKey:
    """A key that a principal signs with.

    Args:
        thumbprint: SHA-256 of the certificate, or of the key where there is none; in hexadecimal.
        about: the certificate's subject, or what kind of key it is.
        expires_at: the certificate's end.
    """

    jwk: dict[str, Any]
    thumbprint: str
    about: str
    expires_at: datetime | None


def read_public_key(pem: str) -> PublicKey:
    """The public key in a PEM certificate or public key; raises ``Invalid``."""
    data = pem.encode()
    if b"PRIVATE KEY" in data:
        raise Invalid(
            "This is a private key; the platform must not know it.",
            hint=f"Keep it, and treat it as exposed if it was sent anywhere. {_HINT}",
        )
    try:
        if b"BEGIN CERTIFICATE" not in data:
            return _described(serialization.load_pem_public_key(data))
        certificate = x509.load_pem_x509_certificate(data)
        return _described(certificate.public_key(), certificate)
    except (ValueError, TypeError) as error:
        raise Invalid("This can't be read as a certificate or a public key.", hint=_HINT) from error


def verify_assertion(
    assertion: str, client_id: str, keys: Sequence[dict[str, Any]], audiences: list[str], now: int
) -> dict[str, Any]:
    """The claims of a client's assertion (RFC 7523, section 3) by one of its keys.

    Raises ``BadCredentials``. That it was not used before is for the caller to see to.
    """
    registry = jwt.JWTClaimsRegistry(
        now=now,
        leeway=_LEEWAY_SECONDS,
        iss={"essential": True, "value": client_id},
        sub={"essential": True, "value": client_id},
        aud={"essential": True, "values": list(audiences)},
        jti={"essential": True},
        exp={"essential": True},
    )
    for jwk in keys:
        try:
            claims = _signed_by(assertion, jwk)
        except (JoseError, ValueError, TypeError):
            continue
        try:
            registry.validate(claims)
        except (JoseError, TypeError) as error:
            raise BadCredentials(f"The client assertion is not good: {error}.") from error
        if claims["exp"] > now + LONGEST_ASSERTION_SECONDS + _LEEWAY_SECONDS:
            raise BadCredentials(
                "The client assertion lives too long.",
                hint=f"Let it end within {LONGEST_ASSERTION_SECONDS // 60} minutes.",
            )
        return claims
    raise BadCredentials(
        "The client assertion was not signed by a certificate of the client.",
        hint="`northstar principal credentials ID` shows which ones are registered.",
    )


def _described(key: object, certificate: x509.Certificate | None = None) -> PublicKey:
    pem_of: RSAKey | ECKey
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_RSA_BITS:
        kind = f"RSA {key.key_size}"
        pem_of = RSAKey.import_key(_pem(key))
    elif isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        kind = f"EC {key.curve.name}"
        pem_of = ECKey.import_key(_pem(key))
    else:
        raise Invalid("Keys of this kind or size are not accepted.", hint=_HINT)
    if certificate is None:
        thumbprint = hashlib.sha256(_pem(key)).hexdigest()
        return PublicKey(pem_of.as_dict(private=False), thumbprint, kind, None)
    der = certificate.public_bytes(serialization.Encoding.DER)
    about = f"{certificate.subject.rfc4514_string()} ({kind})"[:255]
    return PublicKey(
        pem_of.as_dict(private=False),
        hashlib.sha256(der).hexdigest(),
        about,
        certificate.not_valid_after_utc,
    )


def _pem(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _signed_by(assertion: str, jwk: dict[str, Any]) -> dict[str, Any]:
    # Azure's libraries name the certificate in the header (x5t, x5c): nothing of that is believed.
    rules = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    rules.max_header_length = _LONGEST_HEADER
    key = RSAKey.import_key(jwk) if jwk["kty"] == "RSA" else ECKey.import_key(jwk)
    return jwt.decode(assertion, key, registry=rules).claims
