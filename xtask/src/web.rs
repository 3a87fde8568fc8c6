//! Builds the web app into web/dist, from where the server's binary takes it. Does nothing when nothing changed.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
    time::SystemTime,
};

use crate::command;

/// Oldest Node.js that the build tools run on: major, minor.
const NODE_MIN: (u32, u32) = (20, 19);
/// What the app is made of.
const SOURCES: &[&str] = &["web", "sdk", "proto", "package.json", "package-lock.json"];
/// Folders in there that are made, not written.
pub const MADE: &[&str] = &["node_modules", "dist", "gen"];
/// The lock file as it was when node_modules was made from it.
const INSTALLED: &str = "node_modules/.installed-lock.json";
/// The sources as they were when web/dist was made from them.
const BUILT: &str = "node_modules/.built-from";

/// Builds the app unless it is built.
pub fn run(root: &Path) -> bool {
    let sources = fingerprint(root);
    let built = fs::read_to_string(root.join(BUILT)).is_ok_and(|text| text == sources);
    if built && root.join("web/dist/index.html").is_file() {
        return true;
    }
    // Gone until the build is whole.
    let _ = fs::remove_file(root.join(BUILT));
    install(root) && command::run(root, "npm", &["run", "build"]) && written(root, BUILT, sources.as_bytes())
}

/// Installs the packages of the lock file unless they are.
pub fn install(root: &Path) -> bool {
    if !node_is_usable() {
        return false;
    }
    let Ok(lock) = fs::read(root.join("package-lock.json")) else {
        eprintln!("package-lock.json is missing");
        return false;
    };
    if fs::read(root.join(INSTALLED)).is_ok_and(|installed| installed == lock) {
        return true;
    }
    command::run(root, "npm", &["ci", "--no-audit", "--no-fund"]) && written(root, INSTALLED, &lock)
}

fn written(root: &Path, name: &str, bytes: &[u8]) -> bool {
    match fs::write(root.join(name), bytes) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("cannot write {name}: {error}");
            false
        }
    }
}

/// Says what to install when it is not.
fn node_is_usable() -> bool {
    let (major, minor) = NODE_MIN;
    let advice = format!("Install Node.js {major}.{minor} or newer (with npm) from https://nodejs.org.");
    match (command::output("node", &["--version"]), command::output("npm", &["--version"])) {
        (Some(node), Some(_)) if version(&node).is_some_and(|found| found >= NODE_MIN) => true,
        (Some(node), Some(_)) => {
            eprintln!("The web app cannot be built with Node.js {node}. {advice}");
            false
        }
        (None, _) => {
            eprintln!("The web app is built with Node.js, which is not there. {advice}");
            false
        }
        (_, None) => {
            eprintln!("The web app is built with npm, which is not there. {advice}");
            false
        }
    }
}

/// Major and minor of `v20.19.1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim_start_matches('v').split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Changes with the names, sizes and times of all sources, whether one is written, renamed or removed.
fn fingerprint(root: &Path) -> String {
    let mut files = BTreeMap::new();
    for source in SOURCES {
        collect(&root.join(source), &mut files);
    }
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    format!("{:016x}\n", hasher.finish())
}

fn collect(path: &Path, files: &mut BTreeMap<String, (u64, Option<SystemTime>)>) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    if metadata.is_file() {
        files.insert(path.display().to_string(), (metadata.len(), metadata.modified().ok()));
    } else if metadata.is_dir() && !path.file_name().is_some_and(|name| MADE.iter().any(|made| name == *made)) {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), files);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_compared_by_number() {
        assert_eq!(version("v20.19.4"), Some((20, 19)));
        assert!(version("v9.99.0").unwrap() < NODE_MIN && version("v22.0.0").unwrap() >= NODE_MIN);
        assert_eq!(version("unknown"), None);
    }

    #[test]
    fn a_change_is_seen_and_made_files_are_not() {
        let root = std::env::temp_dir().join(format!("skein-xtask-{}", std::process::id()));
        fs::create_dir_all(root.join("web/src")).unwrap();
        fs::create_dir_all(root.join("web/dist")).unwrap();
        fs::write(root.join("web/src/a.ts"), "a").unwrap();
        let before = fingerprint(&root);
        fs::write(root.join("web/dist/index.html"), "made").unwrap();
        assert_eq!(fingerprint(&root), before);
        fs::rename(root.join("web/src/a.ts"), root.join("web/src/b.ts")).unwrap();
        assert_ne!(fingerprint(&root), before);
        fs::remove_dir_all(root).unwrap();
    }
}
