"""TLS for servers on loopback, with a certificate that no client trusts by default."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.scripted_server import ScriptedServer


def write_certificate(folder: Path) -> Path:
    """Write a self-signed certificate for 127.0.0.1 and its key into one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now, serial = datetime.now(UTC), x509.random_serial_number()
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, now, now + timedelta(days=1))
    certificate = builder.add_extension(alternative, critical=True).sign(key, hashes.SHA256())
    unencrypted = serialization.NoEncryption()
    private_key = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
    path = folder / "certificate.pem"
    path.write_bytes(private_key + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def serve_tls(server: ScriptedServer, certificate: Path) -> str:
    """Let a server accept TLS connections only; returns its new origin."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server.origin.replace("http:", "https:")
