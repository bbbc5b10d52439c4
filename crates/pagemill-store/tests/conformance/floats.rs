//! Figures and tables are found without reading the rest of the document.

use pagemill_core::{Block, BlockKind, Cell, DocumentId, Float, Page, Rect};
use pagemill_store::FloatPlace;

use crate::{
    stories,
    world::{World, info, page},
};

stories!(figures_and_tables_are_found_with_their_captions);

/// A page with a paragraph, a caption, a table, a table without cells, and a figure.
fn full_page(number: u32) -> Page {
    let mut page = page(number);
    let float = |caption, decorative, continued| {
        Some(Float { label: Some(format!("Table {number}")), caption, decorative, continued })
    };
    let block = |kind, text: String| Block { kind, text, words: Vec::new(), float: None, ..page.blocks[0].clone() };
    let cell = Cell { row: 0, col: 1, row_span: 1, col_span: 2, header: true, text: "x".into(), bbox: Rect::default() };
    let (text, bare) = (block(BlockKind::Paragraph, "Text".into()), block(BlockKind::Table, "bare".into()));
    let caption = block(BlockKind::Caption, format!("Table {number}. Caption"));
    let table = block(BlockKind::Table, "table".into());
    let table = Block { cells: vec![cell], float: float(Some(1), false, number > 1), ..table };
    let figure = Block { float: float(None, number == 2, false), ..block(BlockKind::Figure, String::new()) };
    page.blocks = vec![text, caption, table, bare, figure];
    page
}

async fn figures_and_tables_are_found_with_their_captions(world: &World) {
    let id = &world.add("a").await.document.id;
    let claim = world.claim_one().await;
    let pages: Vec<Page> = (1..=3).map(full_page).collect();
    world.store.save_pages(&claim, 0, &pages).await.unwrap();
    world.store.finish_parse(&claim, "", &info(3), &Vec::new(), &serde_json::json!([])).await.unwrap();

    let tables = world.store.float_places(id, 1, BlockKind::Table).await.unwrap();
    let places: Vec<_> = tables.iter().map(|place| (place.page, place.ordinal, place.float.continued)).collect();
    assert_eq!(places, [(1, 2, false), (2, 2, true), (3, 2, true)]);
    let figures = world.store.float_places(id, 1, BlockKind::Figure).await.unwrap();
    let decorative: Vec<_> = figures.iter().map(|FloatPlace { page, float, .. }| (*page, float.decorative)).collect();
    assert_eq!(decorative, [(1, false), (2, true), (3, false)]);

    let found = world.store.floats(id, 1, BlockKind::Table, 2..=3).await.unwrap();
    assert_eq!(found.iter().map(|found| (found.page, found.ordinal)).collect::<Vec<_>>(), [(2, 2), (3, 2)]);
    assert_eq!(found[0].caption.as_deref(), Some("Table 2. Caption"));
    assert_eq!(found[0].block, pages[1].blocks[2]);
    let found = world.store.floats(id, 1, BlockKind::Figure, 1..=1).await.unwrap();
    assert_eq!((found.len(), &found[0].caption, &found[0].block), (1, &None, &pages[0].blocks[4]));
    for (document, version) in [(id, 2), (&DocumentId::new(), 1)] {
        assert!(world.store.float_places(document, version, BlockKind::Table).await.unwrap().is_empty());
        assert!(world.store.floats(document, version, BlockKind::Table, 1..=9).await.unwrap().is_empty());
    }
}
