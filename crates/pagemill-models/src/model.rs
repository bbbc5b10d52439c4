//! A model file, opened: small parts copied out, weights left where they are mapped.

use std::{fs::File, ops::Range, path::Path};

use memmap2::Mmap;

use crate::{
    ModelError,
    format::{Reader, Shape},
    vocabulary::Vocabulary,
};

/// Where the bytes of a model are.
pub(crate) enum Storage {
    /// Inside the program.
    Builtin(&'static [u8]),
    /// In a file.
    Mapped(Mmap),
}

impl Storage {
    /// Maps a file.
    pub(crate) fn map(path: &Path) -> Result<Self, ModelError> {
        let file = File::open(path).map_err(ModelError::io(path))?;
        // SAFETY: the map is read only. Model files are written under a temporary
        // name and renamed, never changed in place; whoever truncates one while it
        // is in use ends this process with a signal, as with a program file.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(&file) }.map_err(ModelError::io(path))?;
        Ok(Self::Mapped(map))
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Builtin(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

/// Gain and offset of a layer normalisation.
pub(crate) struct Norm {
    pub(crate) gain: Vec<f32>,
    pub(crate) offset: Vec<f32>,
}

/// A linear map with weights of 8 bits, one scale for each output.
pub(crate) struct Linear {
    weights: Range<usize>,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// What a weight of 1 is worth, by output.
    pub(crate) scales: Vec<f32>,
    /// The sum of the weights, by output.
    pub(crate) sums: Vec<i32>,
    pub(crate) bias: Vec<f32>,
}

/// One encoder layer.
pub(crate) struct Layer {
    /// Queries (divided by the root of the head size), keys and values in one.
    pub(crate) qkv: Linear,
    pub(crate) output: Linear,
    pub(crate) attention_norm: Norm,
    pub(crate) up: Linear,
    pub(crate) down: Linear,
    pub(crate) norm: Norm,
}

/// A model ready to run.
pub(crate) struct Model {
    storage: Storage,
    /// Name, precision and checksum.
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) vocabulary: Vocabulary,
    words: Range<usize>,
    word_scales: Vec<f32>,
    positions: Vec<f32>,
    pub(crate) norm: Norm,
    pub(crate) layers: Vec<Layer>,
}

impl Model {
    /// Opens the bytes of a model; `path` is for messages. The checksum is
    /// compared unless the bytes are part of the program.
    pub(crate) fn open(storage: Storage, path: &Path) -> Result<Self, ModelError> {
        let verify = matches!(storage, Storage::Mapped(_));
        let mut reader = Reader::new(storage.bytes(), path, verify)?;
        let shape = reader.shape;
        let name = format!("{}/int8/{}", reader.name, reader.digest);
        let text = reader.text(shape.vocabulary_bytes)?;
        let vocabulary = Vocabulary::new(text, &shape).map_err(|reason| ModelError::invalid(path, reason))?;
        let words = reader.range(shape.vocabulary * shape.hidden)?;
        let word_scales = reader.floats(shape.vocabulary)?;
        let positions = reader.floats(shape.max_tokens * shape.hidden)?;
        let norm = read_norm(&mut reader, &shape)?;
        let mut layers = Vec::with_capacity(shape.layers);
        for _ in 0..shape.layers {
            layers.push(Layer {
                qkv: read_linear(&mut reader, shape.hidden, 3 * shape.hidden)?,
                output: read_linear(&mut reader, shape.hidden, shape.hidden)?,
                attention_norm: read_norm(&mut reader, &shape)?,
                up: read_linear(&mut reader, shape.hidden, shape.inner)?,
                down: read_linear(&mut reader, shape.inner, shape.hidden)?,
                norm: read_norm(&mut reader, &shape)?,
            });
        }
        reader.finish()?;
        Ok(Self { storage, name, shape, vocabulary, words, word_scales, positions, norm, layers })
    }

    /// The embedding of a token: its row and the worth of a 1 in it.
    pub(crate) fn word(&self, token: u32) -> (&[u8], f32) {
        let row = token as usize;
        let start = self.words.start + row * self.shape.hidden;
        (&self.storage.bytes()[start..start + self.shape.hidden], self.word_scales[row])
    }

    /// What is added to the token at that place of an input.
    pub(crate) fn position(&self, place: usize) -> &[f32] {
        &self.positions[place * self.shape.hidden..(place + 1) * self.shape.hidden]
    }

    /// The packed weights of one of its linear maps.
    pub(crate) fn weights(&self, linear: &Linear) -> &[u8] {
        &self.storage.bytes()[linear.weights.clone()]
    }
}

fn read_norm(reader: &mut Reader<'_>, shape: &Shape) -> Result<Norm, ModelError> {
    Ok(Norm { gain: reader.floats(shape.hidden)?, offset: reader.floats(shape.hidden)? })
}

fn read_linear(reader: &mut Reader<'_>, inputs: usize, outputs: usize) -> Result<Linear, ModelError> {
    Ok(Linear {
        weights: reader.range(inputs * outputs)?,
        inputs,
        outputs,
        scales: reader.floats(outputs)?,
        sums: reader.ints(outputs)?,
        bias: reader.floats(outputs)?,
    })
}
