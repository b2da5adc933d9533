//! Everything known of one photo when its checks are measured.
//!
//! Each stage fills its part once and never changes an earlier one. What is not there is not there for a stated reason:
//! [`Missing`] travels from the stage that gave up to the checks that needed it, which become *undetermined*.

use std::cell::OnceCell;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::face::landmarks::{self, Mesh};
use crate::face::net::Nets;
use crate::face::parser::HeadMap;
use crate::face::{Faces, MIN_MESH_SCORE};
use crate::measure::document::{self, Look};
use crate::measure::eyes;
use crate::measure::skin::SkinMap;
use crate::photo::{FileFacts, Photo};
use crate::profile::Canvas;
use crate::scene::Scene;
use crate::units::Text;

/// Why a fact is missing; the cause a check is undetermined for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The file has no pixels that could be decoded.
    Unreadable,
    /// The caller gave no file name.
    NoName,
    /// The property does not exist in this format (JPEG quality of a PNG).
    NotInFormat,
    /// Neither the file nor the caller states what is to be compared (the date of capture, the day to judge it against).
    NotStated,
    /// No face was found.
    NoFace,
    /// No text was found.
    NoText,
    /// It is a PDF whose pages are more than one picture; they are not rendered.
    NotRendered,
    /// The photo's aspect ratio is not the profile's, so positions can be judged only after cropping.
    WrongShape,
    /// The background could not be told from the person.
    NoBackground,
    /// The part of the photo that the check looks at is too small or outside the photo.
    OutOfView,
    /// The photo is too dark or too bright there.
    NotVisible,
    /// Hair, a bald head or something else hides what is to be measured.
    Hidden,
    /// The photo has no colour.
    Monochrome,
    /// The program could not run a net on this photo; a fault of ours.
    Internal,
}

impl Missing {
    /// The reason in words.
    pub fn text(self) -> Text {
        let (zh, en) = match self {
            Missing::Unreadable => ("照片无法解码", "the photo cannot be decoded"),
            Missing::NoName => ("没有给出文件名", "no file name was given"),
            Missing::NotInFormat => ("此格式没有该项", "the format has no such property"),
            Missing::NotStated => ("文件或请求中没有注明", "neither the file nor the request states it"),
            Missing::NoFace => ("没有检测到人脸", "no face was found"),
            Missing::NoText => ("没有找到文字", "no text was found"),
            Missing::NotRendered => ("PDF页面不作渲染", "pages of a PDF are not rendered"),
            Missing::WrongShape => (
                "照片宽高比不符，裁剪后才能判断位置",
                "the aspect ratio differs from the profile's; positions can be judged after cropping",
            ),
            Missing::NoBackground => ("无法区分人像与背景", "the background could not be told from the person"),
            Missing::OutOfView => ("需要测量的部位不在画面内", "what is to be measured lies outside the photo"),
            Missing::NotVisible => ("需要测量的部位过暗或过亮", "what is to be measured is too dark or too bright"),
            Missing::Hidden => ("需要测量的部位被遮挡", "what is to be measured is hidden"),
            Missing::Monochrome => ("照片没有颜色", "the photo has no colour"),
            Missing::Internal => ("程序内部错误，请报告", "an internal fault; please report it"),
        };
        Text::new(zh, en)
    }
}

/// All facts of one photo, borrowed by the checks.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What the file says of itself.
    pub file: &'a FileFacts,
    /// The pixels.
    pub photo: Result<&'a Photo, Missing>,
    /// Faces; present whenever there are pixels, possibly with none found.
    pub faces: Result<&'a Faces, Missing>,
    /// Background, person mask and regions.
    pub scene: Result<&'a Scene, Missing>,
    /// The size positions are judged at.
    pub canvas: Canvas,
    /// The day the photo has to be taken before, where the caller gives one.
    pub captured_before: Option<Date>,
    /// Nets that run only when a check asks for what they see.
    nets: &'a Nets,
    /// Made when a check first asks for it.
    skin: OnceCell<Option<SkinMap>>,
    head: OnceCell<Result<HeadMap, Missing>>,
    fine_mesh: OnceCell<Result<Mesh, Missing>>,
    skin_color: OnceCell<[f32; 3]>,
    document: OnceCell<Look>,
}

