//! The seam between the pipeline and the neural nets: a two-method trait, so that tests can put fakes behind it.
//!
//! Behind it the nets run here, by kernels for what they are made of: `docs/nets.md` says why, and what was measured.

mod kernels;
mod merge;
mod onnx;
mod plan;

use std::fmt;
use std::sync::OnceLock;

use onnx::Shape;
use plan::Plan;

/// What a net is shown: writes a row of its pictures, which lie one below the other, the channels of a place together, however the
/// net's file keeps them. So a crop goes where the net reads it, and nowhere else before.
pub type Rows<'a> = dyn FnMut(usize, &mut [f32]) + 'a;

/// The rows of pictures that are there already; zeros for those that are not.
pub fn rows_of(values: &[f32]) -> impl FnMut(usize, &mut [f32]) {
    move |y, row| match values.get(y * row.len()..(y + 1) * row.len()) {
        Some(values) => row.copy_from_slice(values),
        None => row.fill(0.0),
    }
}

/// All values of pictures of a shape as [`Net::input_shape`] has it.
pub fn values_of([pictures, height, width, channels]: [usize; 4], rows: &mut Rows<'_>) -> Vec<f32> {
    let mut values = vec![0.0; pictures * height * width * channels];
    values.chunks_exact_mut((width * channels).max(1)).enumerate().for_each(|(y, row)| rows(y, row));
    values
}

/// A net: pictures in, all its outputs out. Implementations are shared between threads.
pub trait Net: Send + Sync {
    /// Shape of the input: pictures, rows, columns, channels.
    fn input_shape(&self) -> [usize; 4];

    /// Runs the net on pictures, each row of which is asked for once. Outputs come picture by picture, row by row, the channels of
    /// a place together, in the order of the file.
    ///
    /// # Errors
    /// When the weights cannot be loaded or the runtime fails; never because of what the picture shows.
    fn run(&self, input: &mut Rows<'_>) -> Result<Vec<Vec<f32>>, NetError>;
}

/// Why a net could not be loaded or run.
#[derive(Debug, Clone, thiserror::Error)]
#[error("net {net}: {reason}")]
pub struct NetError {
    /// Which net.
    pub net: &'static str,
    /// What the runtime said.
    pub reason: String,
}

impl NetError {
    fn new(net: &'static str, reason: impl fmt::Display) -> Self {
        Self { net, reason: reason.to_string() }
    }
}

/// The nets the engine runs, by what they are for.
pub struct Nets {
    /// Finds faces.
    pub detector: Box<dyn super::detect::Detector>,
    /// Places the mesh on one face: 1x192x192x3 RGB in 0..1 -> 1404 (468 x, y, z in crop pixels), 1 face logit.
    pub landmarks: Box<dyn Net>,
    /// Places the cheeks' edges: 2x10x48x3 patches (see [`cheeks`](super::cheeks)) -> 2x48 probabilities.
    pub cheek_edge: Box<dyn Net>,
    /// Tells hair, face, clothes, coverings and spectacles apart: 1x192x144x3 RGB in 0..1 -> 96x72x8 class logits.
    pub parser: Box<dyn Net>,
    /// Places the points of a finer mesh, with irises and true lids and lips, that are measured: 1x256x256x3 RGB in 0..1 -> x, y, z
    /// of the [`FINE_POINTS`](super::FINE_POINTS) in crop pixels, 1 face logit. Three times the time of `landmarks`, so it runs only
    /// where that leaves a doubt.
    pub fine_landmarks: Box<dyn Net>,
    /// Tells person from background: 1x256x256x3 RGB in 0..1 -> 256x256 person probability.
    pub segmenter: Box<dyn Net>,
}

impl fmt::Debug for Nets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nets").finish_non_exhaustive()
    }
}

/// Which detector finds the faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DetectorKind {
    /// MediaPipe's short-range net.
    #[default]
    ShortRange,
    /// The SeetaFace cascade (crate `rustface`).
    SeetaFace,
}

impl Nets {
    /// The embedded nets with another detector.
    ///
    /// # Errors
    /// When embedded weights cannot be loaded.
    pub fn with_detector(kind: DetectorKind) -> Result<Self, NetError> {
        let nets = Self::embedded()?;
        Ok(match kind {
            DetectorKind::ShortRange => nets,
            DetectorKind::SeetaFace => Self { detector: Box::new(super::seeta::SeetaFace::embedded()?), ..nets },
        })
    }

