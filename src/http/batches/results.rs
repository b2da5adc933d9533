//! What a batch came to, on the disk: rows as JSON lines, photos in a ZIP, and tables that are made of the rows when somebody
//! asks for them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::batch::{Batch, Phase};
use super::folder::Folder;
use super::{Batches, blocking, unknown};
use crate::batch::WholeFile;
use crate::http::accept::Form;
use crate::http::problem::{Code, Problem};
use crate::report::Row;
use crate::report::csv::CsvReport;
use crate::report::json::write_line;
use crate::report::render::{End, Item, Renderer};
use crate::report::xlsx::XlsxReport;
use crate::units::{Lang, Text};

/// The rows.
const ROWS: &str = "results.jsonl";
/// The normalized photos.
const PHOTOS: &str = "photos.zip";

/// The results of a run, written row by row.
pub(super) struct Results {
    rows: BufWriter<File>,
    photos: Option<ZipWriter<BufWriter<File>>>,
}

impl Results {
    /// Begins them; with `photos`, a ZIP too.
    pub(super) fn create(folder: &Folder, photos: bool) -> io::Result<Self> {
        let file = |name: &str| File::create_new(folder.join(name)).map(BufWriter::new);
        let photos = photos.then(|| file(PHOTOS)).transpose()?.map(ZipWriter::new);
        Ok(Self { rows: file(ROWS)?, photos })
    }

    /// Writes a row, with the photo that was made under `name`, which no other one has. Gives the row back as it was written.
    pub(super) fn add(&mut self, (mut row, photo): (Row, Option<Vec<u8>>), name: Option<&str>) -> io::Result<Row> {
        if let (Some(photo), Some(zip), Some(name)) = (photo, &mut self.photos, name) {
            // Photos are compressed already; a fixed time makes the same photos the same archive.
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .last_modified_time(zip::DateTime::default());
            zip.start_file(name, options)?;
            zip.write_all(&photo)?;
            row.output = Some(name.to_owned());
        }
        write_line(&row, &mut self.rows)?;
        Ok(row)
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.rows.flush()?;
        match self.photos {
            Some(zip) => zip.finish()?.flush(),
            None => Ok(()),
        }
    }
}

/// The rows of a batch, in `form` and `lang`. A table is made once and kept with the batch.
///
/// # Errors
/// When the batch is not done, or its files cannot be read or written.
pub async fn table(batches: &Batches, batch: &Arc<Batch>, form: Form, lang: Lang) -> Result<File, Problem> {
    whole(batch)?;
    let ending = match form {
        Form::Csv => "csv",
        Form::Xlsx => "xlsx",
        _ => return open(batch, ROWS.to_owned()).await,
    };
    let name = format!("results-{}.{ending}", if lang == Lang::Zh { "zh" } else { "en" });
    // Both go along with the work, which ends also when the client leaves.
    let (files, turn) = (batch.files().await, Arc::clone(&batches.tables).acquire_owned().await);
    let own = Arc::clone(batch);
    let made = blocking(move || {
        let path = own.folder.join(&name);
        if own.folder.path().exists() && !path.exists() {
            make(&own, form, lang, &path)?;
        }
        drop((files, turn));
        Ok(name)
    });
    let name = made.await?;
    open(batch, name).await
}

/// The normalized photos of a batch.
///
/// # Errors
/// When there are none, the batch is not done, or its files cannot be read.
pub async fn photos(batch: &Arc<Batch>) -> Result<File, Problem> {
    if !batch.normalize {
        let text = Text::new(
            "此批次只检查、未制作照片；请用 normalize=true 发送",
            "this batch was judged only, and has no photos; send it with normalize=true",
        );
        return Err(Problem::new(Code::NotFound, text));
    }
    whole(batch)?;
    open(batch, PHOTOS.to_owned()).await
}

/// Refuses the results of a batch that has not all of them.
fn whole(batch: &Batch) -> Result<(), Problem> {
    let progress = batch.progress();
    match progress.phase {
        Phase::Done => Ok(()),
        Phase::Waiting | Phase::Running => {
            let (done, total) = (progress.done, batch.size.total);
            let text = Text::new(
                format!("已完成 {done}/{total}，请稍后再取结果"),
                format!("{done} of {total} files are done; ask again when all are"),
            );
            Err(Problem::new(Code::BatchRunning, text))
        }
        Phase::Cancelled | Phase::Failed => Err(Problem::plain(Code::BatchFailed)),
    }
}

/// Opens a file of a batch. One that is gone was deleted a moment ago.
async fn open(batch: &Arc<Batch>, name: String) -> Result<File, Problem> {
    let path = batch.folder.join(&name);
    let opened = blocking(move || match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    });
    opened.await?.ok_or_else(unknown)
}

/// Makes a table of the rows. Memory holds one row at a time.
fn make(batch: &Batch, form: Form, lang: Lang, path: &Path) -> io::Result<()> {
    let out = WholeFile::create(path)?;
    let mut table: Box<dyn Renderer> = match form {
        Form::Xlsx => Box::new(XlsxReport::new(out, batch.folder.path(), &[lang])?),
        _ => Box::new(CsvReport::new(out, &[lang], true)?),
    };
    let rows = BufReader::new(File::open(batch.folder.join(ROWS))?);
    for (place, line) in rows.lines().enumerate() {
        let row: Row = serde_json::from_str(&line?)?;
        table.row(&Item { place, row: &row, look: None })?;
    }
    let tally = batch.tally().clone();
    table.finish(&End { summary: &tally.finish(batch.size.skipped), findings: None })
}
