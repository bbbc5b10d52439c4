//! `index`: both indexes know the document.

use pagemill_core::Problem;

use super::StageContext;

/// Waits until the indexes have followed the log of changes past this document's.
pub(super) async fn run(context: &StageContext) -> Result<(), Problem> {
    let (store, claim) = (context.library.store(), &context.claim);
    store.begin_stage(claim, 1).await?;
    if !context.library.has_indexes() {
        // A worker beside others has none. Each process that searches follows the log of changes by itself.
        return store.finish_stage(claim).await;
    }
    let change = store.last_change().await?;
    context.library.indexing().reached(change).await?;
    store.finish_stage(claim).await
}
