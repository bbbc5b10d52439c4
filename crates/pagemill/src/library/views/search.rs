//! Searches, questions, and what is found.

use pagemill_core::Rect;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How to search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SearchMode {
    /// By words and by meaning, fused.
    #[default]
    Hybrid,
    /// By words alone.
    Lexical,
    /// By meaning alone.
    Semantic,
}

/// A search.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// What to look for, plain words.
    pub query: String,
    /// How many results, 1 to 100.
    #[serde(default = "ten")]
    pub k: u32,
    /// How to search.
    #[serde(default)]
    pub mode: SearchMode,
    /// Only in these documents.
    #[serde(default)]
    pub documents: Vec<String>,
}

fn ten() -> u32 {
    10
}

/// What a search found.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchResults {
    /// Best first.
    pub results: Vec<SearchHit>,
    /// Milliseconds it took.
    pub ms: f64,
    /// The mode that was used: `lexical` where no model is at hand.
    pub mode: SearchMode,
    /// Documents that are still being processed and may be missing here.
    pub processing: u64,
}

/// One result.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// The document's id.
    pub document: String,
    /// The document's title, else its file name.
    pub title: String,
    /// The document's file name.
    pub file: String,
    /// The first page of the passage.
    pub page: u32,
    /// Higher is better; comparable within one search only.
    pub score: f32,
    /// The passage.
    pub text: String,
    /// The headings above it.
    pub headings: Vec<String>,
    /// Where the passage stands.
    pub spans: Vec<SpanView>,
}

/// Boxes on a page.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SpanView {
    /// 1-based page.
    pub page: u32,
    /// Boxes, one a line.
    #[schema(value_type = Vec<Vec<f32>>)]
    pub boxes: Vec<Rect>,
}

/// A question.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    /// The question.
    pub question: String,
    /// Only from these documents.
    #[serde(default)]
    pub documents: Vec<String>,
}

/// An answer made of quotations.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// The sentences in one text, or that nothing was found.
    pub answer: String,
    /// Whether the library has an answer.
    pub found: bool,
    /// The sentences, each with its citations.
    pub sentences: Vec<AnswerSentence>,
    /// Milliseconds it took.
    pub ms: f64,
}

/// A sentence of an answer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AnswerSentence {
    /// The sentence.
    pub text: String,
    /// Where it stands: one citation a page.
    pub citations: Vec<Citation>,
}

/// The place of a quotation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Citation {
    /// The document's id.
    pub document: String,
    /// The document's title, else its file name.
    pub title: String,
    /// The document's file name.
    pub file: String,
    /// 1-based page.
    pub page: u32,
    /// Boxes on that page, one a line.
    #[schema(value_type = Vec<Vec<f32>>)]
    pub boxes: Vec<Rect>,
    /// The exact words on that page.
    pub quote: String,
    /// Whether the words were found at that place again.
    pub verified: bool,
}
