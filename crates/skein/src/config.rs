//! The configuration: defaults, then a TOML file, then `SKEIN__SECTION__KEY`, then flags. Unknown keys are errors.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use skein_access::AccessConfig;
use skein_bus::BusConfig;
use skein_service::{AdminConfig, ServiceConfig};
use skein_store_postgres::PostgresConfig;
use skein_store_sqlite::SqliteConfig;
use skein_webhooks::WebhooksConfig;
use toml::{Table, Value};

/// Prefix of environment variables that set a key.
const PREFIX: &str = "SKEIN__";

/// Everything an operator may set. Each layer owns its section.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where everything durable lives.
    pub data_dir: PathBuf,
    /// What this node is there for.
    pub role: Role,
    /// Sockets.
    pub access: AccessConfig,
    /// Rules.
    pub service: ServiceConfig,
    /// Which store, and the one outside.
    pub store: StoreConfig,
    /// The embedded store.
    pub sqlite: SqliteConfig,
    /// How nodes of a cluster reach one another.
    pub bus: BusConfig,
    /// Business systems.
    pub admin: AdminConfig,
    /// Where events are delivered.
    pub webhooks: WebhooksConfig,
}

/// What a node is there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything
    #[default]
    All,
    /// Connections only; no database
    Access,
    /// The rules and the database; no connections of clients
    Service,
}

/// Section `[store]` of the configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Which engine.
    pub engine: StoreEngine,
    /// The scale-out store.
    pub postgres: PostgresConfig,
}

/// The engines that there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreEngine {
    /// Embedded, in the data directory; one node.
    #[default]
    Sqlite,
    /// A database outside, shared by any number of nodes.
    Postgres,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            role: Role::default(),
            access: AccessConfig::default(),
            service: ServiceConfig::default(),
            store: StoreConfig::default(),
            sqlite: SqliteConfig::default(),
            bus: BusConfig::default(),
            admin: AdminConfig::default(),
            webhooks: WebhooksConfig::default(),
        }
    }
}

/// Why the configuration cannot be used; says which key and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// The file is not TOML.
    #[error("{0} is not valid TOML: {1}")]
    Syntax(PathBuf, toml::de::Error),
    /// A key is unknown or has a value of the wrong kind.
    #[error("the configuration is wrong: {0}")]
    Value(String),
}

impl Config {
    /// Reads the layers. No file at all is fine; a named file must exist.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::from_layers(file, std::env::vars())
    }

    fn from_layers(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table = match file {
            None => Table::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| ConfigError::Read(path.to_owned(), error))?
                .parse::<Table>()
                .map_err(|error| ConfigError::Syntax(path.to_owned(), error))?,
        };
        for (name, text) in variables {
            if let Some(key) = name.strip_prefix(PREFIX) {
                set(&mut table, &key.to_ascii_lowercase(), &text)
                    .map_err(|reason| ConfigError::Value(format!("{name}: {reason}")))?;
            }
        }
        Value::Table(table).try_into().map_err(|error: toml::de::Error| ConfigError::Value(error.message().to_owned()))
    }
}

/// Sets `section__key`; the text is a TOML value when it reads as one, else a string.
fn set(table: &mut Table, key: &str, text: &str) -> Result<(), String> {
    match key.split_once("__") {
        Some((section, rest)) => {
            let entry = table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
            set(entry.as_table_mut().ok_or_else(|| format!("{section} is not a section"))?, rest, text)
        }
        None => {
            let value = format!("value = {text}").parse::<Table>().ok().and_then(|mut parsed| parsed.remove("value"));
            table.insert(key.to_owned(), value.unwrap_or_else(|| Value::String(text.to_owned())));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_layers(None, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn variables_set_keys_and_unknown_ones_are_errors() {
        let config =
            load(&[("SKEIN__SERVICE__REGISTRATION", "false"), ("SKEIN__DATA_DIR", "/tmp/x"), ("HOME", "/")]).unwrap();
        assert!(!config.service.registration);
        assert_eq!(config.data_dir, PathBuf::from("/tmp/x"));
        let error = load(&[("SKEIN__SERVICE__REGISTRATON", "false")]).unwrap_err().to_string();
        assert!(error.contains("registraton"), "{error}");
        assert!(load(&[("SKEIN__SERVICE__REGISTRATION", "perhaps")]).is_err());
        let config = load(&[
            ("SKEIN__STORE__ENGINE", "postgres"),
            ("SKEIN__STORE__POSTGRES__URL", "postgresql://me:secret@db/x"),
        ]);
        let config = config.unwrap();
        assert_eq!(config.store.engine, StoreEngine::Postgres);
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn the_example_is_the_defaults_and_names_every_key() {
        fn keys(table: &Table, names: &mut Vec<String>) {
            for (name, value) in table {
                names.push(name.clone());
                if let Value::Table(inner) = value {
                    keys(inner, names);
                }
            }
        }
        let text = include_str!("../../../docs/config.example.toml");
        let example: Config = toml::from_str(text).unwrap();
        let defaults = Table::try_from(Config::default()).unwrap();
        assert_eq!(Table::try_from(example).unwrap(), defaults);
        let mut names = vec!["tcp_listen".to_owned(), "quic_listen".to_owned(), "ca_file".to_owned()];
        keys(&defaults, &mut names);
        for name in names {
            assert!(text.contains(&name), "{name} is not explained");
        }
    }
}
