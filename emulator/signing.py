"""The key that signs tokens, and the JSON Web Tokens signed with it: https://datatracker.ietf.org/doc/html/rfc7519"""

import base64
import hashlib
import json
from functools import cache, lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

Claims = dict[str, Any]


def new_private_key() -> str:
    """A new RSA key as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@cache
def load_key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("The signing key in the state file is not an RSA key.")
    return key


@cache
def key_id(pem: str) -> str:
    modulus = load_key(pem).public_key().public_numbers().n
    digest = hashlib.sha256(modulus.to_bytes(256, "big")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")[:27]


def public_jwk(pem: str) -> Claims:
    """The public key as a JSON Web Key: https://datatracker.ietf.org/doc/html/rfc7517"""
    jwk: Claims = json.loads(RSAAlgorithm.to_jwk(load_key(pem).public_key()))
    kid = key_id(pem)
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "x5t": kid, "n": jwk["n"], "e": jwk["e"]}


def sign_token(claims: Claims, pem: str) -> str:
    kid = key_id(pem)
    return jwt.encode(claims, load_key(pem), algorithm="RS256", headers={"kid": kid, "x5t": kid})


@lru_cache(maxsize=256)
def read_token(token: str, pem: str) -> Claims:
    """The claims of a token with our signature; the caller checks times and audience."""
    return jwt.decode(
        token,
        load_key(pem).public_key(),
        algorithms=["RS256"],
        options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
