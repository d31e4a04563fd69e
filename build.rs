//! Generates `switchyard::pb` from `proto/`, with a compiler written in Rust: no `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;
use protox::Compiler;

const PROTO_DIR: &str = "proto";

/// The service; the other files come with it as imports.
const ROOT: &str = "io/linkerd/proxy/destination.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_DIR}");
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);

    // Source info carries the comments, into the documentation and to clients of server reflection.
    let descriptors = Compiler::new([PROTO_DIR])?
        .include_imports(true)
        .include_source_info(true)
        .open_file(ROOT)?
        .file_descriptor_set();
    fs::write(out_dir.join("switchyard_descriptor.bin"), descriptors.encode_to_vec())?;

    tonic_prost_build::configure()
        // Sorted maps: equal messages have equal bytes.
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}
