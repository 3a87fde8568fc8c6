//! Where the database is, and how it is reached: in clear text, or over TLS with a certificate that is verified. There is nothing in between.

use std::{sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{config::PostgresConfig, failure::describe, open::OpenError};

/// A dead network is noticed after this long.
const TCP_TIMEOUT: Duration = Duration::from_secs(10);

/// An address that can be connected to, with limits on every wait.
#[derive(Clone)]
pub(crate) struct Address {
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
}

impl Address {
    /// From the configuration. `sslmode=require` in the address, or a `ca_file`, asks for TLS; its certificate is always verified.
    pub(crate) fn new(config: &PostgresConfig) -> Result<Self, OpenError> {
        if config.url.expose().is_empty() {
            return Err(OpenError::Address("it is empty".to_owned()));
        }
        let wrong = |error: tokio_postgres::Error| OpenError::Address(describe(&error));
        let mut address: tokio_postgres::Config = config.url.expose().parse().map_err(wrong)?;
        address.connect_timeout(Duration::from_millis(config.connect_timeout_ms));
        address.keepalives_idle(TCP_TIMEOUT).tcp_user_timeout(TCP_TIMEOUT);
        if address.get_application_name().is_none() {
            address.application_name("skein");
        }
        let encrypted = config.ca_file.is_some() || address.get_ssl_mode() == SslMode::Require;
        // The driver would otherwise take what the server offers, verified or not.
        address.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config: address, tls: MakeRustlsConnect::new(trust(config)?) })
    }

    /// A connection outside the pools. Its task ends with the client.
    pub(crate) async fn connect(&self) -> Result<(Client, JoinHandle<()>), OpenError> {
        let connected = self.config.connect(self.tls.clone()).await;
        let (client, connection) = connected.map_err(|error| OpenError::Connect(describe(&error)))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = describe(&error), "a connection ended");
            }
        });
        Ok((client, driver))
    }

    /// What makes the connections of a pool.
    pub(crate) fn manager(self) -> deadpool_postgres::Manager {
        let recycling_method = deadpool_postgres::RecyclingMethod::Fast;
        deadpool_postgres::Manager::from_config(
            self.config,
            self.tls,
            deadpool_postgres::ManagerConfig { recycling_method },
        )
    }
}

/// Whose certificates are good: of the operator's authority alone, or of those that browsers trust.
fn trust(config: &PostgresConfig) -> Result<ClientConfig, OpenError> {
    let mut roots = RootCertStore::empty();
    match &config.ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let wrong = |reason: String| OpenError::Authority(path.clone(), reason);
            let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("there is no certificate in it".to_owned()));
            }
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| OpenError::Connect(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
