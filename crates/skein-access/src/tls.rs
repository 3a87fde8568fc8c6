//! Certificates: from files, or made for development.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ConfigBuilder, ServerConfig, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WantsServerCert,
    sign::CertifiedKey,
};

use crate::{config::TlsConfig, listen::StartError};

/// What handshakes over TCP need by this configuration; `None` when connections are not encrypted.
pub(crate) fn server_config(config: &TlsConfig) -> Result<Option<Arc<ServerConfig>>, StartError> {
    let Some(certificate) = certificate(config)? else { return Ok(None) };
    let mut config = certificate.into_config(rustls::DEFAULT_VERSIONS)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Tickets let a client resume without the server keeping anything per connection.
    config.send_tls13_tickets = 1;
    Ok(Some(Arc::new(config)))
}

/// A chain with its key.
pub(crate) struct Certificate {
    path: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// The certificate of this configuration, made if it is to be; `None` when there is none.
pub(crate) fn certificate(config: &TlsConfig) -> Result<Option<Certificate>, StartError> {
    match config {
        TlsConfig::Off => Ok(None),
        TlsConfig::CertFiles { cert, key } => Certificate::read(cert, key).map(Some),
        TlsConfig::SelfSigned { dir } => {
            let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
            if !cert.exists() || !key.exists() {
                make(dir, &cert, &key)?;
            }
            Certificate::read(&cert, &key).map(Some)
        }
    }
}

/// One key with its chain, as handshakes want it.
pub(crate) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, rustls::Error> {
    let key = rustls::crypto::ring::default_provider().key_provider.load_private_key(key)?;
    Ok(CertifiedKey::new(chain, key))
}

/// How handshakes begin, in these versions.
pub(crate) fn builder(
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ConfigBuilder<ServerConfig, WantsServerCert>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ServerConfig::builder_with_provider(provider).with_protocol_versions(versions)?.with_no_client_auth())
}

impl Certificate {
    /// As handshakes want it.
    pub(crate) fn certified(self) -> Result<CertifiedKey, StartError> {
        let path = self.path;
        certified(self.chain, self.key).map_err(|error| StartError::Certificate { path, reason: error.to_string() })
    }

    fn read(cert: &Path, key: &Path) -> Result<Self, StartError> {
        let wrong = |path: &Path, reason: String| StartError::Certificate { path: path.to_owned(), reason };
        let chain = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| wrong(cert, error.to_string()))?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
        Ok(Self { path: cert.to_owned(), chain, key: secret })
    }

    /// Handshakes with it, in these versions.
    pub(crate) fn into_config(
        self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<ServerConfig, StartError> {
        builder(versions)
            .and_then(|builder| builder.with_single_cert(self.chain, self.key))
            .map_err(|error| StartError::Certificate { path: self.path, reason: error.to_string() })
    }
}

fn make(dir: &Path, cert: &Path, key: &Path) -> Result<(), StartError> {
    let wrong = |reason: String| StartError::Certificate { path: dir.to_owned(), reason };
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| wrong(error.to_string()))?;
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(dir)?;
        fs::write(cert, made.cert.pem())?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(key)?;
        file.write_all(made.signing_key.serialize_pem().as_bytes())
    };
    write().map_err(|error| wrong(error.to_string()))
}
