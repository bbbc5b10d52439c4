//! Figures of a document, and the picture of one.

use pagemill_core::{BlockKind, DocumentId, Problem, ProjectId, Rect};
use pagemill_store::FloatPlace;

use super::{
    Library,
    tables::{changed, numbered},
    views::{FigureListView, FigureView},
};
use crate::cell::Drawing;

impl Library {
    /// Figures of a document in reading order, from behind the one with the number `after` on; `decorative` ones are
    /// left out unless wanted.
    ///
    /// # Errors
    /// `not_found`; `conflict` while the document has not been read, or when it changes meanwhile; of the database.
    pub async fn figures(
        &self,
        project: &ProjectId,
        id: &DocumentId,
        decorative: bool,
        after: u32,
        limit: u32,
    ) -> Result<FigureListView, Problem> {
        let (_, version) = self.live(project, id).await?;
        let places = self.store().float_places(id, version, BlockKind::Figure).await?;
        let total = places.len() as u32;
        let wanted = (1..).zip(&places).skip(after as usize);
        let wanted = wanted.filter(|(_, place)| decorative || !place.float.decorative);
        let mut wanted: Vec<(u32, &FloatPlace)> = wanted.take(limit as usize + 1).collect();
        let more = wanted.len() > limit as usize;
        wanted.truncate(limit as usize);
        let items = self.figures_at(id, version, &wanted).await?;
        let next = items.last().filter(|_| more).map(|figure| figure.number);
        Ok(FigureListView { total, items, next })
    }

    /// One figure.
    ///
    /// # Errors
    /// As [`Self::figures`]; `not_found` when there is no figure of this number.
    pub async fn figure(&self, project: &ProjectId, id: &DocumentId, number: u32) -> Result<FigureView, Problem> {
        let (version, place) = self.figure_place(project, id, number).await?;
        let mut found = self.figures_at(id, version, &[(number, &place)]).await?;
        found.pop().ok_or_else(|| changed(id))
    }

    /// Where the picture of a figure is cut out: its page, and there its box with the labels around it.
    ///
    /// # Errors
    /// As [`Self::figure`].
    pub async fn figure_cut(&self, project: &ProjectId, id: &DocumentId, number: u32) -> Result<(u32, Rect), Problem> {
        let (version, place) = self.figure_place(project, id, number).await?;
        let pages = self.store().pages(id, version, place.page..=place.page, false).await?;
        let cut = pages.first().and_then(|page| pagemill_pdf::figure_cut(&page.blocks, place.ordinal as usize));
        cut.map(|cut| (place.page, cut)).ok_or_else(|| changed(id))
    }

    /// A figure cut out of its page (see [`Self::figure_cut`]), drawn as PNG.
    ///
    /// # Errors
    /// As [`Self::page_image`].
    pub async fn figure_image(
        &self,
        project: &ProjectId,
        id: &DocumentId,
        (page, cut): (u32, Rect),
        dpi: f32,
    ) -> Result<Vec<u8>, Problem> {
        self.page_image(project, id, page, Drawing { dpi, marks: Vec::new(), part: Some(cut) }).await
    }

    async fn figure_place(
        &self,
        project: &ProjectId,
        id: &DocumentId,
        number: u32,
    ) -> Result<(u32, FloatPlace), Problem> {
        let (_, version) = self.live(project, id).await?;
        let places = self.store().float_places(id, version, BlockKind::Figure).await?;
        Ok((version, numbered(places, number, "figure", id)?))
    }

    async fn figures_at(
        &self,
        id: &DocumentId,
        version: u32,
        places: &[(u32, &FloatPlace)],
    ) -> Result<Vec<FigureView>, Problem> {
        let (Some((_, first)), Some((_, last))) = (places.first(), places.last()) else { return Ok(Vec::new()) };
        let found = self.store().floats(id, version, BlockKind::Figure, first.page..=last.page).await?;
        let mut found = found.into_iter();
        let figures = places.iter().map(|(number, place)| {
            // Both are in reading order; a version goes at once with all its blocks.
            let figure = found.find(|figure| (figure.page, figure.ordinal) == (place.page, place.ordinal));
            let figure = figure.ok_or_else(|| changed(id))?;
            Ok(FigureView {
                number: *number,
                label: place.float.label.clone(),
                caption: figure.caption,
                page: figure.page,
                bbox: figure.block.bbox,
                decorative: place.float.decorative,
            })
        });
        figures.collect()
    }
}
