//! Polices the shape of the tree, so that reviewers need not.

mod typescript;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::web::MADE;

/// Longest source file, in lines.
const FILE_LINES_MAX: usize = 500;
/// Longest function, in lines.
const FUNCTION_LINES_MAX: usize = 70;

/// Which crates of the workspace a crate may depend on, outside its tests. An edge more needs a decision record.
const EDGES: &[(&str, &[&str])] = &[
    ("skein-proto", &[]),
    ("skein-store", &["skein-proto"]),
    ("skein-store-sqlite", &["skein-proto", "skein-store"]),
    ("skein-store-postgres", &["skein-proto", "skein-store"]),
    ("skein-bus", &["skein-proto"]),
    ("skein-service", &["skein-proto", "skein-store", "skein-bus"]),
    ("skein-access", &["skein-proto", "skein-bus", "skein-service"]),
    ("skein-webhooks", &["skein-proto", "skein-store", "skein-service"]),
    ("skein-client", &["skein-proto"]),
    ("skein-testkit", &[]),
    (
        "skein",
        &[
            "skein-proto",
            "skein-store",
            "skein-store-sqlite",
            "skein-store-postgres",
            "skein-bus",
            "skein-service",
            "skein-access",
            "skein-webhooks",
            "skein-client",
            "skein-testkit",
        ],
    ),
];

/// What must not be in a source file. Split so that this file does not find itself.
const LEFT_OPEN: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("db", "g!("),
    concat!("FIX", "ME"),
    concat!("#[ig", "nore"),
];

/// Files that a reader expects at the top.
const DOCUMENTS: &[&str] =
    &["README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"];

/// Prints everything that is wrong; whether that is nothing.
pub fn run(root: &Path) -> bool {
    let findings = check(root);
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    findings.is_empty()
}

/// Everything that is wrong, one sentence each.
fn check(root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    for document in DOCUMENTS {
        if !root.join(document).is_file() {
            findings.push(format!("{document} is missing"));
        }
    }
    check_edges(root, &mut findings);
    check_reasons(root, &mut findings);
    let mut rust = Vec::new();
    for folder in ["crates", "fuzz", "xtask"] {
        collect(&root.join(folder), &[], is_rust, &mut rust);
    }
    check_sources(root, rust, check_source, &mut findings);
    let mut typescript = Vec::new();
    for folder in typescript::ROOTS {
        collect(&root.join(folder), MADE, typescript::is_source, &mut typescript);
    }
    check_sources(root, typescript, typescript::check_source, &mut findings);
    findings
}

/// Has each source checked, under its name.
fn check_sources(
    root: &Path,
    mut sources: Vec<PathBuf>,
    check: fn(&str, &str, &mut Vec<String>),
    findings: &mut Vec<String>,
) {
    sources.sort();
    for path in sources {
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        match fs::read_to_string(&path) {
            Ok(text) => check(&name, &text, findings),
            Err(error) => findings.push(format!("{name}: {error}")),
        }
    }
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// All sources below a folder, but for those in folders of these names.
fn collect(folder: &Path, without: &[&str], is_source: fn(&Path) -> bool, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !without.iter().any(|name| entry.file_name() == *name) {
                collect(&path, without, is_source, sources);
            }
        } else if is_source(&path) {
            sources.push(path);
        }
    }
}

fn check_edges(root: &Path, findings: &mut Vec<String>) {
    for entry in fs::read_dir(root.join("crates")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let manifest = fs::read_to_string(entry.path().join("Cargo.toml")).unwrap_or_default();
        let Some((_, allowed)) = EDGES.iter().find(|(from, _)| *from == name) else {
            findings.push(format!("crates/{name} is not in the list of crates: a new crate needs a decision record"));
            continue;
        };
        for dependency in internal_dependencies(&manifest) {
            if !allowed.contains(&dependency.as_str()) {
                findings.push(format!("crates/{name} must not depend on {dependency}"));
            }
        }
    }
}

/// The workspace crates under `[dependencies]`.
fn internal_dependencies(manifest: &str) -> Vec<String> {
    let mut section = "";
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]" && line.starts_with("skein") {
            found.push(line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned());
        }
    }
    found
}

/// Each dependency of the workspace carries a line that says why it is there.
fn check_reasons(root: &Path, findings: &mut Vec<String>) {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let mut inside = false;
    let mut reason = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
        } else if inside && line.contains('=') && !line.starts_with('#') && !reason && !line.starts_with("skein") {
            findings.push(format!("Cargo.toml: no reason given above: {line}"));
        }
        reason = line.starts_with('#');
    }
}

fn check_source(name: &str, text: &str, findings: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        findings.push(format!("{name} has {lines} lines, more than {FILE_LINES_MAX}: split it where a name appears"));
    }
    if !text.starts_with("//!") {
        findings.push(format!("{name} does not open with a //! line that says what it is"));
    }
    for word in LEFT_OPEN {
        if text.contains(word) {
            findings.push(format!("{name} contains {word}"));
        }
    }
    for (function, line, length) in long_functions(text) {
        findings.push(format!("{name}:{line}: fn {function} has {length} lines, more than {FUNCTION_LINES_MAX}"));
    }
}

/// Functions over the limit: name, first line, length. Relies on rustfmt: a body ends with a brace at its own indent.
fn long_functions(text: &str) -> Vec<(String, usize, usize)> {
    let mut open: Option<(String, usize, String)> = None;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        if let Some((name, start, closing)) = &open {
            if line == closing {
                let length = index - start + 1;
                if length > FUNCTION_LINES_MAX {
                    found.push((name.clone(), start + 1, length));
                }
                open = None;
            }
        } else if let Some(name) = function_name(body)
            && !body.ends_with(['}', ';'])
        {
            open = Some((name, index, format!("{indent}}}")));
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let (before, after) = line.split_once("fn ")?;
    let words = ["pub", "pub(crate)", "pub(super)", "async", "const"];
    before
        .split_whitespace()
        .all(|word| words.contains(&word))
        .then(|| after.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_function_is_found_and_a_short_one_is_not() {
        let long = format!("//! x\npub async fn long() {{\n{}}}\n", "    step();\n".repeat(FUNCTION_LINES_MAX));
        assert_eq!(long_functions(&long), [("long".to_owned(), 2, FUNCTION_LINES_MAX + 2)]);
        assert!(long_functions("fn short() {\n}\n").is_empty());
    }

    #[test]
    fn each_rule_finds_its_breach() {
        let mut findings = Vec::new();
        check_source("a.rs", &format!("fn a() {{\n    {}x);\n}}\n", LEFT_OPEN[2]), &mut findings);
        assert_eq!(findings.len(), 2, "{findings:?}");
        check_source("b.rs", &"//! b\n".repeat(FILE_LINES_MAX + 1), &mut findings);
        assert_eq!(findings.len(), 3, "{findings:?}");
    }

    #[test]
    fn only_real_dependencies_are_edges() {
        let manifest = "[dependencies]\nskein-proto.workspace = true\nbytes = \"1\"\n[dev-dependencies]\nskein-store.workspace = true\n";
        assert_eq!(internal_dependencies(manifest), ["skein-proto"]);
    }
}
