//! From a raw photo to a compliant file, as far as the standard allows: plan, render, fit, and check again.
//!
//! Allowed without asking: the EXIF orientation, crop, one uniform scale, background carried on beyond the edges, sRGB,
//! density, and the JPEG coding. Turning the picture and replacing the background happen only where the profile or the
//! caller allows them. The picture is never mirrored, stretched, sharpened, smoothed or filled with bytes.

mod actions;
mod alpha;
mod backdrop;
mod cells;
mod distance;
pub(crate) mod document;
mod error;
mod fit;
mod flaws;
mod frame;
mod gaps;
mod jpeg;
mod label;
mod light;
mod matte;
mod plan;
mod render;
mod size;
mod solve;
mod subject;

use std::convert::Infallible;
use std::ops::RangeInclusive;
use std::str::FromStr;

use image::RgbImage;

pub use error::{Flaw, NormalizeError, Shortfall};
pub(crate) use light::encoded;
pub use plan::Plan;

use crate::check::{self, Fix, Status};
use crate::engine::Input;
use crate::face::Face;
use crate::face::net::{NetError, Nets};
use crate::facts::Facts;
use crate::judge;
use crate::measure::clothes;
use crate::photo::{FileFacts, Format, Photo};
use crate::profile::{Band, NamedColor, Operation, Permission, Profile};
use crate::report::{Action, Report};
use crate::scene::lab::Lab;
use crate::scene::{MaskSource, Scene, WORK_SIDE, mask};
use backdrop::Backdrop;
#[cfg(feature = "cli")]
pub(crate) use fit::full_color;
use fit::{Demand, Fitted};
use light::linear_color;
use matte::Head;
use subject::Subject;

/// What happens to the background.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Background {
    /// It stays, unless it breaks a rule and the profile allows replacing it without being asked.
    #[default]
    Keep,
    /// It is replaced only when it breaks a rule of the profile, by the accepted colour nearest to it that the clothes stand
    /// out from.
    Auto,
    /// It becomes the profile's colour of this name (`light-blue`, `white`, ...).
    Color(String),
}

impl FromStr for Background {
    type Err = Infallible;

    /// `keep`, `auto`, or a colour's name; `blue` and `grey` are short for `light-blue` and `light-grey`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "keep" => Self::Keep,
            "auto" => Self::Auto,
            "blue" => Self::Color("light-blue".to_owned()),
            "grey" | "gray" => Self::Color("light-grey".to_owned()),
            other => Self::Color(other.to_owned()),
        })
    }
}

/// How to normalize.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// What happens to the background.
    pub background: Background,
    /// Whether the caller allows turning the picture to level the eyes.
    pub rotate: bool,
}

/// A normalized photo.
#[derive(Debug, Clone)]
pub struct Normalized {
    /// The file.
    pub jpeg: Vec<u8>,
    /// The report of exactly these bytes, with `actions`. What no software mends (closed eyes, blur) still fails in it:
    /// look at its verdict before the file is used.
    pub report: Report,
    /// Whether nothing was left to mend, and `jpeg` is the input unchanged.
    pub already_compliant: bool,
    /// Where the frame was laid on the picture; `None` when the pixels are those of the input.
    pub plan: Option<Plan>,
    /// SHA-256 of the input, hexadecimal; the report has that of the result.
    pub source_sha256: String,
}

impl Normalized {
    /// Ids of the checks that still fail: what needs another photo.
    pub fn still_failing(&self) -> impl Iterator<Item = &str> {
        self.report.failing().map(|check| check.id.as_str())
    }
}

/// A file made by [`Source::made`], and what was done for it.
pub(crate) struct Made {
    pub jpeg: Vec<u8>,
    pub actions: Vec<Action>,
    pub plan: Option<Plan>,
    /// Whether the background was replaced.
    new_background: bool,
}

impl Made {
    /// Refuses a replaced background that does not pass its own checks: remains of the old one, a torn outline.
    ///
    /// # Errors
    /// [`NormalizeError::Cutout`].
    pub(crate) fn accepts(&self, report: &Report) -> Result<(), NormalizeError> {
        let faulty = |id: &&str| report.check(id).is_some_and(|check| check.status != Status::Pass);
        match BACKGROUND.into_iter().filter(|_| self.new_background).find(faulty) {
            Some(check) => Err(NormalizeError::Cutout(Flaw::Leftover(check))),
            None => Ok(()),
        }
    }
}

