"""A certificate authority of the twin's own, and what it signs. Its key stays in memory."""

import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .engines import HOST

DAYS = 30


class Authority:
    def __init__(self, folder):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = named("stackctl local twin")
        own = self.sign(self.name, self.key.public_key(), x509.BasicConstraints(True, None), [])
        # What an app is told to trust: the system's authorities, and this one.
        system = ssl.get_default_verify_paths().cafile
        known = open(system, "rb").read() if system else b""
        self.trust = folder / "trust.pem"
        self.trust.write_bytes(known + b"\n" + pem(own))

    def issue(self, stem):
        """A certificate for this machine and its key, as files whose paths begin with this."""
        key = ec.generate_private_key(ec.SECP256R1())
        hosts = [x509.DNSName("localhost"), x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        names = [x509.SubjectAlternativeName(hosts)]
        signed = self.sign(named(stem.parent.name), key.public_key(), x509.BasicConstraints(False, None), names)
        chain, secret = stem.with_suffix(".pem"), stem.with_suffix(".key")
        chain.write_bytes(pem(signed))
        ways = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        secret.write_bytes(key.private_bytes(*ways))
        return chain, secret

    def sign(self, subject, key, constraints, more):
        now = datetime.datetime.now(datetime.timezone.utc)
        made = x509.CertificateBuilder(self.name, subject, key, x509.random_serial_number())
        made = made.not_valid_before(now - datetime.timedelta(hours=1))
        made = made.not_valid_after(now + datetime.timedelta(days=DAYS)).add_extension(constraints, critical=True)
        for extension in more:
            made = made.add_extension(extension, critical=False)
        return made.sign(self.key, hashes.SHA256())


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)
