//! Compiles proto/skein/v1 to Rust types; protox parses, so protoc is not needed.
use std::{
    env, fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Asked for now, not when this file was compiled: a target directory may be shared by several checkouts.
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files: Vec<PathBuf> =
        fs::read_dir(root.join("skein/v1"))?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "proto"));
    files.sort();
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptors = out.join("skein.binpb");
    fs::write(&descriptors, compiler.encode_file_descriptor_set())?;
    // The generator makes cargo watch this file. As old as can be, it does not count as changed since this run began.
    fs::File::options().append(true).open(&descriptors)?.set_modified(SystemTime::UNIX_EPOCH)?;
    let relative: Vec<PathBuf> =
        files.iter().map(|file| file.strip_prefix(&root).map(Path::to_path_buf)).collect::<Result<_, _>>()?;
    buffa_build::Config::new()
        .files(&relative)
        .includes(&[&root])
        .descriptor_set(descriptors)
        .generate_json(true)
        .generate_views(false)
        .preserve_unknown_fields(false)
        .use_bytes_type()
        .idiomatic_enum_aliases(true)
        .file_per_package(true)
        .include_file("skein.rs")
        .compile()
}