/// A photo that is to be normalized, with what was found on it.
pub(crate) struct Source<'a> {
    pub input: Input<'a>,
    pub file: &'a FileFacts,
    pub photo: &'a Photo,
    /// Pixels of the file per pixel of `photo`: more than 1 where it was decoded smaller.
    pub reduction: u32,
    pub face: &'a Face,
    pub scene: &'a Scene,
    pub nets: &'a Nets,
}

/// Bytes that normalizing takes a pixel beside a large decoded photo, on the safe side: some rows of it in linear
/// light, or means over squares of its pixels where it is turned.
pub(crate) const COPY: u64 = 6;

/// Whether the photo gets another size, judging by the file alone.
pub(crate) fn changes_size(facts: &Facts<'_>, profile: &Profile) -> bool {
    status(facts, profile, "file.dimensions") == Status::Fail
}

/// Pixels of the picture, per pixel of the result and side, from which more bring nothing to the result: finer detail than the
/// result shows. 1 would be enough, because a JPEG decoded at a part of its size keeps all detail that so many pixels can show.
const ENOUGH: f64 = 1.05;

/// Width and height of a photo in which a person of the usual size has [`ENOUGH`] pixels: the frame is cut out of a photo that
/// shows a little more. Never fewer than the working copy has, however small the result: positions are then measured on as
/// many pixels as those of the whole photo would be.
pub(crate) fn enough_pixels(profile: &Profile) -> (f64, f64) {
    const AROUND: f64 = 1.15;
    let (width, height) = (f64::from(profile.canvas.width), f64::from(profile.canvas.height));
    let scale = (ENOUGH * AROUND).max(f64::from(WORK_SIDE) / width.max(height));
    (scale * width, scale * height)
}

/// What there is to mend on a photo.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Task {
    /// Nothing that this may mend.
    Nothing,
    /// Only the header: density and metadata.
    Label,
    /// Pixels; with a new background when there is one.
    Remake(Option<NamedColor>),
}

impl Task {
    /// What the profile and the caller ask for on the photo of `facts`. Only checks that this may mend are measured.
    ///
    /// # Errors
    /// [`NormalizeError::Forbidden`] or [`NormalizeError::UnknownColor`].
    pub(crate) fn of(facts: &Facts<'_>, profile: &Profile, options: &Options) -> Result<Self, NormalizeError> {
        let background = new_background(facts, profile, options)?;
        if options.rotate && profile.permission(Operation::Rotate) == Permission::Forbid {
            return Err(forbidden(Operation::Rotate, profile));
        }
        let fails = |id: &&str| status(facts, profile, id) == Status::Fail;
        let auto = || check::all().filter(|check| check.fix == Fix::Auto).map(|check| check.id);
        let file: Vec<&str> = auto().filter(|id| id.starts_with("file.")).filter(fails).collect();
        let remake = background.is_some()
            || file.iter().any(|id| *id != "file.density")
            || auto().filter(|id| !id.starts_with("file.")).any(|id| fails(&id))
            || (may_turn(profile, options) && status(facts, profile, "face.roll") >= Status::Warn);
        Ok(match (remake, file.is_empty()) {
            (true, _) => Self::Remake(background),
            (false, false) => Self::Label,
            (false, true) => Self::Nothing,
        })
    }
}

fn forbidden(what: Operation, profile: &Profile) -> NormalizeError {
    NormalizeError::Forbidden { what, profile: profile.id.clone() }
}

/// Whether the picture may be turned.
fn may_turn(profile: &Profile, options: &Options) -> bool {
    match profile.permission(Operation::Rotate) {
        Permission::Allow => true,
        Permission::Ask => options.rotate,
        Permission::Forbid => false,
    }
}

/// The status of one check, passing when the profile does not ask for it.
fn status(facts: &Facts<'_>, profile: &Profile, id: &str) -> Status {
    judge::one(facts, profile, id).map_or(Status::Pass, |result| result.status)
}

const BACKGROUND: [&str; 4] = ["background.color", "background.gradient", "background.shadow", "background.object"];

