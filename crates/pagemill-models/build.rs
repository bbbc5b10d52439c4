//! Finds the model file that the build is to carry.
//!
//! It is `models/all-MiniLM-L6-v2.pmm` in the workspace, or what `PAGEMILL_MODEL_FILE`
//! names. Without it the build works too, and `Embedder::builtin` says what to do.

use std::{env, error::Error, fs, path::PathBuf};

use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rustc-check-cfg=cfg(builtin_model)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PAGEMILL_MODEL_FILE");
    let given = env::var_os("PAGEMILL_MODEL_FILE").map(PathBuf::from);
    let usual = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../models/all-MiniLM-L6-v2.pmm");
    let file = given.clone().unwrap_or(usual);
    // A file that is not there counts as changed when it comes.
    println!("cargo::rerun-if-changed={}", file.display());
    if !file.is_file() {
        return match given {
            Some(_) => Err(format!("PAGEMILL_MODEL_FILE names {}, which is not there", file.display()).into()),
            None => Ok(()),
        };
    }
    // The program trusts what it carries: the checksum is compared here, once.
    let bytes = fs::read(&file)?;
    if bytes.len() < 256 || bytes[16..48] != Sha256::digest(&bytes[48..])[..] {
        return Err(format!("{} is damaged: remove it, or make it anew with the setup script", file.display()).into());
    }
    println!("cargo::rustc-env=PAGEMILL_BUILTIN_MODEL={}", file.canonicalize()?.display());
    println!("cargo::rustc-cfg=builtin_model");
    Ok(())
}
