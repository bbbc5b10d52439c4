//! What a glyph draws, where its code does not tell: signs of mathematics that fonts hold under letters, and roots that
//! hang below their baseline.

use hayro_interpret::kurbo::{BezPath, PathEl, Point, Rect, Shape as _};

/// Points this close together, in thousandths of an em, are one.
const SAME: f64 = 12.0;
/// Height of the bar of a minus over the baseline, in thousandths of an em.
const AXIS: f64 = 250.0;

/// Whether what a character says is worth a look at what it draws: some typesetting systems keep `=` and `+` under the
/// codes of `¼` and `þ`.
pub(super) fn is_doubtful(character: char) -> bool {
    matches!(character, '\u{bc}'..='\u{be}' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{ff}')
}

/// The sign an outline of straight lines draws. No letter is drawn as any of these.
pub(super) fn sign(outline: &BezPath) -> Option<char> {
    let mut polygons: Vec<Vec<Point>> = Vec::new();
    for element in outline.elements() {
        match element {
            PathEl::MoveTo(point) => polygons.push(vec![*point]),
            PathEl::LineTo(point) => polygons.last_mut()?.push(*point),
            PathEl::ClosePath => {}
            PathEl::QuadTo(..) | PathEl::CurveTo(..) => return None,
        }
    }
    for polygon in &mut polygons {
        polygon.dedup_by(|a, b| is_near(*a, *b));
        if polygon.len() > 1 && is_near(polygon[0], polygon[polygon.len() - 1]) {
            polygon.pop();
        }
    }
    polygons.retain(|polygon| polygon.len() > 2);
    match polygons.as_slice() {
        [one] if is_plus(one) => Some('+'),
        [one] => bar(one).map(|_| '−'),
        [one, other] => {
            let (a, b) = (bar(one)?, bar(other)?);
            let level = (a.x0 - b.x0).abs() < SAME && (a.x1 - b.x1).abs() < SAME;
            let apart = a.y0 > b.y1 || b.y0 > a.y1;
            (level && apart).then_some('=')
        }
        _ => None,
    }
}

/// How far below the baseline of its glyph the line stands that a root is of, in ems; 0 where it stands on it.
pub(super) fn drop_of_root(outline: &BezPath) -> f32 {
    let bbox = outline.bounding_box();
    let hangs = bbox.y1 < 350.0 && bbox.y0 < -400.0;
    if hangs { ((AXIS - bbox.center().y) / 1000.0) as f32 } else { 0.0 }
}

fn is_near(a: Point, b: Point) -> bool {
    (a.x - b.x).abs() < SAME && (a.y - b.y).abs() < SAME
}

fn bbox(polygon: &[Point]) -> Option<Rect> {
    let (first, rest) = polygon.split_first()?;
    Some(rest.iter().fold(Rect::from_points(*first, *first), |bbox, point| bbox.union_pt(*point)))
}

/// The box of an upright rectangle that is much wider than high.
fn bar(polygon: &[Point]) -> Option<Rect> {
    let bbox = bbox(polygon)?;
    let is_corner = |point: &Point| {
        (point.x - bbox.x0).abs().min((point.x - bbox.x1).abs()) < 1.0
            && (point.y - bbox.y0).abs().min((point.y - bbox.y1).abs()) < 1.0
    };
    let wide = bbox.width() > 3.0 * bbox.height() && bbox.width() > 200.0;
    (polygon.len() == 4 && wide && polygon.iter().all(is_corner)).then_some(bbox)
}

/// Whether twelve corners make a cross with upright arms as long as each other.
fn is_plus(polygon: &[Point]) -> bool {
    let Some(bbox) = bbox(polygon) else { return false };
    let next = polygon.iter().cycle().skip(1);
    let upright = polygon.iter().zip(next).all(|(a, b)| (a.x - b.x).abs() < 1.0 || (a.y - b.y).abs() < 1.0);
    let square = (bbox.width() - bbox.height()).abs() < 0.1 * bbox.width();
    // Two corners stand on each side, near its middle.
    let center = bbox.center();
    let on_side = |point: &Point| {
        let (x, y) = ((point.x - center.x).abs(), (point.y - center.y).abs());
        let (inner, outer) = if x < y { (x, y) } else { (y, x) };
        outer > 0.45 * bbox.width() && inner < 0.2 * bbox.width()
    };
    polygon.len() == 12 && upright && square && polygon.iter().filter(|point| on_side(point)).count() == 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(parts: &[&[(f64, f64)]]) -> BezPath {
        let mut path = BezPath::new();
        for part in parts {
            for (at, point) in part.iter().enumerate() {
                if at == 0 { path.move_to(*point) } else { path.line_to(*point) }
            }
            path.close_path();
        }
        path
    }

    const LOWER: [(f64, f64); 4] = [(50.0, 100.0), (550.0, 100.0), (550.0, 160.0), (50.0, 160.0)];
    const UPPER: [(f64, f64); 4] = [(50.0, 300.0), (550.0, 300.0), (550.0, 360.0), (50.0, 360.0)];

    #[test]
    fn bars_and_crosses_are_signs() {
        let plus = [
            (270.0, 0.0),
            (330.0, 0.0),
            (330.0, 220.0),
            (550.0, 220.0),
            (550.0, 280.0),
            (330.0, 280.0),
            (330.0, 500.0),
            (270.0, 500.0),
            (270.0, 280.0),
            (50.0, 280.0),
            (50.0, 220.0),
            (270.0, 220.0),
        ];
        assert_eq!(sign(&path(&[&LOWER, &UPPER])), Some('='));
        assert_eq!(sign(&path(&[&UPPER])), Some('−'));
        assert_eq!(sign(&path(&[&plus])), Some('+'));
    }

    #[test]
    fn letters_are_no_signs() {
        let stem = [(100.0, 0.0), (160.0, 0.0), (160.0, 600.0), (100.0, 600.0)];
        let ell = [(0.0, 0.0), (400.0, 0.0), (400.0, 60.0), (60.0, 60.0), (60.0, 700.0), (0.0, 700.0)];
        let mut round = path(&[&LOWER]);
        round.move_to((0.0, 300.0));
        round.curve_to((100.0, 400.0), (200.0, 400.0), (300.0, 300.0));
        for outline in [path(&[&stem]), path(&[&ell]), path(&[&LOWER, &stem]), path(&[]), round] {
            assert_eq!(sign(&outline), None, "{outline:?}");
        }
    }

    #[test]
    fn a_root_that_hangs_below_its_baseline_is_of_a_line_further_down() {
        let root = |top: f64, bottom: f64| path(&[&[(0.0, bottom), (800.0, top), (700.0, top)]]);
        assert!((drop_of_root(&root(40.0, -960.0)) - 0.71).abs() < 0.001);
        assert!(drop_of_root(&root(800.0, -100.0)).abs() < 0.001);
    }
}