/// The colour that the background is to be replaced by, `None` when it stays.
fn new_background(
    facts: &Facts<'_>,
    profile: &Profile,
    options: &Options,
) -> Result<Option<NamedColor>, NormalizeError> {
    let permission = profile.permission(Operation::Background);
    let colors = profile.rule("background.color").map_or(&[][..], |rule| &rule.colors);
    let faulty = || BACKGROUND.iter().any(|id| status(facts, profile, id) > Status::Pass);
    let wanted = match &options.background {
        Background::Keep if permission == Permission::Allow => None,
        Background::Keep => return Ok(None),
        Background::Color(_) | Background::Auto if permission == Permission::Forbid => {
            return Err(forbidden(Operation::Background, profile));
        }
        Background::Auto => None,
        Background::Color(name) => {
            let known = || colors.iter().map(|color| color.name.clone()).collect();
            Some(colors.iter().find(|color| color.name == *name).ok_or_else(|| NormalizeError::UnknownColor {
                name: name.clone(),
                known: known(),
                profile: profile.id.clone(),
            })?)
        }
    };
    let now = facts.scene.ok().and_then(|scene| scene.background.as_ref().ok()).map(|background| background.median);
    let from = |color: &NamedColor| now.map_or(f64::MAX, |now| now.ciede2000(Lab::from_srgb(color.rgb)));
    let nearest = colors.iter().min_by(|a, b| from(a).total_cmp(&from(b)));
    Ok(match wanted {
        Some(color) if nearest == Some(color) && !faulty() => None,
        Some(color) => Some(color.clone()),
        None if colors.is_empty() || !faulty() => None,
        None => best_color(facts, profile, colors, from).cloned(),
    })
}

/// Of the colours that the clothes stand out from, the one nearest to the present background; else the one they stand out
/// from most.
fn best_color<'a>(
    facts: &Facts<'_>,
    profile: &Profile,
    colors: &'a [NamedColor],
    from: impl Fn(&NamedColor) -> f64,
) -> Option<&'a NamedColor> {
    let contrast = |color: &NamedColor| {
        let (scene, face) = (facts.scene.ok()?, facts.face().ok()?);
        clothes::contrast(&scene.work, Lab::from_srgb(color.rgb), face).ok()
    };
    let needed = profile.rule("clothes.contrast").and_then(|rule| rule.warn.min.or(rule.fail.min)).unwrap_or(0.0);
    let stands_out = colors.iter().filter(|color| contrast(color).is_none_or(|contrast| contrast >= needed));
    stands_out.min_by(|a, b| from(a).total_cmp(&from(b))).or_else(|| {
        let of = |color: &NamedColor| contrast(color).unwrap_or(0.0);
        colors.iter().max_by(|a, b| of(a).total_cmp(&of(b)))
    })
}

/// Why no file was made of a photo as it was decoded.
#[derive(Debug)]
pub(crate) enum Unmade {
    /// It was decoded smaller than the plan needs: by this factor.
    Coarse {
        finer: f64,
    },
    Refused(NormalizeError),
}

impl From<NormalizeError> for Unmade {
    fn from(error: NormalizeError) -> Self {
        Self::Refused(error)
    }
}