    /// The nets whose weights are embedded in the program. What every photo needs is made ready now, so that a fault
    /// shows at the start and not on the first photo; the fine mesh and the segmenter when a photo first needs them.
    ///
    /// # Errors
    /// When embedded weights cannot be loaded.
    pub fn embedded() -> Result<Self, NetError> {
        let detector = OnnxNet::new("face_detection_short_range", [1, 128, 128, 3], weights::DETECTOR);
        let landmarks = OnnxNet::new("face_landmark", [1, 192, 192, 3], weights::LANDMARKS);
        let cheek_edge = OnnxNet::new("cheek_edge", [2, 10, 48, 3], weights::CHEEK_EDGE);
        let parser = OnnxNet::new("head_parser", [1, 192, 144, 3], weights::PARSER);
        for net in [&detector, &landmarks, &cheek_edge, &parser] {
            net.plan()?;
        }
        Ok(Self {
            detector: Box::new(super::detect::ShortRange::new(Box::new(detector))),
            landmarks: Box::new(landmarks),
            cheek_edge: Box::new(cheek_edge),
            parser: Box::new(parser),
            fine_landmarks: Box::new(
                OnnxNet::new("face_landmarks_detector", [1, 256, 256, 3], weights::FINE_LANDMARKS)
                    .giving(super::FINE_POINTS.iter().flat_map(|&point| [3 * point, 3 * point + 1, 3 * point + 2])),
            ),
            segmenter: Box::new(OnnxNet::new("selfie_segmenter", [1, 256, 256, 3], weights::SEGMENTER)),
        })
    }
}

/// Weights inside the program; `models/MANIFEST.toml` says where they come from.
mod weights {
    pub(super) static DETECTOR: &[u8] = include_bytes!("../../../models/face_detection_short_range.onnx");
    pub(super) static LANDMARKS: &[u8] = include_bytes!("../../../models/face_landmark.onnx");
    pub(super) static CHEEK_EDGE: &[u8] = include_bytes!("../../../models/cheek_edge.onnx");
    pub(super) static PARSER: &[u8] = include_bytes!("../../../models/head_parser.onnx");
    pub(super) static FINE_LANDMARKS: &[u8] = include_bytes!("../../../models/face_landmarks_detector.onnx");
    pub(super) static SEGMENTER: &[u8] = include_bytes!("../../../models/selfie_segmenter.onnx");
}

/// A net in an ONNX file, made ready on first use and then shared.
pub struct OnnxNet {
    name: &'static str,
    shape: [usize; 4],
    bytes: &'static [u8],
    /// Of the first output; all when there are none.
    values: Vec<usize>,
    plan: OnceLock<Result<Plan, NetError>>,
}

impl fmt::Debug for OnnxNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnnxNet").field("name", &self.name).finish_non_exhaustive()
    }
}

impl OnnxNet {
    /// A net from the bytes of an ONNX file. `shape` is its one input: pictures, rows, columns, channels.
    pub fn new(name: &'static str, shape: [usize; 4], bytes: &'static [u8]) -> Self {
        Self { name, shape, bytes, values: Vec::new(), plan: OnceLock::new() }
    }

    /// The same net whose first output, which is one place, has these values alone, in this order. What is left out costs nothing.
    pub fn giving(mut self, values: impl IntoIterator<Item = usize>) -> Self {
        self.values = values.into_iter().collect();
        self
    }

    fn plan(&self) -> Result<&Plan, NetError> {
        let [_, height, width, channels] = self.shape;
        let read = || Plan::of(self.bytes, Shape { height, width, channels }, &self.values);
        self.plan.get_or_init(|| read().map_err(|e| NetError::new(self.name, e))).as_ref().map_err(Clone::clone)
    }
}

impl Net for OnnxNet {
    fn input_shape(&self) -> [usize; 4] {
        self.shape
    }

    fn run(&self, input: &mut Rows<'_>) -> Result<Vec<Vec<f32>>, NetError> {
        let plan = self.plan()?;
        let [pictures, height, ..] = self.shape;
        let mut pictures = (0..pictures).map(|picture| plan.run(&mut |y, row| input(picture * height + y, row)));
        let mut outputs = pictures.next().unwrap_or_default();
        for more in pictures {
            outputs.iter_mut().zip(more).for_each(|(output, more)| output.extend(more));
        }
        Ok(outputs)
    }
}

/// The embedded nets, made ready once for all tests.
#[cfg(test)]
pub(crate) fn for_tests() -> &'static Nets {
    static NETS: std::sync::LazyLock<Nets> = std::sync::LazyLock::new(|| Nets::embedded().expect("embedded weights"));
    &NETS
}
