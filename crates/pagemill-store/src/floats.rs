//! Figures and tables of a version: where they stand, and what is in them.

use std::{collections::HashMap, ops::RangeInclusive};

use pagemill_core::{Block, BlockKind, DocumentId, Float};

use crate::{
    Answer, Store,
    failure::Failure,
    pages::block_of,
    sql::{args, from_json},
};

/// Where a figure or a part of a table stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloatPlace {
    /// 1-based page.
    pub page: u32,
    /// Its place among the blocks of the page, 0-based.
    pub ordinal: u32,
    /// What is known of it beside what is in it.
    pub float: Float,
}

/// A figure or a part of a table, with its caption.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatBlock {
    /// 1-based page.
    pub page: u32,
    /// Its place among the blocks of the page, 0-based.
    pub ordinal: u32,
    /// The block, without the places of its words.
    pub block: Block,
    /// The text of its caption.
    pub caption: Option<String>,
}

impl Store {
    /// Where the figures, or the tables that have cells, of a version stand, in reading order. It is a short list for
    /// long documents, too: what is in them comes from [`Self::floats`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn float_places<'a>(
        &'a self,
        document: &'a DocumentId,
        version: u32,
        kind: BlockKind,
    ) -> Answer<'a, Vec<FloatPlace>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader
                .conn()
                .rows(
                    "SELECT page, ordinal, about FROM blocks \
                     WHERE document = $1 AND version = $2 AND kind = $3 AND (kind <> 'table' OR cells IS NOT NULL) \
                     ORDER BY page, ordinal",
                    args![document, version, kind.as_str()],
                )
                .await?;
            rows.iter()
                .map(|row| {
                    let mut fields = row.fields();
                    let (page, ordinal) = (fields.count()?, fields.count()?);
                    let float = fields.text_or_null()?.map(|float| from_json::<Float>(&float)).transpose()?;
                    Ok(FloatPlace { page, ordinal, float: float.unwrap_or_default() })
                })
                .collect::<Result<Vec<_>, Failure>>()
        })
    }

    /// The figures, or the tables that have cells, on some pages of a version, in reading order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn floats<'a>(
        &'a self,
        document: &'a DocumentId,
        version: u32,
        kind: BlockKind,
        pages: RangeInclusive<u32>,
    ) -> Answer<'a, Vec<FloatBlock>> {
        self.answer(async move {
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let bounds = args![document, version, *pages.start(), *pages.end()];
            let mut captions = HashMap::new();
            let sql = "SELECT page, ordinal, text FROM blocks \
                       WHERE document = $1 AND version = $2 AND page BETWEEN $3 AND $4 AND kind = 'caption'";
            for row in conn.rows(sql, bounds).await? {
                let mut fields = row.fields();
                let place: (u32, u32) = (fields.count()?, fields.count()?);
                captions.insert(place, fields.text()?);
            }
            let rows = conn
                .rows(
                    "SELECT page, ordinal, kind, level, text, x0, y0, x1, y1, cells, about FROM blocks \
                     WHERE document = $1 AND version = $2 AND page BETWEEN $3 AND $4 \
                     AND kind = $5 AND (kind <> 'table' OR cells IS NOT NULL) ORDER BY page, ordinal",
                    args![document, version, *pages.start(), *pages.end(), kind.as_str()],
                )
                .await?;
            rows.iter()
                .map(|row| {
                    let ((page, ordinal), block) = block_of(&mut row.fields(), false)?;
                    let caption = block.float.as_ref().and_then(|float| float.caption);
                    let caption = caption.and_then(|at| captions.get(&(page, at)).cloned());
                    Ok(FloatBlock { page, ordinal, block, caption })
                })
                .collect::<Result<Vec<_>, Failure>>()
        })
    }
}
