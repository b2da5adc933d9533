//! The engine: weights loaded once, shared by all threads; its `check` reads as the pipeline.

use std::time::Instant;

use jiff::civil::Date;

use crate::face::Faces;
use crate::face::net::{DetectorKind, NetError, Nets};
use crate::facts::{Facts, Missing};
use crate::judge;
use crate::limits::Limits;
use crate::normalize::{self, NormalizeError, Normalized, Source, Task, Unmade};
use crate::photo::pdf::PdfState;
use crate::photo::{self, FileFacts, Photo};
use crate::profile::{Kind, Profile};
use crate::report::{self, Report, Timings};
use crate::scene::Scene;

/// One photo as it comes in.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The file's bytes.
    pub bytes: &'a [u8],
    /// Its name without folders, when it has one.
    pub name: Option<&'a str>,
    /// The day its age is judged against, such as that of graduation; without one its age is not checked.
    pub captured_before: Option<Date>,
}

/// Why no engine could be made.
#[derive(Debug, thiserror::Error)]
#[error("the embedded nets could not be loaded: {0}")]
pub struct EngineError(#[from] NetError);

/// Checks photos. `Send + Sync`; make one and share it.
#[derive(Debug)]
pub struct Engine {
    nets: Nets,
    limits: Limits,
}

impl Engine {
    /// An engine with the weights embedded in the program.
    ///
    /// # Errors
    /// When embedded weights cannot be loaded.
    pub fn new() -> Result<Self, EngineError> {
        Ok(Self { nets: Nets::embedded()?, limits: Limits::default() })
    }

    /// An engine with the embedded weights and the detector of choice.
    ///
    /// # Errors
    /// When embedded weights cannot be loaded.
    pub fn with_detector(kind: DetectorKind) -> Result<Self, EngineError> {
        Ok(Self::with_nets(Nets::with_detector(kind)?))
    }

    /// An engine with other nets: fakes in tests, other runtimes in comparisons.
    pub fn with_nets(nets: Nets) -> Self {
        Self { nets, limits: Limits::default() }
    }

    /// The same engine with other limits on its input.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Judges one photo. Bad input is a report that says so, never an error and never a panic.
    pub fn check(&self, input: Input<'_>, profile: &Profile) -> Report {
        self.check_and_look(input, profile, |_| ()).0
    }

    /// Judges one photo and shows its pixels to `look`, so that nobody has to decode it twice. There are none when the
    /// file cannot be decoded.
    pub fn check_and_look<T>(
        &self,
        input: Input<'_>,
        profile: &Profile,
        look: impl FnOnce(Option<&Photo>) -> T,
    ) -> (Report, T) {
        let mut clock = Clock::start();
        let (file, decoded) = photo::decode(input.bytes, input.name, &self.limits);
        if profile.kind == Kind::Document {
            return self.look_at_document(input, profile, file, decoded.ok(), clock, look);
        }
        let photo = decoded.as_ref().map_err(|_| Missing::Unreadable);
        let photo_ms = clock.lap();

        let faces = photo.and_then(|photo| Faces::find(photo, &self.nets).map_err(|_| Missing::Internal));
        let face_ms = clock.lap();

        let scene = match (photo, &faces) {
            (Ok(photo), Ok(faces)) => Scene::of(photo, faces.main.as_ref(), &self.nets).map_err(|_| Missing::Internal),
            (Err(missing), _) => Err(missing),
            (_, Err(missing)) => Err(*missing),
        };
        let scene_ms = clock.lap();

        let faces = faces.as_ref().map_err(|missing| *missing);
        let scene = scene.as_ref().map_err(|missing| *missing);
        let facts =
            Facts::new(&file, photo, faces, scene, profile.canvas, &self.nets).captured_before(input.captured_before);
        let judged = judge::judge(&facts, profile);
        let checks_ms = clock.lap();

        let timings =
            Timings { photo: photo_ms, face: face_ms, scene: scene_ms, checks: checks_ms, total: clock.total() };
        let report = report::build(&facts, profile, judged, timings);
        (report, look(photo.ok()))
    }

    /// The same for a document, in which no face is looked for.
    fn look_at_document<T>(
        &self,
        input: Input<'_>,
        profile: &Profile,
        file: FileFacts,
        photo: Option<Photo>,
        mut clock: Clock,
        look: impl FnOnce(Option<&Photo>) -> T,
    ) -> (Report, T) {
        let photo = photo.or_else(|| photo::pdf::picture(input.bytes, &file, &self.limits));
        let photo_ms = clock.lap();
        let readable_pdf = file.container.pdf.as_ref().is_some_and(|pdf| pdf.state == PdfState::Whole);
        let missing = if readable_pdf { Missing::NotRendered } else { Missing::Unreadable };
        let facts = self.facts_of_document(&file, photo.as_ref().ok_or(missing), profile, input);
        let judged = judge::judge(&facts, profile);
        let checks_ms = clock.lap();
        let timings = Timings { photo: photo_ms, checks: checks_ms, total: clock.total(), ..Timings::default() };
        (report::build(&facts, profile, judged, timings), look(photo.as_ref()))
    }

    fn facts_of_document<'a>(
        &'a self,
        file: &'a FileFacts,
        photo: Result<&'a Photo, Missing>,
        profile: &Profile,
        input: Input<'_>,
    ) -> Facts<'a> {
        let none = Missing::NoFace;
        let facts = Facts::new(file, photo, Err(none), Err(none), profile.canvas, &self.nets);
        facts.captured_before(input.captured_before)
    }

    /// Brings a picture of a document within the limits of its profile, whole and legible.
    fn normalize_document(
        &self,
        input: Input<'_>,
        profile: &Profile,
        options: &normalize::Options,
    ) -> Result<Normalized, NormalizeError> {
        let mut clock = Clock::start();
        let (file, photo) = photo::decode(input.bytes, input.name, &self.limits);
        normalize::document::admit(&file, profile, options)?;
        let photo = photo?;
        photo::whole(&file, &photo)?;
        let photo_ms = clock.lap();
        let facts = self.facts_of_document(&file, Ok(&photo), profile, input);
        if Task::of(&facts, profile, options)? == Task::Nothing {
            let timings = Timings { photo: photo_ms, ..Timings::default() };
            return Ok(untouched(input, profile, &facts, timings, &mut clock));
        }
        let made = normalize::document::made(&file, &photo, profile)?;
        self.proved(input, profile, &facts, made)
    }

    /// Makes a compliant photo out of a raw one, as far as profile and options allow. `input.name` is the name the result goes
    /// by.
    ///
    /// The report is that of the bytes returned, judged by the same profile; what no software mends still fails in it.
    /// A photo on which nothing is left to mend comes back byte for byte.
    ///
    /// # Errors
    /// When no photo can be made that keeps the profile's limits on file, position and background; the error says why.
    pub fn normalize(
        &self,
        input: Input<'_>,
        profile: &Profile,
        options: &normalize::Options,
    ) -> Result<Normalized, NormalizeError> {
        if profile.kind == Kind::Document {
            return self.normalize_document(input, profile, options);
        }
        let mut clock = Clock::start();
        // A large photo that gets another size anyway need not be decoded in full, nor walked through before.
        let mut opened = photo::Opened::by_headers(input.bytes, input.name, &self.limits);
        let size = Facts::new(
            opened.facts(),
            Err(Missing::Unreadable),
            Err(Missing::Unreadable),
            Err(Missing::Unreadable),
            profile.canvas,
            &self.nets,
        );
        let changes_size = normalize::changes_size(&size, profile);
        let mut least = normalize::enough_pixels(profile);
        while changes_size && let Some((photo, reduction)) = opened.reduced(least, &self.limits) {
            match self.normalized(input, profile, options, opened.facts(), &photo, reduction, &mut clock) {
                Err(Unmade::Coarse { finer }) => {
                    least = (finer * f64::from(photo.width()), finer * f64::from(photo.height()));
                }
                // What could not be made of fewer pixels may be made of all.
                Err(Unmade::Refused(error)) if error.may_be_for_want_of_pixels() => break,
                done => return Ok(done?),
            }
        }
        let (file, photo) = opened.decode(&self.limits);
        let photo = photo?;
        photo::whole(&file, &photo)?;
        Ok(self.normalized(input, profile, options, &file, &photo, 1, &mut clock)?)
    }

    /// Makes the file from a decoded photo, a pixel of which stands for `reduction` pixels of the file.
    #[expect(
        clippy::too_many_arguments,
        reason = "the one step of `normalize`, which is run again where pixels were too few"
    )]
    fn normalized(
        &self,
        input: Input<'_>,
        profile: &Profile,
        options: &normalize::Options,
        file: &FileFacts,
        photo: &Photo,
        reduction: u32,
        clock: &mut Clock,
    ) -> Result<Normalized, Unmade> {
        let photo_ms = clock.lap();
        let faces = Faces::find(photo, &self.nets)?;
        let face = faces.main.as_ref().ok_or(NormalizeError::NoFace)?;
        let face_ms = clock.lap();
        let scene = Scene::of(photo, Some(face), &self.nets)?;
        let scene_ms = clock.lap();

        let facts = Facts::new(file, Ok(photo), Ok(&faces), Ok(&scene), profile.canvas, &self.nets)
            .captured_before(input.captured_before);
        let source = Source { input, file, photo, reduction, face, scene: &scene, nets: &self.nets };
        let made = match Task::of(&facts, profile, options)? {
            Task::Nothing => None,
            Task::Label => match source.labelled(profile) {
                Some(made) => Some(made),
                None => Some(source.remade(profile, options, None)?),
            },
            Task::Remake(background) => Some(source.remade(profile, options, background.as_ref())?),
        };
        match made {
            Some(made) => Ok(self.proved(input, profile, &facts, made)?),
            None => {
                let timings = Timings { photo: photo_ms, face: face_ms, scene: scene_ms, ..Timings::default() };
                Ok(untouched(input, profile, &facts, timings, clock))
            }
        }
    }

    /// Judges the file that was made, and keeps in its report what only the original tells.
    fn proved(
        &self,
        input: Input<'_>,
        profile: &Profile,
        of_original: &Facts<'_>,
        made: normalize::Made,
    ) -> Result<Normalized, NormalizeError> {
        let mut report = self.check(Input { bytes: &made.jpeg, ..input }, profile);
        made.accepts(&report)?;
        report.actions = made.actions;
        judge::keep_of_original(&mut report, of_original, profile);
        Ok(Normalized {
            jpeg: made.jpeg,
            report,
            already_compliant: false,
            plan: made.plan,
            source_sha256: of_original.file.sha256.clone(),
        })
    }

    /// Bytes of memory that the pixels of a photo take at the peak of checking it, or of normalizing it, told by its headers:
    /// for who works on several at once. What nets and working copies take besides does not grow with the photo.
    pub fn memory(&self, bytes: &[u8], normalize: bool) -> u64 {
        photo::memory(bytes, &self.limits, if normalize { normalize::COPY } else { 0 })
    }

    /// The facts of a file and its pixels, without judging them.
    pub fn read(&self, input: Input<'_>) -> (FileFacts, Option<Photo>) {
        let (file, photo) = photo::decode(input.bytes, input.name, &self.limits);
        (file, photo.ok())
    }
}

/// The input as its own result: nothing was made, so the facts at hand are those of the result.
fn untouched(
    input: Input<'_>,
    profile: &Profile,
    facts: &Facts<'_>,
    timings: Timings,
    clock: &mut Clock,
) -> Normalized {
    let judged = judge::judge(facts, profile);
    let timings = Timings { checks: clock.lap(), total: clock.total(), ..timings };
    Normalized {
        jpeg: input.bytes.to_vec(),
        report: report::build(facts, profile, judged, timings),
        already_compliant: true,
        plan: None,
        source_sha256: facts.file.sha256.clone(),
    }
}

/// Wall time between stages.
struct Clock {
    start: Instant,
    last: Instant,
}

impl Clock {
    fn start() -> Self {
        let now = Instant::now();
        Self { start: now, last: now }
    }

    fn lap(&mut self) -> f64 {
        let now = Instant::now();
        let ms = (now - self.last).as_secs_f64() * 1e3;
        self.last = now;
        ms
    }

    fn total(&self) -> f64 {
        self.start.elapsed().as_secs_f64() * 1e3
    }
}
