//! The client's side of TLS.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::ClientError;

/// Encrypts a connection to a server whose certificate is trusted.
pub(crate) async fn connect(
    stream: TcpStream,
    host: &str,
    trusted: Option<&Path>,
) -> Result<TlsStream<TcpStream>, ClientError> {
    let config = config(trusted, rustls::DEFAULT_VERSIONS)?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| wrong(&error))?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| wrong(&error))
}

/// Trusts the usual authorities, and the certificates of this file if one is named.
pub(crate) fn config(
    trusted: Option<&Path>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = trusted {
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
            roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| wrong(&error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn wrong(error: &dyn std::fmt::Display) -> ClientError {
    ClientError::Connection(format!("TLS: {error}"))
}
