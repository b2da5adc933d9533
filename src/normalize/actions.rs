//! What was done to a photo, in words: what, by how much, and what for.

use super::plan::Plan;
use crate::profile::NamedColor;
use crate::report::Action;
use crate::units::{Text, Unit};

fn action(id: &str, zh: impl Into<String>, en: impl Into<String>) -> Action {
    Action { id: id.to_owned(), text: Text::new(zh, en) }
}

/// The EXIF orientation was applied.
pub(super) fn orient() -> Action {
    action("orient", "按EXIF方向信息摆正", "turned upright as the file's EXIF orientation says")
}

/// The colours were converted.
pub(super) fn to_srgb() -> Action {
    action("to-srgb", "色彩转换为sRGB", "colours converted to sRGB")
}

/// Turn, crop, scale and padding.
pub(super) fn of_plan(plan: &Plan, (width, height): (u32, u32)) -> Vec<Action> {
    let mut actions = Vec::new();
    if plan.turn != 0.0 {
        let degrees = Unit::Degrees.format(plan.turn.to_degrees().abs());
        actions.push(action(
            "rotate",
            format!("旋转{degrees}°，使双眼水平"),
            format!("turned by {degrees}° to level the eyes"),
        ));
    }
    let (w, h) = (f64::from(plan.canvas.width) / plan.scale, f64::from(plan.canvas.height) / plan.scale);
    let (x, y) = (-plan.offset.x / plan.scale, -plan.offset.y / plan.scale);
    actions.push(action(
        "crop",
        format!("从{width}×{height}中裁剪{w:.0}×{h:.0}（左上角{x:.0}, {y:.0}），使头顶、双眼、脸宽和居中符合要求"),
        format!("{w:.0}x{h:.0} cropped from {width}x{height} at {x:.0}, {y:.0}, for the top of the hair, the eyes, the face's width and the centring"),
    ));
    let percent = plan.scale * 100.0;
    let (id, zh, en) =
        if plan.scale > 1.0 { ("enlarge", "放大", "enlarged") } else { ("reduce", "缩小", "reduced") };
    if (plan.scale - 1.0).abs() > 1e-6 {
        let (cw, ch) = (plan.canvas.width, plan.canvas.height);
        actions.push(action(
            id,
            format!("{zh}至{percent:.0}%，成为{cw}×{ch}像素"),
            format!("{en} to {percent:.0} %, to {cw}x{ch} pixels"),
        ));
    }
    let sides = [("左", "left"), ("上", "top"), ("右", "right")];
    let added: Vec<_> = sides.iter().zip(plan.padding).filter(|(_, px)| *px > 0.0).collect();
    if !added.is_empty() {
        let zh: Vec<String> = added.iter().map(|((zh, _), px)| format!("{zh}{px:.0}像素")).collect();
        let en: Vec<String> = added.iter().map(|((_, en), px)| format!("{px:.0} px at the {en}")).collect();
        actions.push(action(
            "pad",
            format!("按照片自身背景扩展：{}", zh.join("，")),
            format!("the photo's own background carried on: {}", en.join(", ")),
        ));
    }
    actions
}

/// The whole picture was made smaller, where it was.
pub(super) fn reduce((width, height): (u32, u32), (w, h): (u32, u32)) -> Option<Action> {
    let percent = 100.0 * f64::from(w) / f64::from(width.max(1));
    let reduced = action(
        "reduce",
        format!("由{width}×{height}缩小至{percent:.0}%，成为{w}×{h}像素，画面未裁剪"),
        format!("reduced from {width}x{height} to {percent:.0} %, to {w}x{h} pixels, without cropping"),
    );
    ((width, height) != (w, h)).then_some(reduced)
}

/// The background was replaced.
pub(super) fn background(color: &NamedColor) -> Action {
    let [r, g, b] = color.rgb;
    action(
        "background",
        format!("背景更换为{}<{r},{g},{b}>", color.zh),
        format!("background replaced by {} <{r},{g},{b}>", color.name),
    )
}

/// The file was coded.
pub(super) fn encode(quality: u8, full_color: bool, bytes: usize) -> Action {
    let sampling = if full_color { "4:4:4" } else { "4:2:0" };
    let kib = Unit::Kib.format(bytes as f64 / 1024.0);
    action(
        "encode",
        format!("以品质{quality}（{sampling}）编码为JPEG，{kib} KB，为字节数范围内的最高品质"),
        format!("coded as JPEG at quality {quality} ({sampling}), {kib} KB: the highest that fits the limit on bytes"),
    )
}

/// Density set, metadata gone.
pub(super) fn label(dpi: u16) -> Action {
    action("label", format!("分辨率标为{dpi} dpi，去除元数据"), format!("density set to {dpi} dpi, metadata removed"))
}