/// Samples over the width of the face: plenty for medians over its skin.
const SKIN_SAMPLES: f64 = 120.0;

impl<'a> Facts<'a> {
    /// The facts of the stages before the checks.
    pub fn new(
        file: &'a FileFacts,
        photo: Result<&'a Photo, Missing>,
        faces: Result<&'a Faces, Missing>,
        scene: Result<&'a Scene, Missing>,
        canvas: Canvas,
        nets: &'a Nets,
    ) -> Self {
        Self {
            file,
            photo,
            faces,
            scene,
            canvas,
            captured_before: None,
            nets,
            skin: OnceCell::new(),
            head: OnceCell::new(),
            fine_mesh: OnceCell::new(),
            skin_color: OnceCell::new(),
            document: OnceCell::new(),
        }
    }

    /// The same facts with the day the photo has to be taken before.
    pub fn captured_before(mut self, day: Option<Date>) -> Self {
        self.captured_before = day;
        self
    }

    /// The main face's head, parsed when a check first asks for it.
    pub fn head(&self) -> Result<&HeadMap, Missing> {
        let (photo, face) = (self.photo?, self.face()?);
        let parse = || HeadMap::of(&photo.rgb, face, self.nets.parser.as_ref()).map_err(|_| Missing::Internal);
        self.head.get_or_init(parse).as_ref().map_err(|missing| *missing)
    }

    /// The picture as that of a document, looked at when a check first asks for it.
    pub fn document(&self) -> Result<&Look, Missing> {
        let photo = self.photo?;
        Ok(self.document.get_or_init(|| document::look(&photo.rgb)))
    }

    /// The main face's mesh by the fine net, shared by the checks of eyes and mouth. It takes three times what the face's
    /// own mesh takes: asked for only where that one leaves a doubt.
    pub fn fine_mesh(&self) -> Result<&Mesh, Missing> {
        let (photo, face) = (self.photo?, self.face()?);
        let run = || landmarks::locate_fine(&photo.rgb, &face.detection, self.nets.fine_landmarks.as_ref());
        let mesh = self.fine_mesh.get_or_init(|| match run() {
            Ok(mesh) if mesh.score < MIN_MESH_SCORE => Err(Missing::Hidden),
            Ok(mesh) => Ok(mesh),
            Err(_) => Err(Missing::Internal),
        });
        mesh.as_ref().map_err(|missing| *missing)
    }

    /// The main face's skin on a coarse grid, shared by the checks of light.
    pub fn skin(&self) -> Result<&SkinMap, Missing> {
        let (photo, face) = (self.photo?, self.face()?);
        let map = self.skin.get_or_init(|| SkinMap::of(&photo.rgb, face, SKIN_SAMPLES));
        map.as_ref().ok_or(Missing::OutOfView)
    }

    /// Colour of the main face's skin, shared by the checks of the eyes: medians of red, green and blue, 0 to 255.
    pub fn skin_color(&self) -> Result<[f32; 3], Missing> {
        let map = self.skin()?;
        Ok(*self.skin_color.get_or_init(|| eyes::skin_color(map)))
    }

    /// The main face, the largest one.
    pub fn face(&self) -> Result<&'a crate::face::Face, Missing> {
        self.faces?.main.as_ref().ok_or(Missing::NoFace)
    }

    /// Factor from original pixels to the profile's pixels. An error when the aspect ratios differ by more than 1 %,
    /// because then no scaling alone makes the one into the other.
    pub fn scale(&self) -> Result<f64, Missing> {
        let photo = self.photo?;
        let sx = f64::from(self.canvas.width) / f64::from(photo.width());
        let sy = f64::from(self.canvas.height) / f64::from(photo.height());
        if (sx / sy - 1.0).abs() > 0.01 { Err(Missing::WrongShape) } else { Ok((sx + sy) / 2.0) }
    }
}
