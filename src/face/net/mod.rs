//! The seam between the pipeline and the neural nets: a two-method trait, so that tests can put fakes behind it.

mod ops;
mod rewrite;

use std::fmt;
use std::sync::OnceLock;

use tract_onnx::prelude::*;

/// A net: one input tensor in, all output tensors out. Implementations are shared between threads.
pub trait Net: Send + Sync {
    /// Shape of the input, batch first.
    fn input_shape(&self) -> [usize; 4];

    /// Runs the net on `input`, row-major, as long as the product of [`Net::input_shape`]. Outputs are row-major, in
    /// the order of the file.
    ///
    /// # Errors
    /// When the weights cannot be loaded or the runtime fails; never because of what the picture shows.
    fn run(&self, input: Vec<f32>) -> Result<Vec<Vec<f32>>, NetError>;
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
    /// Tells hair, face, clothes, coverings and spectacles apart: 1x3x192x144 RGB in 0..1 -> 1x8x96x72 class logits.
    pub parser: Box<dyn Net>,
    /// Places a finer mesh, with irises and true lids and lips: 1x256x256x3 RGB in 0..1 -> 1434 (478 x, y, z in crop
    /// pixels), 1 face logit. Three times the time of `landmarks`, so it runs only where that leaves a doubt.
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
    /// shows at the start and not on the first photo; the fine mesh beside it, the segmenter when a photo first needs it.
    ///
    /// # Errors
    /// When embedded weights cannot be loaded.
    pub fn embedded() -> Result<Self, NetError> {
        let detector = OnnxNet::new("face_detection_short_range", [1, 128, 128, 3], weights::DETECTOR);
        let landmarks = OnnxNet::new("face_landmark", [1, 192, 192, 3], weights::LANDMARKS);
        let cheek_edge = OnnxNet::new("cheek_edge", [2, 10, 48, 3], weights::CHEEK_EDGE);
        let parser = OnnxNet::new("head_parser", [1, 3, 192, 144], weights::PARSER);
        let fine_landmarks =
            Arc::new(OnnxNet::new("face_landmarks_detector", [1, 256, 256, 3], weights::FINE_LANDMARKS));
        // The largest by far: made ready beside all else, so that the first photo that needs it waits as little as can be.
        // Without a thread it is made ready when it is needed.
        let early = Arc::clone(&fine_landmarks);
        drop(std::thread::Builder::new().name("fine mesh".to_owned()).spawn(move || early.plan().map(drop)));
        let segmenter = OnnxNet::new("selfie_segmenter", [1, 256, 256, 3], weights::SEGMENTER);
        // Two at once: optimising the graphs is most of the time before the first verdict.
        std::thread::scope(|scope| {
            let other = scope.spawn(|| detector.plan().map(drop));
            landmarks.plan()?;
            cheek_edge.plan()?;
            parser.plan()?;
            other.join().unwrap_or_else(|_| Err(NetError::new(detector.name, "the runtime panicked")))
        })?;
        Ok(Self {
            detector: Box::new(super::detect::ShortRange::new(Box::new(detector))),
            landmarks: Box::new(landmarks),
            cheek_edge: Box::new(cheek_edge),
            parser: Box::new(parser),
            fine_landmarks: Box::new(fine_landmarks),
            segmenter: Box::new(segmenter),
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

/// An ONNX file run by tract, made ready on first use and then shared.
pub struct OnnxNet {
    name: &'static str,
    shape: [usize; 4],
    bytes: &'static [u8],
    plan: OnceLock<Result<Arc<TypedRunnableModel>, NetError>>,
}

impl fmt::Debug for OnnxNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnnxNet").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<N: Net + ?Sized> Net for Arc<N> {
    fn input_shape(&self) -> [usize; 4] {
        self.as_ref().input_shape()
    }

    fn run(&self, input: Vec<f32>) -> Result<Vec<Vec<f32>>, NetError> {
        self.as_ref().run(input)
    }
}

impl OnnxNet {
    /// A net from the bytes of an ONNX file. `shape` is its one input, batch first.
    pub fn new(name: &'static str, shape: [usize; 4], bytes: &'static [u8]) -> Self {
        Self { name, shape, bytes, plan: OnceLock::new() }
    }

    fn plan(&self) -> Result<&Arc<TypedRunnableModel>, NetError> {
        self.plan.get_or_init(|| self.load().map_err(|e| NetError::new(self.name, e))).as_ref().map_err(Clone::clone)
    }

    fn load(&self) -> TractResult<Arc<TypedRunnableModel>> {
        let model = rewrite::decluttered(self.bytes, self.shape)?;
        rewrite::with_own_operators(model)?.into_optimized()?.into_runnable()
    }
}

impl Net for OnnxNet {
    fn input_shape(&self) -> [usize; 4] {
        self.shape
    }

    fn run(&self, input: Vec<f32>) -> Result<Vec<Vec<f32>>, NetError> {
        let plan = self.plan()?;
        let run = || -> TractResult<Vec<Vec<f32>>> {
            let tensor = Tensor::from_shape(&self.shape, &input)?;
            let outputs = plan.run(tvec!(tensor.into()))?;
            outputs.iter().map(|value| Ok(value.to_plain_array_view::<f32>()?.iter().copied().collect())).collect()
        };
        run().map_err(|e| NetError::new(self.name, e))
    }
}

/// The embedded nets, made ready once for all tests.
#[cfg(test)]
pub(crate) fn for_tests() -> &'static Nets {
    static NETS: std::sync::LazyLock<Nets> = std::sync::LazyLock::new(|| Nets::embedded().expect("embedded weights"));
    &NETS
}
