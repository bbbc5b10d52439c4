//! The peer: `tokenizers` and `rten`, as one would put them together.

use std::sync::Arc;

use rten::{Model, RunOptions, ThreadPool, ValueView};
use safetensors::SafeTensors;
use tokenizers::{Tokenizer, TruncationParams};

use crate::onnx;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Inputs in a batch: what is fastest for the peer.
const BATCH: usize = 8;

/// An encoder of the peer.
pub(crate) struct Peer {
    tokenizer: Tokenizer,
    model: Model,
}

impl Peer {
    /// From the published files.
    pub(crate) fn new(tokenizer: &[u8], weights: &[u8], int8: bool) -> Result<Self, Error> {
        let mut tokenizer = Tokenizer::from_bytes(tokenizer)?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(Some(TruncationParams { max_length: 256, ..Default::default() }))?;
        let model = Model::load(onnx::encoder(&SafeTensors::deserialize(weights)?, int8)?)?;
        Ok(Self { tokenizer, model })
    }

    /// The vectors of texts, in batches sorted by length.
    pub(crate) fn embed(&self, texts: &[&str], threads: usize) -> Result<Vec<Vec<f32>>, Error> {
        let pool = Arc::new(ThreadPool::with_num_threads(threads));
        let tokens: Vec<Vec<i32>> = texts
            .iter()
            .map(|text| Ok(self.tokenizer.encode(*text, true)?.get_ids().iter().map(|&id| id as i32).collect()))
            .collect::<Result<_, Error>>()?;
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&index| tokens[index].len());
        let mut vectors = vec![Vec::new(); texts.len()];
        for batch in order.chunks(BATCH) {
            let inputs: Vec<&[i32]> = batch.iter().map(|&index| tokens[index].as_slice()).collect();
            for (&index, vector) in batch.iter().zip(self.encode(&inputs, &pool)?) {
                vectors[index] = vector;
            }
        }
        Ok(vectors)
    }

    fn encode(&self, inputs: &[&[i32]], pool: &Arc<ThreadPool>) -> Result<Vec<Vec<f32>>, Error> {
        let length = inputs.iter().map(|input| input.len()).max().unwrap_or(0);
        let mut tokens = vec![0_i32; inputs.len() * length];
        let mut mask = vec![-1e9_f32; inputs.len() * length];
        for (row, input) in inputs.iter().enumerate() {
            tokens[row * length..][..input.len()].copy_from_slice(input);
            mask[row * length..][..input.len()].fill(0.0);
        }
        let places: Vec<i32> = (0..length as i32).collect();
        let id = |name: &str| self.model.node_id(name);
        let values = vec![
            (id("tokens")?, ValueView::from_shape([inputs.len(), length], tokens.as_slice())?.into()),
            (id("places")?, ValueView::from_shape([length], places.as_slice())?.into()),
            (id("mask")?, ValueView::from_shape([inputs.len(), 1, 1, length], mask.as_slice())?.into()),
        ];
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let [state] = self.model.run_n(values, [id("state")?], Some(options))?;
        let ([_, _, width], numbers) = state.into_shape_vec::<f32, 3>()?;
        let rows = numbers.chunks_exact(length * width);
        Ok(inputs.iter().zip(rows).map(|(input, rows)| mean(&rows[..input.len() * width], width)).collect())
    }
}

/// The mean of rows, of length 1.
fn mean(rows: &[f32], width: usize) -> Vec<f32> {
    let mut vector = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        vector.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
    }
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|number| *number /= length);
    vector
}
