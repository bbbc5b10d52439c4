//! Writes the encoder as an ONNX file, which is what the peer reads.
//!
//! ONNX is Protocol Buffers; the few messages needed are written by hand. The
//! field numbers are those of `onnx.proto`.

use safetensors::SafeTensors;

type Error = Box<dyn std::error::Error + Send + Sync>;

const LAYERS: usize = 6;
const HIDDEN: usize = 384;
const HEADS: i64 = 12;
const POSITIONS: usize = 256;
const FLOAT: u64 = 1;
const BYTE: u64 = 3;
const WHOLE: u64 = 7;

/// The graph in the making.
struct Graph<'a> {
    tensors: &'a SafeTensors<'a>,
    int8: bool,
    message: Message,
    names: usize,
}

/// The encoder of all-MiniLM-L6-v2: `tokens` (i64, batch × length), `places`
/// (i64, length) and `mask` (f32, batch × 1 × 1 × length, added to scores) in,
/// `state` (f32, batch × length × 384) out. Weights of 32 bits, or of 8 bits by
/// output channel with inputs quantised as they come.
pub(crate) fn encoder(tensors: &SafeTensors<'_>, int8: bool) -> Result<Vec<u8>, Error> {
    let mut graph = Graph { tensors, int8, message: Message::default(), names: 0 };
    graph.message.text(2, "encoder");
    for (name, kind, rank) in [("tokens", WHOLE, 2), ("places", WHOLE, 1), ("mask", FLOAT, 4)] {
        graph.message.message(11, &value(name, kind, &vec![None; rank]));
    }
    graph.message.message(12, &value("state", FLOAT, &[None; 3]));
    graph.layers()?;
    let mut opset = Message::default();
    opset.number(2, 20);
    let mut model = Message::default();
    model.number(1, 9);
    model.message(8, &opset);
    model.message(7, &graph.message);
    Ok(model.0)
}

