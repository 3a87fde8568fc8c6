//! The client's side of TLS.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::ClientError;

/// Trusts the usual authorities, and the certificates of this file if one is named.
pub(crate) async fn connect(
    stream: TcpStream,
    host: &str,
    trusted: Option<&PathBuf>,
) -> Result<TlsStream<TcpStream>, ClientError> {
    let wrong = |error: &dyn std::fmt::Display| ClientError::Connection(format!("TLS: {error}"));
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = trusted {
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
            roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| wrong(&error))?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| wrong(&error))
}
