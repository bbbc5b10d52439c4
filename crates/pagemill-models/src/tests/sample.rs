//! A small random model, published the way the real one is.

use std::{collections::HashMap, fs, io::Write, path::Path};

use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;
use tempfile::TempDir;

use crate::{Embedder, MODEL_FILE, import};

pub(super) const HIDDEN: usize = 64;
const INNER: usize = 192;
const LAYERS: usize = 2;
const POSITIONS: usize = 300;
pub(super) const SPECIALS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// The embedders to test with: the small one, and the real one where there is one.
pub(super) fn embedders() -> Vec<Embedder> {
    let folder = tempfile::tempdir().unwrap();
    let mut embedders = vec![small(&folder)];
    match Embedder::builtin() {
        Ok(real) => embedders.push(real),
        Err(error) => eprintln!("tested on a small random model only: {error}"),
    }
    embedders
}

/// Imports the small model from a folder.
pub(super) fn small(folder: &TempDir) -> Embedder {
    let (source, out) = (folder.path().join("source"), folder.path().join(MODEL_FILE));
    publish(&source);
    import(&source, &out).unwrap();
    Embedder::open(&out).unwrap()
}

/// Writes the files of the small model into a folder.
pub(super) fn publish(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, content) in files() {
        fs::write(folder.join(name), content).unwrap();
    }
}

/// Writes the small model as a wheel.
pub(super) fn publish_wheel(path: &Path) {
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("small/model/1_Pooling/config.json", options).unwrap();
    archive.write_all(b"{}").unwrap();
    for (name, content) in files() {
        archive.start_file(format!("small/model/{name}"), options).unwrap();
        archive.write_all(&content).unwrap();
    }
    archive.finish().unwrap();
}

fn files() -> [(&'static str, Vec<u8>); 3] {
    let vocabulary = vocabulary();
    let config = json!({
        "hidden_act": "gelu", "hidden_size": HIDDEN, "intermediate_size": INNER, "layer_norm_eps": 1e-12,
        "max_position_embeddings": POSITIONS, "num_attention_heads": 2, "num_hidden_layers": LAYERS,
        "vocab_size": vocabulary.len(),
    });
    [
        ("config.json", config.to_string().into_bytes()),
        ("tokenizer.json", tokenizer_json(&vocabulary).into_bytes()),
        ("model.safetensors", weights(vocabulary.len())),
    ]
}

/// Special tokens, single characters, and a few pieces of words.
fn vocabulary() -> Vec<String> {
    let words = ["the", "pre", "##fer", "##ence", "un", "##able", "straße", "##ße", "ein", "##stein", "中", "é", "."];
    let letters = ('a'..='z').chain('0'..='9').flat_map(|letter| [letter.to_string(), format!("##{letter}")]);
    let signs = "!\"#$%&'()*+,-/:;<=>?@[\\]^_`{|}~–“αβσ国".chars().map(String::from);
    SPECIALS.into_iter().chain(words).map(str::to_owned).chain(letters).chain(signs).collect()
}

/// The definition of BERT's tokenizer with that vocabulary.
pub(super) fn tokenizer_json(vocabulary: &[String]) -> String {
    let ids: HashMap<&str, usize> = vocabulary.iter().enumerate().map(|(id, token)| (token.as_str(), id)).collect();
    let added: Vec<_> = SPECIALS
        .iter()
        .map(|token| {
            json!({ "id": ids[token], "special": true, "content": token, "single_word": false,
                    "lstrip": false, "rstrip": false, "normalized": false })
        })
        .collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                        "strip_accents": null, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" }, "post_processor": null, "decoder": null,
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                   "max_input_chars_per_word": 100, "vocab": ids },
    })
    .to_string()
}

fn weights(vocabulary: usize) -> Vec<u8> {
    let mut random = Random(7);
    let mut tensors = Vec::new();
    let mut add = |name: String, shape: Vec<usize>, middle: f32, spread: f32| {
        let numbers = (0..shape.iter().product()).map(|_| middle + spread * random.next());
        tensors.push((name, shape, numbers.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()));
    };
    add("embeddings.word_embeddings.weight".into(), vec![vocabulary, HIDDEN], 0.0, 1.0);
    add("embeddings.position_embeddings.weight".into(), vec![POSITIONS, HIDDEN], 0.0, 0.3);
    add("embeddings.token_type_embeddings.weight".into(), vec![2, HIDDEN], 0.0, 0.1);
    let mut norms = vec!["embeddings.LayerNorm".to_owned()];
    for layer in 0..LAYERS {
        let maps = [
            ("attention.self.query", HIDDEN, HIDDEN),
            ("attention.self.key", HIDDEN, HIDDEN),
            ("attention.self.value", HIDDEN, HIDDEN),
            ("attention.output.dense", HIDDEN, HIDDEN),
            ("intermediate.dense", HIDDEN, INNER),
            ("output.dense", INNER, HIDDEN),
        ];
        for (name, inputs, outputs) in maps {
            add(format!("encoder.layer.{layer}.{name}.weight"), vec![outputs, inputs], 0.0, 0.3);
            add(format!("encoder.layer.{layer}.{name}.bias"), vec![outputs], 0.0, 0.1);
        }
        norms.push(format!("encoder.layer.{layer}.attention.output.LayerNorm"));
        norms.push(format!("encoder.layer.{layer}.output.LayerNorm"));
    }
    for norm in norms {
        add(format!("{norm}.weight"), vec![HIDDEN], 1.0, 0.2);
        add(format!("{norm}.bias"), vec![HIDDEN], 0.0, 0.2);
    }
    let views =
        tensors.iter().map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

/// Numbers from -1 to 1, the same each time (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed >> 40) as f32 / (1 << 23) as f32) - 1.0
    }
}
