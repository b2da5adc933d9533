//! From pixels to faces: detection, landmarks, pupils, contour and pose.

pub mod cheeks;
pub mod detect;
pub mod geometry;
pub mod landmarks;
pub mod net;
pub mod parser;
pub mod pose;
pub mod pupil;
pub mod seeta;

use crate::photo::Photo;
use crate::units::{Point, Rect};
use net::{NetError, Nets};

/// Number of landmarks of the face mesh (MediaPipe's canonical 468-point topology).
pub const LANDMARKS: usize = 468;

/// Number of landmarks of the fine mesh: the same 468 and five of each iris, its centre first.
pub const FINE_LANDMARKS: usize = LANDMARKS + 10;

/// Centres of the irises in the fine mesh, left and right of the picture.
pub const IRISES: [usize; 2] = [LANDMARKS, LANDMARKS + 5];

/// The points of the fine mesh that are measured: corners of the eyes and lids, the irises' centres, corners of the mouth and lips.
/// Of no other point the fine net is asked.
pub const FINE_POINTS: [usize; 24] = [
    33, 133, 160, 159, 158, 144, 145, 153, // the eye left in the picture
    362, 263, 385, 386, 387, 380, 374, 373, // and right
    IRISES[0], IRISES[1], 61, 291, 0, 13, 14, 17,
];

/// A detected face.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Bounding box.
    pub bounds: Rect,
    /// Probability that it is a face, 0 to 1.
    pub score: f64,
    /// Right eye, left eye, nose tip, mouth, right ear, left ear of the person (the right eye is left in the picture).
    pub keypoints: [Point; 6],
}

/// Pose of the head in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pose {
    /// Turned to a side; positive: towards the right of the picture.
    pub yaw: f64,
    /// Tilted; positive: up.
    pub pitch: f64,
    /// Line of the pupils against the horizontal; positive: clockwise in the picture.
    pub roll: f64,
}

/// The main face with everything measured on it, in original pixels.
#[derive(Debug, Clone)]
pub struct Face {
    /// Where it was found.
    pub detection: Detection,
    /// The [`LANDMARKS`] mesh points.
    pub mesh: Vec<Point>,
    /// Depth of each mesh point, in original pixels, towards the camera negative.
    pub depth: Vec<f64>,
    /// Probability of the landmark net that the crop holds a face, 0 to 1.
    pub score: f64,
    /// The irises, where their rings stand out.
    pub irises: [Option<pupil::Iris>; 2],
    /// Pupil centres, left and right of the picture.
    pub pupils: [Point; 2],
    /// Left and right end of the face at cheekbone height.
    pub cheeks: [Point; 2],
    /// Lowest point of the chin.
    pub chin: Point,
    /// Pose.
    pub pose: Pose,
}

/// All faces of a photo.
#[derive(Debug, Clone, Default)]
pub struct Faces {
    /// Every detection after suppression, largest first.
    pub detections: Vec<Detection>,
    /// The main face, with landmarks.
    pub main: Option<Face>,
}

impl Face {
    /// Distance of the pupils: the unit of length on a face ("IED" in ISO/IEC 29794-5).
    pub fn inter_eye_distance(&self) -> f64 {
        self.pupils[0].distance(self.pupils[1])
    }

    /// Midpoint of the pupils.
    pub fn eye_midpoint(&self) -> Point {
        self.pupils[0].midpoint(self.pupils[1])
    }

    /// Eye midpoint to chin ("T" in ISO/IEC 29794-5).
    pub fn eye_to_chin(&self) -> f64 {
        self.eye_midpoint().distance(self.chin)
    }

    /// Width of the face cheek to cheek.
    pub fn width(&self) -> f64 {
        self.cheeks[0].distance(self.cheeks[1])
    }

    /// Bounding box of the mesh.
    pub fn bounds(&self) -> Rect {
        let (mut l, mut t, mut r, mut b) = (f64::MAX, f64::MAX, f64::MIN, f64::MIN);
        for p in &self.mesh {
            (l, t, r, b) = (l.min(p.x), t.min(p.y), r.max(p.x), b.max(p.y));
        }
        Rect::from_edges(l, t, r, b)
    }
}

impl Faces {
    /// Finds the faces of a photo and measures the largest.
    ///
    /// # Errors
    /// When a net cannot be run.
    pub fn find(photo: &Photo, nets: &Nets) -> Result<Self, NetError> {
        let whole = Rect::from_edges(0.0, 0.0, f64::from(photo.width()), f64::from(photo.height()));
        let detections = nets.detector.detect(&photo.rgb, whole)?;
        let main = match detections.first() {
            Some(largest) => Face::measure(photo, largest, nets)?,
            None => None,
        };
        Ok(Self { detections, main })
    }
}

/// Smallest probability of the landmark net at which its points are believed.
pub(crate) const MIN_MESH_SCORE: f64 = 0.5;

impl Face {
    fn measure(photo: &Photo, detection: &Detection, nets: &Nets) -> Result<Option<Self>, NetError> {
        let mesh = landmarks::locate(&photo.rgb, detection, nets.landmarks.as_ref())?;
        if mesh.score < MIN_MESH_SCORE {
            return Ok(None);
        }
        let irises = pupil::irises(&photo.rgb, &mesh.points);
        let pupils = pupil::locate(&mesh.points, &irises);
        let cheeks = cheeks::locate(&photo.rgb, &mesh.points, nets.cheek_edge.as_ref())?;
        let pose = pose::estimate(&mesh, pupils);
        Ok(Some(Self {
            detection: detection.clone(),
            chin: mesh.points[geometry::CHIN],
            score: mesh.score,
            mesh: mesh.points,
            depth: mesh.depth,
            irises,
            pupils,
            cheeks,
            pose,
        }))
    }
}