impl From<NetError> for Unmade {
    fn from(error: NetError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Unmade> for NormalizeError {
    fn from(unmade: Unmade) -> Self {
        match unmade {
            Unmade::Coarse { finer } => {
                Self::Internal(format!("{finer:.2} times as many pixels are needed as there are"))
            }
            Unmade::Refused(error) => error,
        }
    }
}

impl Source<'_> {
    /// The same picture under a new header, when that is all there is to mend and the file stays inside the band of bytes.
    pub(crate) fn labelled(&self, profile: &Profile) -> Option<Made> {
        let demand = demand(profile, self.file);
        // Colours that are not sRGB, or a stored orientation, need new pixels.
        let container = &self.file.container;
        let plain = container.icc.is_none() && container.exif.orientation.is_none_or(|tag| tag == 1);
        if container.format != Format::Jpeg || !plain {
            return None;
        }
        let jpeg = label::relabelled(self.input.bytes, demand.dpi)?;
        let fits = demand.bytes.contains(&(jpeg.len() as u64));
        fits.then(|| Made { jpeg, actions: vec![actions::label(demand.dpi)], plan: None, new_background: false })
    }

    /// Plans, renders and fits.
    ///
    /// # Errors
    /// When no plan keeps the profile's limits, the person cannot be cut out well, no allowed quality fits, or the photo was
    /// decoded smaller than the plan needs.
    pub(crate) fn remade(
        &self,
        profile: &Profile,
        options: &Options,
        background: Option<&NamedColor>,
    ) -> Result<Made, Unmade> {
        let subject = self.subject(profile, options)?;
        let plan = Plan::make(&subject, profile, background.is_some(), self.reduction)?;
        let finer = plan.scale * ENOUGH;
        if self.reduction > 1 && finer > 1.0 {
            return Err(Unmade::Coarse { finer });
        }
        let rgb = self.drawn(&subject, &plan, background)?;
        // From here on in pixels of the file.
        let plan = Plan { scale: plan.scale / f64::from(self.reduction), ..plan };
        let demand = demand(profile, self.file);
        let fitted = fit::fit(&rgb, &demand)?;
        let actions = self.actions(&plan, background, &fitted, &demand);
        Ok(Made { jpeg: fitted.jpeg, actions, plan: Some(plan), new_background: background.is_some() })
    }

    /// Levelled where that is allowed and needed.
    fn subject(&self, profile: &Profile, options: &Options) -> Result<Subject<'_>, NormalizeError> {
        let limits = profile.rule("face.roll").map(|rule| if rule.warn.is_open() { rule.fail } else { rule.warn });
        let tilted = limits.is_some_and(|band| !band.contains(self.face.pose.roll));
        if tilted && may_turn(profile, options) {
            let levelled = Subject::levelled(self.photo, self.face, self.scene, self.nets)?;
            return levelled.ok_or(NormalizeError::NoFace);
        }
        Ok(Subject::of(self.photo, self.face, self.scene))
    }

    /// Renders the plan, adds background where the picture ends, and replaces it where that is asked for.
    fn drawn(
        &self,
        subject: &Subject<'_>,
        plan: &Plan,
        background: Option<&NamedColor>,
    ) -> Result<RgbImage, NormalizeError> {
        let mut frame = render::render(&self.photo.rgb, subject, plan, background.is_some())?;
        if background.is_none() && frame.is_full() {
            return Ok(frame.into_rgb());
        }
        let head = Head::of(subject, plan);
        let mut person = matte::in_frame(&subject.scene.person, subject, plan, &frame);
        matte::keep_connected(&mut person, &frame, head);
        let by_color = background.is_some() && subject.scene.source == MaskSource::Color;
        let leaks = by_color && matte::leaks(&person, &frame, head);
        // What looks like the background is told by its shape: light clothes before a light one, dark hair before a dark one.
        let net = if leaks || (by_color && subject.is_dark()) {
            let net = mask::person_by_net(&subject.scene.work, Some(subject.face()), self.nets.segmenter.as_ref())?;
            Some(matte::in_frame(&net.person, subject, plan, &frame))
        } else {
            None
        };
        if let Some(net) = net.as_ref().filter(|_| leaks) {
            matte::mend_clothes(&mut person, net, &frame, head);
        }
        let known = matte::background(&person, &frame, CLEARANCE * head.face_width);
        let backdrop = Backdrop::of(&frame, &known).ok_or(NormalizeError::Cutout(Flaw::NoBackground))?;
        match background {
            Some(color) => {
                let alpha = matte::matte(&frame, person, &backdrop, head, subject.scene.source)
                    .and_then(|alpha| match &net {
                        Some(net) => flaws::agrees(&alpha, net, &frame, head).map(|()| alpha),
                        None => Ok(alpha),
                    })
                    .map_err(NormalizeError::Cutout)?;
                alpha::replace(&mut frame, &alpha, &backdrop, linear_color(color.rgb));
            }
            None => backdrop.fill(&mut frame, &known),
        }
        Ok(frame.into_rgb())
    }

