//! The files of deploy/ can be read by the programs that they are for, and none of them holds a credential.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use saphyr::{LoadableYamlNode as _, Yaml};

/// Names of values that nobody may find in a repository.
const SECRETS: &[&str] = &["PASSWORD", "TOKEN", "HOST_KEY", "POSTGRES__URL", "_KEY"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// All files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Name and text of all files of deploy/ with one of these endings. What somebody keeps in .env is not in the repository.
fn texts(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(&root(), &mut found);
    found.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
    let named = found.iter().map(|path| (name(path), path)).filter(|(name, _)| name != ".env");
    let wanted = named.filter(|(name, _)| endings.iter().any(|ending| name.ends_with(ending)));
    wanted.map(|(name, path)| (name, fs::read_to_string(path).unwrap())).collect()
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRETS.iter().any(|secret| name.ends_with(secret))
}

/// Values of a document that are credentials: below a name that says so, or in the entry of a list that has a name.
fn credentials(node: &Yaml<'_>, found: &mut Vec<String>) {
    if let Some(mapping) = node.as_mapping() {
        let named = node.as_mapping_get("name").and_then(Yaml::as_str).is_some_and(is_secret);
        for (key, value) in mapping {
            let key = key.as_str().unwrap_or_default();
            match value.as_str() {
                // Taken from outside, and without it nothing starts.
                Some(text) if text.contains("${") && text.contains(":?") => {}
                Some(text) if is_secret(key) || (named && key == "value") => found.push(format!("{key}: {text}")),
                _ => credentials(value, found),
            }
        }
    }
    node.as_vec().into_iter().flatten().for_each(|value| credentials(value, found));
}

#[test]
fn every_document_is_well_formed_and_holds_no_credential() {
    let documents = texts(&[".yaml", ".yml"]);
    assert!(documents.len() > 8, "{documents:?}");
    for (name, text) in &documents {
        let parts = Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!parts.is_empty() && parts.iter().all(|part| part.as_mapping().is_some()), "{name} is not a document");
        let mut found = Vec::new();
        parts.iter().for_each(|part| credentials(part, &mut found));
        assert_eq!(found, Vec::<String>::new(), "{name}");
    }
    for (name, text) in texts(&[".json"]) {
        serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn settings_leave_secrets_to_the_environment() {
    let settings = texts(&[".conf", ".toml", ".example", ".cfg", ".service", "Dockerfile"]);
    assert!(settings.len() > 8, "{settings:?}");
    for (name, text) in &settings {
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let Some((key, value)) = line.split_once([':', '=']) else { continue };
            let value = value.trim();
            assert!(!is_secret(key.trim()) || value.is_empty() || value.starts_with('$'), "{name}: {line}");
        }
    }
}

#[test]
fn each_object_for_kubernetes_is_listed_and_says_what_it_is() {
    let documents = texts(&[".yaml"]);
    let objects = documents.iter().filter(|(name, _)| name.starts_with("kubernetes/"));
    let (list, objects): (Vec<_>, Vec<_>) = objects.partition(|(name, _)| name.ends_with("kustomization.yaml"));
    for (name, text) in objects {
        let file = name.trim_start_matches("kubernetes/");
        assert!(list[0].1.contains(&format!("  - {file}\n")), "{file} is not listed");
        for object in Yaml::load_from_str(text).unwrap() {
            for key in ["apiVersion", "kind", "metadata"] {
                assert!(object.as_mapping_get(key).is_some(), "{name}: no {key}");
            }
        }
    }
}

#[test]
fn a_credential_would_be_found() {
    let text = "env: [{ name: SKEIN__BUS__NATS__PASSWORD, value: hunter2 }]\nDB_PASSWORD: ${X:-hunter2}\nok: ${Y:?}";
    let mut found = Vec::new();
    credentials(&Yaml::load_from_str(text).unwrap()[0], &mut found);
    assert_eq!(found.len(), 2, "{found:?}");
}
