//! The stores that a server may have: what must not depend on them is tested on both.

use skein_testkit::postgres::{Database, PostgresServer};

use crate::server::Server;

/// A store; servers that are started on the same PostgreSQL are nodes of one deployment.
pub enum Engine {
    /// Each server has its own.
    Sqlite,
    /// A database of its own in the server of this process.
    Postgres(Database),
}

impl Engine {
    /// An empty database.
    pub fn postgres() -> Self {
        Self::Postgres(PostgresServer::shared().database())
    }

    /// Starts a server with environment variables of the configuration.
    pub fn start(&self, environment: &[(&str, &str)]) -> Server {
        let Self::Postgres(database) = self else { return Server::start_with(environment) };
        let url = database.url();
        let mut environment = environment.to_vec();
        environment.extend([("SKEIN__STORE__ENGINE", "postgres"), ("SKEIN__STORE__POSTGRES__URL", &url)]);
        Server::start_with(&environment)
    }
}

/// Makes a test of each of these functions for each engine.
#[macro_export]
macro_rules! on_both_engines {
    ($($case:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $case() {
                super::$case(&$crate::engine::Engine::Sqlite);
            })*
        }
        mod on_postgres {
            $(#[test]
            fn $case() {
                super::$case(&$crate::engine::Engine::postgres());
            })*
        }
    };
}
