//! One attempt over HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header, response};
use http_body_util::{BodyExt as _, Collected, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

/// Of an answer no more than this is read, in bytes; that of a webhook only so that the connection can be used again.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How long an unused connection is kept.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Any 2xx.
    Taken,
    /// 410: the endpoint wants no more, ever.
    Gone,
    /// Anything else; to be tried again.
    Failed {
        /// For the log and the list of the dead.
        error: String,
        /// The endpoint asked for a pause (`Retry-After` in seconds).
        asked_ms: Option<u64>,
    },
}

/// An HTTP client with a pool of connections. Follows no redirects.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
}

/// What goes into one request.
pub(crate) struct Delivery<'a> {
    pub(crate) url: &'a Uri,
    pub(crate) id: &'a str,
    pub(crate) timestamp_s: u64,
    pub(crate) signature: &'a str,
    pub(crate) body: String,
}

impl Http {
    pub(crate) fn new(timeout: Duration) -> Self {
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { client, timeout }
    }

    /// Sends, and reads the answer; both within the timeout.
    pub(crate) async fn deliver(&self, delivery: Delivery<'_>) -> Answer {
        let head = match self.exchange(delivery).await {
            Ok((head, _)) => head,
            Err(error) => return Answer::Failed { error, asked_ms: None },
        };
        let asked = head.headers.get(header::RETRY_AFTER);
        let asked = asked.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
        match head.status {
            status if status.is_success() => Answer::Taken,
            StatusCode::GONE => Answer::Gone,
            status => Answer::Failed {
                error: format!("answered {}", status.as_u16()),
                asked_ms: asked.map(|seconds| seconds.saturating_mul(1_000)),
            },
        }
    }

    /// Sends, and gives the body of the answer when its status is 200; within the timeout.
    pub(crate) async fn ask(&self, delivery: Delivery<'_>) -> Result<Bytes, String> {
        match self.exchange(delivery).await? {
            (head, Some(body)) if head.status == StatusCode::OK => Ok(body),
            (head, Some(_)) => Err(format!("answered {}", head.status.as_u16())),
            (_, None) => Err(format!("the answer is not whole, or has more than {ANSWER_BYTES_MAX} bytes")),
        }
    }

    async fn exchange(&self, delivery: Delivery<'_>) -> Result<(response::Parts, Option<Bytes>), String> {
        let exchange = async {
            let response = self.client.request(request(delivery)?).await.map_err(|error| reason(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            Ok((head, body.ok().map(Collected::to_bytes)))
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {} ms", self.timeout.as_millis())),
        }
    }
}

fn request(delivery: Delivery<'_>) -> Result<Request<Full<Bytes>>, String> {
    Request::builder()
        .method(Method::POST)
        .uri(delivery.url.clone())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("skein/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", delivery.id)
        .header("webhook-timestamp", delivery.timestamp_s)
        .header("webhook-signature", delivery.signature)
        .body(Full::new(Bytes::from(delivery.body)))
        .map_err(|error| format!("the request cannot be made: {error}"))
}

/// The error with its causes; none of them has the body or a secret in it.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
