//! `finish`: the ledger is closed, and what the new version has made needless goes.

use pagemill_core::Problem;

use super::StageContext;

/// Ends the task.
pub(super) async fn run(context: &StageContext) -> Result<(), Problem> {
    let (store, claim) = (context.library.store(), &context.claim);
    store.finish_task(claim).await?;
    // A version that is not the first may have left the file of the one before it.
    if claim.version > 1
        && let Err(problem) = store.remove_unused_blobs(context.library.blobs()).await
    {
        tracing::warn!(code = %problem.code, "a replaced file stays until the next sweep: {problem}");
    }
    Ok(())
}
