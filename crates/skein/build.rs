//! Makes cargo look at the built web app: what it compiles in changes with it.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo takes a path that does not exist for one that always changes. Without a build, watch the folder in which it will appear.
    let watched = ["../../web/dist", "../../web"].into_iter().find(|folder| Path::new(folder).is_dir());
    if let Some(folder) = watched {
        println!("cargo::rerun-if-changed={folder}");
    }
}
