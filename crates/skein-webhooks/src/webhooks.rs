//! Starting and stopping the workers of all endpoints.

use std::{sync::Arc, time::Duration};

use http::Uri;
use skein_proto::outbox::KindSet;
use skein_store::{Store, StoreError};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{EndpointConfig, WebhooksConfig},
    measure,
    request::Http,
    schedule::Schedule,
    sign::Signer,
    worker::{Endpoint, Worker},
};

/// Longest name of an endpoint, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Events in one request, at most.
const BATCH_MAX: u32 = 100;
/// Requests to one endpoint at once, at most.
const CONCURRENCY_MAX: u32 = 256;

/// Why the webhooks cannot be started; never says a secret or a URL.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration of an endpoint is wrong.
    #[error("webhooks.endpoints: {name:?}: {reason}")]
    Endpoint {
        /// Its name as configured.
        name: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The store does not answer.
    #[error("webhooks: {0}")]
    Store(#[from] StoreError),
}

/// The endpoints of a configuration that is good, not yet served.
pub struct Webhooks {
    endpoints: Vec<Endpoint>,
    config: WebhooksConfig,
}

/// The running workers.
pub struct Running {
    stop: CancellationToken,
    workers: TaskTracker,
}

impl Webhooks {
    /// Checks the configuration.
    ///
    /// # Errors
    /// [`StartError::Endpoint`], which names the endpoint.
    pub fn new(config: WebhooksConfig) -> Result<Self, StartError> {
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for endpoint in &config.endpoints {
            let wrong = |reason: String| StartError::Endpoint { name: endpoint.name.clone(), reason };
            let checked = check(endpoint).map_err(wrong)?;
            if endpoints.iter().any(|other| other.name == checked.name) {
                return Err(wrong("the name is there twice".to_owned()));
            }
            endpoints.push(checked);
        }
        Ok(Self { endpoints, config })
    }

    /// The kinds that any endpoint wants: they have to be recorded.
    pub fn kinds(&self) -> KindSet {
        self.endpoints.iter().fold(KindSet::EMPTY, |kinds, endpoint| kinds.union(endpoint.kinds))
    }

    /// Tells the store who its consumers are, and starts a worker for each.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn start(self, store: Arc<dyn Store>) -> Result<Running, StartError> {
        let names: Vec<String> = self.endpoints.iter().map(|endpoint| endpoint.name.clone()).collect();
        store.set_consumers(&names).await?;
        let (stop, workers) = (CancellationToken::new(), TaskTracker::new());
        let timeout = Duration::from_millis(self.config.timeout_ms.max(1));
        let http = Http::new(timeout);
        for endpoint in self.endpoints {
            measure::describe(&endpoint.name);
            let worker = Worker {
                endpoint,
                store: store.clone(),
                http: http.clone(),
                schedule: Schedule::new(&self.config),
                timeout,
                holder: new_holder()?,
                stop: stop.clone(),
            };
            workers.spawn(Arc::new(worker).run());
        }
        workers.close();
        Ok(Running { stop, workers })
    }
}

impl Running {
    /// Takes up nothing more, and waits for what is being delivered, for some seconds.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.workers.wait().await;
    }
}

fn check(endpoint: &EndpointConfig) -> Result<Endpoint, String> {
    let named = !endpoint.name.is_empty() && endpoint.name.len() <= NAME_BYTES_MAX;
    if !named {
        return Err(format!("name must have 1 to {NAME_BYTES_MAX} bytes"));
    }
    let url = endpoint_url(&endpoint.url)?;
    let signer = Signer::new(&endpoint.secrets).map_err(|error| format!("secrets: {error}"))?;
    let kinds = KindSet::parse(&endpoint.kinds).map_err(|error| format!("kinds: {error}"))?;
    Ok(Endpoint {
        name: endpoint.name.clone(),
        url,
        signer,
        kinds,
        batch_max: endpoint.batch_max.clamp(1, BATCH_MAX),
        concurrency: endpoint.concurrency.clamp(1, CONCURRENCY_MAX),
    })
}

/// An address that can be called.
pub(crate) fn endpoint_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|_| "url is not one".to_owned())?;
    let named = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if named && matches!(url.scheme_str(), Some("http" | "https")) {
        Ok(url)
    } else {
        Err("url must be http:// or https:// with a host, and without a user".to_owned())
    }
}

/// A name for this life of a worker.
fn new_holder() -> Result<String, StartError> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Internal(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn endpoint(name: &str, url: &str) -> EndpointConfig {
        EndpointConfig {
            name: name.to_owned(),
            url: url.to_owned(),
            secrets: vec![Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned())],
            kinds: vec!["message.*".to_owned()],
            batch_max: 1,
            concurrency: 1,
        }
    }

    fn started(endpoints: Vec<EndpointConfig>) -> Result<Webhooks, String> {
        Webhooks::new(WebhooksConfig { endpoints, ..Default::default() }).map_err(|error| error.to_string())
    }

    #[test]
    fn wrong_endpoints_are_named() {
        let good = endpoint("shop", "https://shop.example/hook?key=hidden");
        assert!(started(vec![good.clone()]).is_ok());
        let cases = [
            vec![good.clone(), good.clone()],
            vec![EndpointConfig { url: "ftp://shop".to_owned(), ..good.clone() }],
            vec![EndpointConfig { url: "/hidden".to_owned(), ..good.clone() }],
            vec![EndpointConfig { url: "http://user:hidden@shop".to_owned(), ..good.clone() }],
            vec![EndpointConfig { secrets: vec![Secret("hidden".to_owned())], ..good.clone() }],
            vec![EndpointConfig { kinds: vec!["message.exploded".to_owned()], ..good }],
        ];
        for endpoints in cases {
            let error = started(endpoints).err().unwrap();
            assert!(error.contains("shop") && !error.contains("hidden"), "{error}");
        }
    }
}
