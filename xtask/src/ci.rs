//! Everything that has to pass before a change lands; cheap failures come first.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{command, packages, tidy, web};

/// Where browsers are looked for, after the variable CHROMIUM.
const BROWSERS: &[&str] =
    &["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/snap/bin/chromium"];

/// Runs all steps up to the first that fails.
pub fn run(root: &Path) -> bool {
    let cargo = |arguments: &[&str]| command::run(root, "cargo", arguments);
    let npm = |arguments: &[&str]| command::run(root, "npm", arguments);
    tidy::run(root)
        && cargo(&["fmt", "--all", "--check"])
        && cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])
        && web::install(root)
        // The web app takes the SDK's types and code from what is built.
        && npm(&["run", "build"])
        && npm(&["run", "check"])
        && cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
        && packages::servers(root)
        && cargo(&["test", "--workspace"])
        && client_tests(root)
}

/// The SDK and the web app against the server that `cargo test` has just built, with the web app in it; last in a real browser.
fn client_tests(root: &Path) -> bool {
    let Some(skein) = built_beside_us("skein") else {
        eprintln!("cargo test left no skein binary beside this program");
        return false;
    };
    command::run_with(root, "npm", &["test"], &[("SKEIN_BIN", skein.as_os_str())]) && browser_tests(root, &skein)
}

fn browser_tests(root: &Path, skein: &Path) -> bool {
    let Some(chromium) = browser().or_else(|| install_chromium(root).then(browser).flatten()) else {
        eprintln!("The browser tests need Chromium: install it, or set CHROMIUM to the path of one.");
        return false;
    };
    let environment = [("SKEIN_BIN", skein.as_os_str()), ("CHROMIUM", chromium.as_os_str())];
    command::run_with(root, "npm", &["run", "test:browser"], &environment)
}

/// A binary of the same build: wherever the target directory is, this program lies there too.
fn built_beside_us(name: &str) -> Option<PathBuf> {
    let path = env::current_exe().ok()?.with_file_name(name);
    path.is_file().then_some(path)
}

fn browser() -> Option<PathBuf> {
    let named = env::var_os("CHROMIUM").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.into_iter().chain(BROWSERS.iter().map(PathBuf::from)).find(|path| path.is_file())
}

fn install_chromium(root: &Path) -> bool {
    println!("no Chromium here: installing Debian's, for the browser tests");
    packages::install(root, &["chromium"])
}
