//! The `image.*` checks.

use super::{Check, Fix, Measured, Say, When};
use crate::facts::{Facts, Missing};
use crate::measure::plane::{Plane, quantile};
use crate::measure::{artifacts, sharpness, texture};
use crate::photo::Photo;
use crate::profile::Rule;
use crate::units::{Rect, Region, Unit};

/// The family, in report order.
pub static CHECKS: &[Check] = &[SHARPNESS, ARTIFACTS, MONOCHROME, RETOUCHED];

const SHARPNESS: Check = Check {
    id: "image.sharpness",
    title_zh: "清晰度",
    title_en: "Sharpness",
    standard: "对焦准确，层次清晰",
    method: "Width in pixels (contrast over steepest slope) of the strongest 2 % of edges around the eyes, median, in \
             the worse of both directions, at pupils at most 120 px apart; or twice the cell of a mosaic, when steps \
             gather on a regular grid in both directions.",
    blind: "Sharpening halos pass for sharpness; eyes less than 40 px apart are not judged.",
    unit: Unit::Px,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        Say { when: When::Ok, zh: "照片清晰", en: "the photo is sharp", hint_zh: "", hint_en: "" },
        Say {
            when: When::High,
            zh: "照片清晰度不合格：眼部边缘宽 {value}，应不超过 {max}，对焦不准或由小图放大",
            en: "out of focus or enlarged from a smaller picture: edges at the eyes are {value} wide (at most {max})",
            hint_zh: "请对准眼睛对焦后重新拍摄，并上传原图，不要放大或截图",
            hint_en: "focus on the eyes and retake it; upload the original, not an enlargement or a screenshot",
        },
        Say {
            when: When::Case("motion"),
            zh: "照片清晰度不合格：拍摄时抖动，边缘在一个方向上模糊，宽 {value}，应不超过 {max}",
            en: "blurred by motion: edges are {value} wide in one direction (at most {max})",
            hint_zh: "请固定相机、保持不动，在光线充足处重新拍摄",
            hint_en: "keep camera and head still, and retake it in good light",
        },
        Say {
            when: When::Case("mosaic"),
            zh: "照片清晰度不合格：画面呈马赛克状，由 {cell} 像素的方块组成",
            en: "pixelated: the picture is made of squares of {cell} pixels",
            hint_zh: "请上传未经缩小再放大的原图",
            hint_en: "upload the original, which was never made smaller and enlarged again",
        },
    ],
    measure: |facts, rule| {
        let (photo, face) = (facts.photo?, facts.face()?);
        let s = sharpness::sharpness(&photo.rgb, face).ok_or(Missing::OutOfView)?;
        let width = s.edge_width();
        let mut measured = Measured::number(width).detail("cell", s.cell).at(Region::Rect(s.region));
        if breaks(rule, width) {
            if s.cell > 0 {
                measured = measured.case("mosaic");
            } else if s.is_motion() {
                measured = measured.case("motion");
            }
        }
        Ok(measured)
    },
};

const ARTIFACTS: Check = Check {
    id: "image.artifacts",
    title_zh: "压缩痕迹",
    title_en: "Compression artifacts",
    standard: "层次清晰",
    method: "Mean step of the luma across the lines of an 8x8 grid over the mean step elsewhere, at the grid's best \
             phase, over the face (the photo when there is none); geometric mean of both directions, after Wang, Sheikh, \
             Bovik (2002). It sees a heavy compression that a later one hides from the file's tables.",
    blind: "Blocks of a picture that was resized after it was compressed; ringing without blocks.",
    unit: Unit::Ratio,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        Say {
            when: When::Ok, zh: "无明显压缩痕迹", en: "no visible compression blocks", hint_zh: "", hint_en: ""
        },
        Say {
            when: When::High,
            zh: "照片压缩过度，出现块状失真（块效应 {value}，应不超过 {max}）",
            en: "too heavily compressed: 8x8 blocks are visible (blockiness {value}, at most {max})",
            hint_zh: "请使用相机或照相馆提供的原图重新制作，不要使用聊天软件转发的图片",
            hint_en: "start again from the camera's or the studio's original, not from a picture sent through a messenger",
        },
    ],
    measure: |facts, _| {
        let photo = facts.photo?;
        let region = facts.face().map_or_else(|_| middle(photo), crate::face::Face::bounds);
        let plane = Plane::luma(&photo.rgb, region).ok_or(Missing::OutOfView)?;
        let value = artifacts::blocking(&plane).ok_or(Missing::OutOfView)?;
        Ok(Measured::number(value.min(99.0)).at(Region::Rect(region)))
    },
};

/// Longest side, in pixels, of what is looked at for blocks where there is no face: they show in a part as in the whole.
const BLOCKS_SIDE: f64 = 2048.0;

/// The middle of a photo; all of it where it is not large.
fn middle(photo: &Photo) -> Rect {
    let (w, h) = (f64::from(photo.width()), f64::from(photo.height()));
    let (width, height) = (w.min(BLOCKS_SIDE), h.min(BLOCKS_SIDE));
    Rect { x: ((w - width) / 2.0).floor(), y: ((h - height) / 2.0).floor(), width, height }
}

