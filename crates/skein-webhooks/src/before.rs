//! The before-hook: asks a business system whether a message may be stored, and as what.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use http::Uri;
use sha2::{Digest as _, Sha256};
use skein_proto::{codec::Codec, v1};
use skein_service::hook::{BeforeMessage, Verdict};

use crate::{
    config::{BeforeConfig, Silence},
    request::{Delivery, Http},
    sign::Signer,
    webhooks::{StartError, endpoint_url},
};

/// Longest text of a refusal that is passed on, in characters.
const TEXT_CHARS_MAX: usize = 512;

/// The hook of a configuration that is good.
pub struct Before {
    url: Uri,
    signer: Signer,
    http: Http,
    silence: Silence,
}

impl Before {
    /// Checks the configuration.
    ///
    /// # Errors
    /// [`StartError::Endpoint`].
    pub fn new(config: &BeforeConfig) -> Result<Self, StartError> {
        let wrong = |reason: String| StartError::Endpoint { name: "before_message".to_owned(), reason };
        Ok(Self {
            url: endpoint_url(&config.url).map_err(wrong)?,
            signer: Signer::new(&config.secrets).map_err(|error| wrong(format!("secrets: {error}")))?,
            http: Http::new(Duration::from_millis(config.timeout_ms.max(1))),
            silence: config.silence,
        })
    }

    /// What is done without an answer.
    fn unanswered(&self, error: &str) -> Verdict {
        tracing::warn!(error, silence = ?self.silence, "the before-hook did not answer");
        match self.silence {
            Silence::Pass => Verdict::Pass,
            Silence::Refuse => Verdict::Unknown,
        }
    }
}

#[async_trait]
impl BeforeMessage for Before {
    async fn judge(&self, draft: v1::BeforeMessage) -> Verdict {
        let body = String::from_utf8_lossy(&Codec::Json.encode(&draft)).into_owned();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let hash = Sha256::digest(&body);
        let id = hash[..16].iter().fold(String::from("ask_"), |id, byte| id + &format!("{byte:02x}"));
        let signature = self.signer.sign(&id, now.as_secs(), &body);
        let delivery = Delivery { url: &self.url, id: &id, timestamp_s: now.as_secs(), signature: &signature, body };
        let answer = match self.http.ask(delivery).await {
            Ok(answer) => answer,
            Err(error) => return self.unanswered(&error),
        };
        match Codec::Json.decode::<v1::BeforeMessageAnswer>(&answer) {
            Err(error) => self.unanswered(&error.to_string()),
            Ok(answer) if answer.refuse => Verdict::Refuse(answer.text.chars().take(TEXT_CHARS_MAX).collect()),
            Ok(answer) => match answer.content.into_option() {
                Some(content) => Verdict::Change(Box::new(content)),
                None => Verdict::Pass,
            },
        }
    }
}
