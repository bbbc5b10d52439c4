//! Where a task goes on that is tried again, as a pure function.

use pagemill_core::{Fault, Stage};

/// Where a new task for a failed or cancelled one begins: after the stages that are done.
/// A fault of the file is looked at afresh: `failed` is the stage and fault it failed with.
pub(crate) fn resume_stage(done: &[Stage], failed: Option<(Stage, Fault)>) -> Stage {
    let first_open = Stage::ALL.into_iter().find(|stage| !done.contains(stage)).unwrap_or(Stage::Finish);
    match failed {
        // Only pages without a text fail at the end: they are read again.
        Some((Stage::Finish, Fault::Input)) => Stage::Parse,
        Some((stage, Fault::Input)) => stage.min(first_open),
        _ => first_open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_goes_on_where_work_ended_unless_the_file_was_at_fault() {
        assert_eq!(resume_stage(&[], None), Stage::Parse);
        let cut = [Stage::Parse, Stage::Ocr, Stage::Chunk];
        assert_eq!(resume_stage(&cut, Some((Stage::Embed, Fault::Passing))), Stage::Embed);
        assert_eq!(resume_stage(&[], Some((Stage::Parse, Fault::Input))), Stage::Parse);
        let all_but_finish = [Stage::Parse, Stage::Ocr, Stage::Chunk, Stage::Embed, Stage::Index];
        assert_eq!(resume_stage(&all_but_finish, Some((Stage::Parse, Fault::Input))), Stage::Parse);
        assert_eq!(resume_stage(&all_but_finish, Some((Stage::Finish, Fault::Input))), Stage::Parse);
    }
}
