//! The `frame.*` checks.

use super::{Check, Fix, Measured, Say, When};
use crate::face::Face;
use crate::measure::border::{Border, borders};
use crate::measure::text::{Head, longest_line};
use crate::units::{Point, Region, Unit};

/// The family, in report order.
pub static CHECKS: &[Check] = &[BORDER, TEXT];

const BORDER: Check = Check {
    id: "frame.border",
    title_zh: "边框",
    title_en: "Border",
    standard: "不得添加边框",
    method: "Lines of one colour along an edge, from the edge inwards, that end in a step at one depth over at least 60 % \
             of the edge; the widest strip of the four edges. Up to 12 % of the side.",
    blind: "A border of exactly the background's colour; a frame of ornaments.",
    unit: Unit::Px,
    fix: Fix::Auto,
    blocked_by: &[],
    says: &[
        Say { when: When::Ok, zh: "没有边框", en: "there is no border", hint_zh: "", hint_en: "" },
        Say {
            when: When::High,
            zh: "照片带有边框：{sides_zh}，宽 {value}",
            en: "the photo has a border: {sides}, {value} wide",
            hint_zh: "请裁去边框或使用没有边框的原图",
            hint_en: "crop the border away or use the original without it",
        },
    ],
    measure: |facts, _| {
        let found = match facts.scene {
            Ok(scene) => scene.borders,
            Err(_) => borders(&facts.photo?.rgb),
        };
        let named = |names: [&str; 4], between: &str| {
            let present: Vec<&str> = found.iter().zip(names).filter_map(|(b, name)| b.map(|_| name)).collect();
            present.join(between)
        };
        let widest: Option<Border> = found.iter().flatten().copied().max_by_key(|border| border.width);
        let measured = Measured::number(widest.map_or(0.0, |border| f64::from(border.width)))
            .detail("sides_zh", named(["左边", "上边", "右边", "下边"], "、"))
            .detail("sides", named(["left", "top", "right", "bottom"], ", "));
        Ok(match widest {
            Some(border) => measured.at(Region::Rect(border.region)),
            None => measured,
        })
    },
};

const TEXT: Check = Check {
    id: "frame.text",
    title_zh: "文字、水印",
    title_en: "Text or watermark",
    standard: "不得添加文字、图案",
    method: "Strokes (pixels unlike both sides while these are alike) outside of the head, on background and clothes; \
             marks of about one height side by side make a line; the number of marks in the longest line.",
    blind: "Writing across the face or hair, larger than a tenth of the photo, or fainter than 8 % of full contrast; \
            print on clothes counts as writing.",
    unit: Unit::Count,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        Say { when: When::Ok, zh: "没有文字、水印", en: "there is no writing", hint_zh: "", hint_en: "" },
        Say {
            when: When::High,
            zh: "照片上有文字、日期或水印（一行约 {value} 个字符）",
            en: "there is writing, a date or a watermark on the photo (a line of about {value} characters)",
            hint_zh: "请使用没有文字、日期和水印的原图；衣服上的文字请更换服装",
            hint_en: "use the original without writing, date or watermark; wear clothes without print",
        },
    ],
    measure: |facts, _| {
        let photo = facts.photo?;
        let (rgb, scale) = match facts.scene {
            Ok(scene) => (&scene.work.rgb, scene.work.scale),
            Err(_) => (&photo.rgb, 1.0),
        };
        let line = longest_line(rgb, scale, facts.face().ok().map(head));
        let measured = Measured::number(line.map_or(0.0, |line| line.characters as f64));
        Ok(match line {
            Some(line) => measured.at(Region::Rect(line.region)),
            None => measured,
        })
    },
};

/// Where hair may be: an ellipse about the eyes, wide enough for hair that stands off.
fn head(face: &Face) -> Head {
    let center: Point = face.eye_midpoint();
    Head { center, half_width: 0.95 * face.width(), half_height: 1.35 * face.eye_to_chin() }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::check::drawn::{measure, tells};
    use crate::measure::fake;

    fn portrait() -> RgbImage {
        fake::portrait(|_, _| Rgb([60, 20, 30]))
    }

    #[test]
    fn a_border_is_told_with_its_sides() {
        let mut framed = portrait();
        for y in 0..640 {
            (0..9).for_each(|x| framed.put_pixel(x, y, Rgb([0; 3])));
        }
        tells(&BORDER, &portrait(), &framed);
        let measured = measure(&BORDER, &framed).expect("always measured");
        assert!(measured.details.contains(&("sides", "left".to_owned())), "{measured:?}");
    }

    #[test]
    fn a_line_of_marks_is_told() {
        let mut dated = portrait();
        for mark in 0..8 {
            let left = 40 + mark * 16;
            for y in 40..56 {
                // Two uprights and a bar: an H.
                for x in (left..left + 2).chain(left + 7..left + 9) {
                    dated.put_pixel(x, y, Rgb([200, 30, 30]));
                }
            }
            (left..left + 9).for_each(|x| dated.put_pixel(x, 48, Rgb([200, 30, 30])));
        }
        tells(&TEXT, &portrait(), &dated);
    }
}