impl Graph<'_> {
    fn layers(&mut self) -> Result<(), Error> {
        let words = self.weights("embeddings.word_embeddings.weight", HIDDEN)?;
        let mut places = self.read("embeddings.position_embeddings.weight")?;
        places.truncate(POSITIONS * HIDDEN);
        let kinds = self.read("embeddings.token_type_embeddings.weight")?;
        places.iter_mut().zip(kinds[..HIDDEN].iter().cycle()).for_each(|(place, kind)| *place += kind);
        let places = self.floats(&[POSITIONS, HIDDEN], &places);
        let words = self.node("Gather", &[&words, "tokens"], &[]);
        let places = self.node("Gather", &[&places, "places"], &[]);
        let sum = self.node("Add", &[&words, &places], &[]);
        let mut state = self.norm(&sum, "embeddings.LayerNorm")?;
        for layer in 0..LAYERS {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            let context = self.attention(&state, &name("attention.self"))?;
            let context = self.linear(&context, &name("attention.output.dense"))?;
            let sum = self.node("Add", &[&state, &context], &[]);
            state = self.norm(&sum, &name("attention.output.LayerNorm"))?;
            let inner = self.linear(&state, &name("intermediate.dense"))?;
            let inner = self.node("Gelu", &[&inner], &[]);
            let outer = self.linear(&inner, &name("output.dense"))?;
            let sum = self.node("Add", &[&state, &outer], &[]);
            state = self.norm(&sum, &name("output.LayerNorm"))?;
        }
        self.message.message(1, &node("Identity", &[&state], &["state"], &[]));
        Ok(())
    }

    fn attention(&mut self, state: &str, name: &str) -> Result<String, Error> {
        let split = self.wholes(&[0, 0, HEADS, HIDDEN as i64 / HEADS]);
        let mut heads = Vec::new();
        for (part, order) in [("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])] {
            let all = self.linear(state, &format!("{name}.{part}"))?;
            let rows = self.node("Reshape", &[&all, &split], &[]);
            heads.push(self.node("Transpose", &[&rows], &[wholes_attribute("perm", &order)]));
        }
        let scores = self.node("MatMul", &[&heads[0], &heads[1]], &[]);
        let factor = self.floats(&[], &[1.0 / (HIDDEN as f32 / HEADS as f32).sqrt()]);
        let scores = self.node("Mul", &[&scores, &factor], &[]);
        let scores = self.node("Add", &[&scores, "mask"], &[]);
        let shares = self.node("Softmax", &[&scores], &[whole_attribute("axis", -1)]);
        let context = self.node("MatMul", &[&shares, &heads[2]], &[]);
        let rows = self.node("Transpose", &[&context], &[wholes_attribute("perm", &[0, 2, 1, 3])]);
        let join = self.wholes(&[0, 0, HIDDEN as i64]);
        Ok(self.node("Reshape", &[&rows, &join], &[]))
    }

    fn norm(&mut self, input: &str, name: &str) -> Result<String, Error> {
        let gain = self.weights(&format!("{name}.weight"), 0)?;
        let offset = self.weights(&format!("{name}.bias"), 0)?;
        let attributes = [whole_attribute("axis", -1), float_attribute("epsilon", 1e-12)];
        Ok(self.node("LayerNormalization", &[input, &gain, &offset], &attributes))
    }

    fn linear(&mut self, input: &str, name: &str) -> Result<String, Error> {
        let weights = self.read(&format!("{name}.weight"))?;
        let bias = self.weights(&format!("{name}.bias"), 0)?;
        let outputs = self.read(&format!("{name}.bias"))?.len();
        let inputs = weights.len() / outputs;
        let by_input = |i: usize| (i % outputs) * inputs + i / outputs;
        let product = if self.int8 {
            let scales: Vec<f32> = weights
                .chunks_exact(inputs)
                .map(|row| row.iter().fold(0.0_f32, |greatest, weight| greatest.max(weight.abs())) / 127.0)
                .collect();
            let bytes: Vec<u8> =
                (0..weights.len()).map(|i| (weights[by_input(i)] / scales[i % outputs]).round() as i8 as u8).collect();
            let weights = self.tensor(&[inputs, outputs], BYTE, &bytes);
            let zeros = self.tensor(&[outputs], BYTE, &vec![0; outputs]);
            let scales = self.floats(&[outputs], &scales);
            let quantised = [self.name(), self.name(), self.name()];
            let [bytes, scale, zero] = quantised.each_ref().map(String::as_str);
            self.message.message(1, &node("DynamicQuantizeLinear", &[input], &[bytes, scale, zero], &[]));
            let sums = self.node("MatMulInteger", &[bytes, &weights, zero, &zeros], &[]);
            let sums = self.node("Cast", &[&sums], &[whole_attribute("to", FLOAT as i64)]);
            let scale = self.node("Mul", &[scale, &scales], &[]);
            // The peer merges the steps only where it knows this shape.
            self.message.message(13, &value(&scale, FLOAT, &[Some(outputs)]));
            self.node("Mul", &[&sums, &scale], &[])
        } else {
            let turned: Vec<f32> = (0..weights.len()).map(|i| weights[by_input(i)]).collect();
            let weights = self.floats(&[inputs, outputs], &turned);
            self.node("MatMul", &[input, &weights], &[])
        };
        Ok(self.node("Add", &[&product, &bias], &[]))
    }

    fn read(&self, name: &str) -> Result<Vec<f32>, Error> {
        let data = self.tensors.tensor(name)?.data();
        Ok(data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// A tensor of the source as a constant: rows of `width`, or one row when that is 0.
    fn weights(&mut self, name: &str, width: usize) -> Result<String, Error> {
        let numbers = self.read(name)?;
        let shape = numbers.len().checked_div(width).map_or(vec![numbers.len()], |rows| vec![rows, width]);
        Ok(self.floats(&shape, &numbers))
    }

    fn floats(&mut self, shape: &[usize], numbers: &[f32]) -> String {
        self.tensor(shape, FLOAT, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
    }

    fn wholes(&mut self, numbers: &[i64]) -> String {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.tensor(&[numbers.len()], WHOLE, &bytes)
    }

    fn tensor(&mut self, shape: &[usize], kind: u64, bytes: &[u8]) -> String {
        let name = self.name();
        let mut tensor = Message::default();
        shape.iter().for_each(|&size| tensor.number(1, size as u64));
        tensor.number(2, kind);
        tensor.text(8, &name);
        tensor.bytes(9, bytes);
        self.message.message(5, &tensor);
        name
    }

    fn node(&mut self, operator: &str, inputs: &[&str], attributes: &[Message]) -> String {
        let name = self.name();
        self.message.message(1, &node(operator, inputs, &[&name], attributes));
        name
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }
}

fn node(operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Message]) -> Message {
    let mut node = Message::default();
    inputs.iter().for_each(|input| node.text(1, input));
    outputs.iter().for_each(|output| node.text(2, output));
    node.text(3, outputs[0]);
    node.text(4, operator);
    attributes.iter().for_each(|attribute| node.message(5, attribute));
    node
}

fn attribute(name: &str, kind: u64) -> Message {
    let mut attribute = Message::default();
    attribute.text(1, name);
    attribute.number(20, kind);
    attribute
}

fn float_attribute(name: &str, number: f32) -> Message {
    let mut attribute = attribute(name, 1);
    attribute.key(2, 5);
    attribute.0.extend(number.to_le_bytes());
    attribute
}

fn whole_attribute(name: &str, number: i64) -> Message {
    let mut attribute = attribute(name, 2);
    attribute.number(3, number.cast_unsigned());
    attribute
}

fn wholes_attribute(name: &str, numbers: &[i64]) -> Message {
    let mut attribute = attribute(name, 7);
    numbers.iter().for_each(|number| attribute.number(8, number.cast_unsigned()));
    attribute
}

/// The description of an input, output or value; unknown sizes have names of their own.
fn value(name: &str, kind: u64, shape: &[Option<usize>]) -> Message {
    let (mut dimensions, mut tensor, mut kind_of, mut value) = <(Message, Message, Message, Message)>::default();
    for (axis, size) in shape.iter().enumerate() {
        let mut dimension = Message::default();
        match size {
            Some(size) => dimension.number(1, *size as u64),
            None => dimension.text(2, &format!("{name}_{axis}")),
        }
        dimensions.message(1, &dimension);
    }
    tensor.number(1, kind);
    tensor.message(2, &dimensions);
    kind_of.message(1, &tensor);
    value.text(1, name);
    value.message(2, &kind_of);
    value
}

/// A message of Protocol Buffers.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn variable(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn key(&mut self, field: u64, wire: u64) {
        self.variable(field << 3 | wire);
    }

    fn number(&mut self, field: u64, number: u64) {
        self.key(field, 0);
        self.variable(number);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.key(field, 2);
        self.variable(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }
}
