//! Changes files at random and reads them, for a while: what breaks is saved.
//!
//! `cargo run --release -p pagemill-pdf --example fuzz -- --seconds 60 --seed 1 --out DIR FILE…`
//!
//! The same seed makes the same files on every machine. A panic in this project's code is a finding; one in
//! the engine is caught by the reader and counted. Each file is saved as `DIR/last.pdf` before it is read, so that
//! what ends the whole process is kept, too. It needs nothing but the stable toolchain; `fuzz/` has the same
//! targets for cargo-fuzz.
#![allow(missing_docs, clippy::print_stdout, clippy::expect_used)]

mod targets;

use std::cell::RefCell;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use targets::{TARGETS, page_of};

/// A case that takes longer is a finding.
const SLOW: Duration = Duration::from_secs(20);

thread_local! {
    /// Where code panicked during the case at hand.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn main() {
    let (mut seconds, mut seed, mut out, mut only) = (10, 1, std::env::temp_dir().join("pagemill-fuzz"), None);
    let mut files = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("a value follows the flag");
        match word.as_str() {
            "--seconds" => seconds = value().parse().expect("a number of seconds"),
            "--seed" => seed = value().parse().expect("a number"),
            "--out" => out = PathBuf::from(value()),
            "--target" => only = Some(value()),
            file => files.push(PathBuf::from(file)),
        }
    }
    fs::create_dir_all(&out).expect("the folder for findings can be made");
    let mut corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("the file can be read")).collect();
    corpus.extend(seeds());
    println!("seed {seed}, {} files to begin with, {seconds} s", corpus.len());

    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        PANICS.with_borrow_mut(|panics| panics.push(place));
    }));
    let mut random = Random(seed);
    let (mut cases, mut engine, mut findings) = (0_u64, 0_u64, 0_u64);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let (name, target) = TARGETS[random.below(TARGETS.len())];
        let case = random.mutated(&corpus);
        if only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        fs::write(out.join("last.pdf"), &case).expect("the case can be saved");
        PANICS.with_borrow_mut(Vec::clear);
        let started = Instant::now();
        let escaped = panic::catch_unwind(AssertUnwindSafe(|| target(&case))).is_err();
        let panics = PANICS.with_borrow_mut(std::mem::take);
        let ours = panics.iter().find(|place| place.contains("pagemill-pdf") || place.contains("pagemill-core"));
        let slow = started.elapsed() > SLOW;
        cases += 1;
        engine += u64::from(!panics.is_empty() && ours.is_none());
        if escaped || ours.is_some() || slow {
            findings += 1;
            let file = out.join(format!("{name}-{seed}-{cases}.pdf"));
            fs::write(&file, &case).expect("the finding can be saved");
            let what = ours.or(panics.first()).map_or("took too long", String::as_str);
            println!("{name}: {what}; {}", file.display());
        }
    }
    println!("{cases} cases, {engine} panics of the engine that were caught, {findings} findings");
    std::process::exit(i32::from(findings > 0));
}

/// Small files of our own, so that a run without any is of use.
fn seeds() -> Vec<Vec<u8>> {
    let text = "BT /F1 12 Tf 72 700 Td 14 TL (1 Introduction) Tj T* (Hello, wor-) Tj T* (ld of tables) Tj ET";
    let table: String = (0..5)
        .flat_map(|row| (0..4).map(move |column| (row, column)))
        .map(|(row, column)| {
            let (x, y) = (80 + 110 * column, 600 - 20 * row);
            format!("{x} {y} 110 20 re S BT /F2 9 Tf {} {} Td (cell {row}.{column}) Tj ET\n", x + 4, y + 6)
        })
        .collect();
    let turned =
        "BT /F1 10 Tf 0 1 -1 0 300 300 Tm [(spa) -300 (ced) 90 (out)] TJ 3 Tr (unseen) ' ET q 9 w 0 0 m 99 99 l S Q";
    [text, table.as_str(), turned].map(|content| page_of(content.as_bytes())).to_vec()
}

/// What is put into files: words that mean something there.
const WORDS: [&[u8]; 30] = [
    b"<<",
    b">>",
    b"[",
    b"]",
    b"(",
    b")",
    b" 0 R",
    b" obj",
    b"endobj",
    b"stream\n",
    b"endstream",
    b"/Kids",
    b"/Parent",
    b"/Type /Page",
    b"/Length 99999999",
    b"/Filter /FlateDecode",
    b"/MediaBox [0 0 1e30 1]",
    b"/Rotate 90",
    b"null",
    b"-2147483649",
    b"1e-40",
    b"\xfe\xff\xd8\x00",
    b"trailer",
    b"startxref",
    b" Tf ",
    b" Tm ",
    b" re f ",
    b" cm ",
    b"/Next 1 0 R",
    b"/Limits",
];

/// SplitMix64 by Sebastiano Vigna.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// One of the files with a few changes.
    fn mutated(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut data = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(8) {
            let at = self.below(data.len());
            match self.below(7) {
                0 if !data.is_empty() => data[at] = self.next() as u8,
                1 if !data.is_empty() => data[at] ^= 1 << self.below(8),
                2 => {
                    let word = WORDS[self.below(WORDS.len())];
                    data.splice(at..at, word.iter().copied());
                }
                3 => {
                    let word = WORDS[self.below(WORDS.len())];
                    let end = (at + word.len()).min(data.len());
                    data.splice(at..end, word.iter().copied());
                }
                4 => {
                    let end = (at + self.below(200)).min(data.len());
                    data.drain(at..end);
                }
                5 => {
                    let end = (at + self.below(400)).min(data.len());
                    let piece = data[at..end].to_vec();
                    let to = self.below(data.len());
                    data.splice(to..to, piece);
                }
                _ => self.change_number(&mut data, at),
            }
        }
        if self.below(40) == 0 {
            data.truncate(self.below(data.len()));
        }
        data
    }

    /// Another number in place of the next one.
    fn change_number(&mut self, data: &mut Vec<u8>, from: usize) {
        const NUMBERS: [&str; 9] = ["0", "1", "-1", "65536", "4294967296", "2147483647", "0.0001", "-99999.5", "7"];
        let Some(start) = data[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
        let digits = data[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = NUMBERS[self.below(NUMBERS.len())];
        data.splice(start..start + digits, number.bytes());
    }
}
