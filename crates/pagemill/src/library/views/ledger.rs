//! What was done and what was taken over: by page, by stage, and in advance.

use pagemill_core::{Stage, StageLedger};
use pagemill_store::PageOutcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::library::process::item_name;

/// What became of each page of a document.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PageLedgerView {
    /// Every page whose outcome is recorded, in order.
    pub items: Vec<PageOutcomeView>,
    /// How many pages have which outcome.
    pub counts: std::collections::BTreeMap<String, usize>,
}

/// What became of one page.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PageOutcomeView {
    /// 1-based number.
    pub number: u32,
    /// The number printed on it.
    pub label: Option<String>,
    /// `text`, `ocr`, `blank`, `skipped` or `failed`.
    pub source: String,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
    /// Whether it was taken over from earlier work.
    pub reused: bool,
}

impl PageLedgerView {
    /// The ledger as it is shown.
    pub fn new(ledger: Vec<PageOutcome>) -> Self {
        let mut counts = std::collections::BTreeMap::new();
        for page in &ledger {
            *counts.entry(page.source.as_str().to_owned()).or_default() += 1;
        }
        let items = ledger.into_iter().map(|page| PageOutcomeView {
            number: page.number,
            label: page.label,
            source: page.source.as_str().to_owned(),
            reason: page.reason,
            reused: page.reused,
        });
        Self { items: items.collect(), counts }
    }
}

/// What a task did and took over in a stage.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StageLedgerView {
    /// The stage.
    pub stage: String,
    /// What it makes: `pages`, `chunks` or `vectors`.
    pub items: String,
    /// Items this task made.
    pub done: u32,
    /// Items taken over from earlier work.
    pub reused: u32,
    /// Items that could not be made.
    pub failed: u32,
    /// Units this task worked on.
    pub units_done: u32,
    /// Units taken over whole.
    pub units_reused: u32,
}

impl From<&StageLedger> for StageLedgerView {
    fn from(ledger: &StageLedger) -> Self {
        Self {
            stage: ledger.stage.as_str().to_owned(),
            items: item_name(ledger.stage).to_owned(),
            done: ledger.done,
            reused: ledger.reused,
            failed: ledger.failed,
            units_done: ledger.units_done,
            units_reused: ledger.units_reused,
        }
    }
}

/// What processing a document anew would do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanView {
    /// The document.
    pub document: String,
    /// The stages that make something, in the order they run.
    pub stages: Vec<PlannedStage>,
    /// Seconds of work, by the times of the latest units; `null` when a stage has not been measured yet, or what it
    /// would do is not known.
    pub seconds: Option<f64>,
    /// Whether all of it is known; otherwise it is the most that can be, of the stages whose `known` is true.
    pub exact: bool,
    /// Dollars for paid services.
    pub cost_usd: f64,
}

/// What a stage would do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlannedStage {
    /// The stage.
    pub stage: String,
    /// What it makes: `pages`, `chunks` or `vectors`.
    pub items: String,
    /// Items that would be taken over.
    pub reused: u32,
    /// Items that would be made.
    pub to_do: u32,
    /// Whether that is known; otherwise it depends on what the stage before makes, and this is the most.
    pub exact: bool,
    /// Whether anything is known; `false` before the file was first read, and the counts are 0 then.
    pub known: bool,
    /// Seconds of work; `null` when that is not known.
    pub seconds: Option<f64>,
}

impl PlannedStage {
    /// A stage of which nothing is known before the file was read.
    pub fn unknown(stage: Stage) -> Self {
        Self {
            stage: stage.as_str().to_owned(),
            items: item_name(stage).to_owned(),
            reused: 0,
            to_do: 0,
            exact: false,
            known: false,
            seconds: None,
        }
    }
}
