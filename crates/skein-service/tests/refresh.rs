//! Refresh tokens under the settings that an operator may choose.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::sync::Arc;

use serde_json::{Value, json};
use skein_bus::local::LocalBus;
use skein_proto::{codec::Codec, v1::ErrorCode};
use skein_service::{Service, ServiceConfig};
use skein_store_sqlite::{SqliteConfig, SqliteStore};

/// A service with one user who has just registered.
struct World {
    service: Arc<Service>,
    refresh: String,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new(refresh_grace_s: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(directory.path(), SqliteConfig::default()).unwrap());
        let (bus, mut deliveries) = LocalBus::new();
        tokio::spawn(async move { while deliveries.recv().await.is_some() {} });
        let config = ServiceConfig { refresh_grace_s, password_memory_kib: 64, ..Default::default() };
        let service = Service::start(store, Arc::new(bus), config).await.unwrap();
        let account = json!({"username": "ann", "password": "a long password"});
        let answer = call(&service, "AccountService/Register", &account).await.unwrap();
        Self { service, refresh: token(&answer), _directory: directory }
    }

    /// The next refresh token.
    async fn refresh(&self, token_presented: &str) -> Result<String, ErrorCode> {
        let request = json!({"refreshToken": token_presented});
        call(&self.service, "AccountService/RefreshToken", &request).await.map(|answer| token(&answer))
    }
}

fn token(answer: &Value) -> String {
    answer["tokens"]["refreshToken"].as_str().unwrap().to_owned()
}

async fn call(service: &Service, method: &str, request: &Value) -> Result<Value, ErrorCode> {
    let body = serde_json::to_vec(request).unwrap();
    match service.dispatch(None, method, Codec::Json, &body).await {
        Ok(answer) => Ok(serde_json::from_slice(&answer).unwrap()),
        Err(error) => Err(error.code.as_known().unwrap()),
    }
}

#[tokio::test]
async fn a_repeat_within_the_grace_gives_other_tokens_that_work() {
    for grace_s in [ServiceConfig::default().refresh_grace_s, u64::MAX] {
        let world = World::new(grace_s).await;
        let lost = world.refresh(&world.refresh).await.unwrap();
        let arrived = world.refresh(&world.refresh).await.unwrap();
        assert_ne!(lost, arrived);
        world.refresh(&arrived).await.unwrap();
        assert_eq!(world.refresh(&lost).await, Err(ErrorCode::RefreshReused));
        assert_eq!(world.refresh(&arrived).await, Err(ErrorCode::TokenRevoked));
    }
}

#[tokio::test]
async fn without_a_grace_a_repeat_is_reuse() {
    let world = World::new(0).await;
    let next = world.refresh(&world.refresh).await.unwrap();
    assert_eq!(world.refresh(&world.refresh).await, Err(ErrorCode::RefreshReused));
    assert_eq!(world.refresh(&next).await, Err(ErrorCode::TokenRevoked));
}
