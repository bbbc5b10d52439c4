//! Passages: chunks come with their documents and blocks, whole.

use pagemill_store::BlockPlace;

use crate::{stories, world::World};

stories!(passages_bring_what_is_shown_of_them);

async fn passages_bring_what_is_shown_of_them(world: &World) {
    let (long, short) = (world.add("long").await, world.add("short").await);
    world.run_all(20).await;
    let store = &world.store;
    let mut ids = Vec::new();
    for added in [&short, &long] {
        let chunks = store.chunks(&added.document.id, 1, None, 100).await.unwrap();
        ids.extend(chunks.into_iter().rev().map(|chunk| chunk.id));
    }
    let passages = store.passages(&world.project, &ids).await.unwrap();
    let order: Vec<_> = passages.chunks.iter().map(|chunk| chunk.id.clone()).collect();
    assert_eq!(order, ids);
    let (long, short) = (&long.document.id, &short.document.id);
    for id in [long, short] {
        assert_eq!(passages.documents.get(id), store.document(&world.project, id).await.unwrap().as_ref());
    }
    assert!(passages.documents.len() == 2 && passages.blocks.len() > 16);
    for chunk in &passages.chunks {
        for piece in &chunk.pieces {
            let page = store.pages(&chunk.document, 1, piece.page..=piece.page, true).await.unwrap().remove(0);
            let block = passages.blocks.get(&BlockPlace::of(chunk, piece)).unwrap();
            assert_eq!(block, &page.blocks[piece.block as usize]);
        }
    }
}
