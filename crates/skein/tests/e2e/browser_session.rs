//! A WebTransport session as a browser opens it, by hand: it trusts the certificate whose hash the server has told, and nothing else.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use quinn::{Connection, Endpoint, RecvStream, SendStream, crypto::rustls::QuicClientConfig};
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use web_transport_proto::{ConnectRequest, ConnectResponse, Frame, Settings, StreamUni, VarInt};

use crate::{http, server::Server};

#[derive(Debug)]
struct ByHash(Vec<u8>, Arc<CryptoProvider>);

impl ServerCertVerifier for ByHash {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        assert_eq!(Sha256::digest(end_entity)[..], self.0, "the hash that was told");
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        panic!("QUIC is TLS 1.3");
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.1.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.signature_verification_algorithms.supported_schemes()
    }
}

/// A connection on which HTTP/3 can be spoken.
pub struct Browser {
    pub connection: Connection,
    port: u16,
    _control: SendStream,
    _endpoint: Endpoint,
}

/// What stays open beside the session's stream.
pub struct Kept {
    _browser: Browser,
    _request: (SendStream, RecvStream),
}

impl Browser {
    /// Connects and says its settings.
    pub async fn connect(server: &Server) -> Self {
        let (_, text) = http::request(server.http, "GET", "/v1/gateways", "", b"");
        let answer: Value = serde_json::from_str(&text).unwrap();
        let offer = &answer["webTransport"];
        let hash = STANDARD.decode(offer["certificateHashes"][0].as_str().unwrap()).unwrap();
        let port = u16::try_from(offer["port"].as_u64().unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut crypto = rustls::ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ByHash(hash, provider)))
            .with_no_client_auth();
        crypto.alpn_protocols = vec![b"h3".to_vec()];
        let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let crypto = QuicClientConfig::try_from(crypto).unwrap();
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
        let connection = endpoint.connect(([127, 0, 0, 1], port).into(), "localhost").unwrap().await.unwrap();
        let mut control = connection.open_uni().await.unwrap();
        let mut settings = Settings::default();
        settings.enable_webtransport(1);
        settings.write(&mut control).await.unwrap();
        // The tables of QPACK, and one stream that means nothing, as browsers open it.
        for kind in [StreamUni::QPACK_ENCODER.0.into_inner() as u8, StreamUni::QPACK_DECODER.0.into_inner() as u8, 0x21]
        {
            connection.open_uni().await.unwrap().write_all(&[kind]).await.unwrap();
        }
        Self { connection, port, _control: control, _endpoint: endpoint }
    }

    /// Asks for a session: whether it is granted, and its stream of the request.
    pub async fn ask(&self, path: &str, origin: Option<&str>) -> (bool, SendStream, RecvStream) {
        let (mut send, mut receive) = self.connection.open_bi().await.unwrap();
        let mut request =
            ConnectRequest::new(format!("https://127.0.0.1:{}{path}", self.port).parse::<url::Url>().unwrap());
        if let Some(origin) = origin {
            request = request.with_header(axum::http::header::ORIGIN, origin.parse().unwrap());
        }
        request.write(&mut send).await.unwrap();
        let granted = ConnectResponse::read(&mut receive).await.is_ok();
        (granted, send, receive)
    }

    /// A session's only stream.
    pub async fn session(self) -> (SendStream, RecvStream, Kept) {
        let (granted, send, receive) = self.ask("/v1/webtransport", None).await;
        assert!(granted);
        let id: u64 = send.id().into();
        let (mut stream, answers) = self.connection.open_bi().await.unwrap();
        let mut header = Vec::new();
        Frame::WEBTRANSPORT.encode(&mut header);
        VarInt::try_from(id).unwrap().encode(&mut header);
        stream.write_all(&header).await.unwrap();
        (stream, answers, Kept { _browser: self, _request: (send, receive) })
    }
}
