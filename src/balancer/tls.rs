//! The certificate of a listener that speaks HTTPS.

use super::wanted::Certificate;
use anyhow::{Context as _, Result};
use std::sync::Arc;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// What takes TLS connections with this certificate.
pub(super) fn acceptor(certificate: &Certificate) -> Result<TlsAcceptor> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate.chain.as_bytes())
        .collect::<Result<_, _>>()
        .context("the certificate is no PEM")?;
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes())
        .context("the certificate's key is no PEM")?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and its key cannot be used")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