/// Chroma under which a photo has no colour: what JPEG adds to grey stays below.
pub(super) const COLORLESS: f64 = 3.0;

const MONOCHROME: Check = Check {
    id: "image.monochrome",
    title_zh: "彩色照片",
    title_en: "Colour photo",
    standard: "彩色照片，24位真彩色",
    method: "99th percentile of the CIELAB chroma over blocks of 4x4 pixels.",
    blind: "A toned (sepia) photo has chroma; light.cast sees that.",
    unit: Unit::DeltaE,
    fix: Fix::Retake,
    blocked_by: &[],
    says: &[
        Say { when: When::Ok, zh: "是彩色照片", en: "the photo is in colour", hint_zh: "", hint_en: "" },
        Say {
            when: When::Low,
            zh: "照片是黑白的，应为彩色照片",
            en: "the photo is black and white; a colour photo is asked for",
            hint_zh: "请上传彩色照片",
            hint_en: "upload a colour photo",
        },
    ],
    measure: |facts, _| Ok(Measured::number(chroma(facts)?)),
};

/// 99th percentile of the chroma over blocks of 4x4 pixels.
pub(super) fn chroma(facts: &Facts<'_>) -> Result<f64, Missing> {
    let blocks = &facts.scene?.work.blocks;
    if blocks.l.is_empty() {
        return Err(Missing::OutOfView);
    }
    let mut chroma: Vec<f32> = blocks.a.iter().zip(&blocks.b).map(|(a, b)| (a * a + b * b).sqrt()).collect();
    Ok(f64::from(quantile(&mut chroma, 0.99)))
}

/// Whether `value` lies outside of what passes.
fn breaks(rule: &Rule, value: f64) -> bool {
    !rule.fail.contains(value) || !rule.warn.contains(value)
}

const RETOUCHED: Check = Check {
    id: "image.retouched",
    title_zh: "磨皮美颜",
    title_en: "Smoothed skin",
    standard: "不得…技术处理",
    method: "Mean deviation of the luma (0 to 255) of bare skin from the 5x5 pixels around, median over patches, at a face \
             230 px wide: the fine texture that smoothing takes away. It is judged only where the photo is sharp, well \
             exposed and not over-compressed.",
    blind: "Light smoothing, smoothing followed by added grain, slimming and enlarged eyes; make-up and very soft light \
            smooth the skin too. It warns at most.",
    unit: Unit::Ratio,
    fix: Fix::Retake,
    blocked_by: &["light.exposure", "image.sharpness", "image.artifacts"],
    says: &[
        Say {
            when: When::Ok, zh: "皮肤纹理自然", en: "the skin has its natural texture", hint_zh: "", hint_en: ""
        },
        Say {
            when: When::Low,
            zh: "疑似磨皮或美颜：面部皮肤缺少纹理（纹理 {value}，宜不低于 {min}）",
            en: "the skin may have been smoothed: it lacks texture ({value}, at least {min})",
            hint_zh: "请关闭相机的美颜功能重新拍摄，并使用未经修饰的原图",
            hint_en: "switch off the camera's beauty filter, retake it, and use the original without retouching",
        },
    ],
    measure: |facts, _| {
        let (photo, face) = (facts.photo?, facts.face()?);
        let texture = texture::of_skin(&photo.rgb, face).ok_or(Missing::OutOfView)?;
        Ok(Measured::number(texture).at(Region::Rect(face.bounds())))
    },
};

#[cfg(test)]
mod tests {
    use image::{GrayImage, Rgb, RgbImage, imageops};

    use super::*;
    use crate::check::drawn::{measure, tells};
    use crate::measure::fake;

    fn portrait() -> RgbImage {
        fake::portrait(|_, _| Rgb([60, 20, 30]))
    }

    /// The portrait in cells of one colour.
    fn mosaic(cell: u32) -> RgbImage {
        let rgb = portrait();
        RgbImage::from_fn(480, 640, |x, y| *rgb.get_pixel(x / cell * cell, y / cell * cell))
    }

    #[test]
    fn a_blurred_photo_is_told_from_a_sharp_one() {
        tells(&SHARPNESS, &imageops::blur(&portrait(), 0.7), &imageops::blur(&portrait(), 4.0));
        let squares = measure(&SHARPNESS, &mosaic(6)).expect("the eyes are in view");
        assert_eq!(squares.case, Some("mosaic"));
    }

    #[test]
    fn blocks_of_eight_are_artifacts() {
        tells(&ARTIFACTS, &imageops::blur(&portrait(), 0.7), &mosaic(8));
    }

    #[test]
    fn grey_is_told_from_colour() {
        let grey: GrayImage = imageops::grayscale(&portrait());
        let grey = RgbImage::from_fn(480, 640, |x, y| Rgb([grey.get_pixel(x, y).0[0]; 3]));
        tells(&MONOCHROME, &portrait(), &grey);
    }

    #[test]
    fn smoothed_skin_is_told_from_skin() {
        tells(&RETOUCHED, &portrait(), &imageops::blur(&portrait(), 2.0));
    }
}