    fn actions(&self, plan: &Plan, background: Option<&NamedColor>, fitted: &Fitted, demand: &Demand) -> Vec<Action> {
        let container = &self.file.container;
        let size = container.upright_size().unwrap_or((self.photo.width(), self.photo.height()));
        let mut actions = Vec::new();
        actions.extend(container.exif.orientation.filter(|&tag| tag > 1).map(|_| actions::orient()));
        actions.extend(container.icc.is_some().then(actions::to_srgb));
        actions.extend(actions::of_plan(plan, size));
        actions.extend(background.map(actions::background));
        actions.push(actions::encode(fitted.quality, fitted.full_color, fitted.jpeg.len()));
        actions.push(actions::label(demand.dpi));
        actions
    }
}

/// The JPEG file of a picture at the highest of the allowed qualities that fits the band of bytes, and that quality.
///
/// # Errors
/// [`NormalizeError::Bytes`] when none fits.
pub(crate) fn fitted_jpeg(
    rgb: &RgbImage,
    bytes: RangeInclusive<u64>,
    quality: RangeInclusive<u8>,
    dpi: u16,
) -> Result<(Vec<u8>, u8), NormalizeError> {
    fit::fit(rgb, &Demand { bytes, quality, dpi }).map(|fitted| (fitted.jpeg, fitted.quality))
}

/// Clearance, in face widths, between the person's outline and what is taken for pure background.
const CLEARANCE: f32 = 0.03;

/// The usual density of photos for print, in dots per inch.
const PRINT_DENSITY: f64 = 300.0;

/// Quality beyond which a file without a limit on its bytes only grows.
const HIGH_QUALITY: f64 = 95.0;

/// The demands a profile makes on the file.
fn demand(profile: &Profile, file: &FileFacts) -> Demand {
    let both = |id: &str| {
        let rule = profile.rule(id);
        let pick = |of: fn(&crate::profile::Rule) -> [Option<f64>; 2]| rule.map_or([None; 2], of);
        let [min, warn_min] = pick(|rule| [rule.fail.min, rule.warn.min]);
        let [max, warn_max] = pick(|rule| [rule.fail.max, rule.warn.max]);
        (warn_min.or(min), warn_max.or(max))
    };
    let (least, most) = both("file.bytes");
    let kib = |v: f64| v * 1024.0;
    // A file of exactly the limit is inside; rounding must not carry it out.
    let bytes = least.map_or(0, |v| kib(v).ceil() as u64)..=most.map_or(u64::MAX, |v| kib(v).floor() as u64);
    let (low, high) = both("file.jpeg-quality");
    let unlimited = most.is_none();
    let high = high.unwrap_or(if unlimited { HIGH_QUALITY } else { 100.0 });
    let quality = low.map_or(1, |v| v.ceil().clamp(1.0, 100.0) as u8)..=high.floor().clamp(1.0, 100.0) as u8;
    let dpi = match both("file.density") {
        // What printers expect, wherever the profile leaves a choice.
        (min, max) if min.or(max).is_some() && (Band { min, max }).contains(PRINT_DENSITY) => PRINT_DENSITY,
        (Some(min), Some(max)) => f64::midpoint(min, max).round(),
        (Some(end), None) | (None, Some(end)) => end.round(),
        (None, None) => file.container.density.map_or(PRINT_DENSITY, |density| density.x.round()),
    };
    Demand { bytes, quality, dpi: dpi.clamp(1.0, f64::from(u16::MAX)) as u16 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Kind, builtin, builtin_ids};

    /// What is decoded smaller has all pixels that positions are measured on, and more than the result, for small results too.
    #[test]
    fn what_is_decoded_smaller_is_measured_as_the_whole_would_be() {
        let portraits = builtin_ids().map(|id| builtin(id).expect("built in")).filter(|one| one.kind == Kind::Portrait);
        for profile in portraits {
            let (id, (width, height)) = (&profile.id, enough_pixels(&profile));
            assert!(width.max(height) >= f64::from(WORK_SIDE) - 1e-9, "{id}: {width}x{height}");
            assert!(width > ENOUGH * f64::from(profile.canvas.width), "{id}: {width}x{height}");
        }
        // A photo of 1200x1600 is decoded at half its size.
        assert_eq!(enough_pixels(&builtin("zikao-graduation").expect("built in")), (600.0, 800.0));
    }
}
