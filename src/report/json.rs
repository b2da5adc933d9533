//! JSON: the contract the other renderings are made from.
//!
//! A run is either one [`Document`] (`json`) or one [`Row`] a line (`jsonl`). Both are written row by row, so that a run
//! over a large folder needs no more memory than one over a small one. `docs/report.schema.json` is the JSON Schema of
//! [`Document`]; its `$defs` hold [`Row`] and [`Report`](super::Report).

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Findings, Row, SCHEMA, Summary};

/// The whole of a run, as `--format json` writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Version of this shape.
    pub schema: u32,
    /// One for each file, in input order.
    pub rows: Vec<Row>,
    /// Counts over the rows.
    pub summary: Summary,
    /// Findings over all photos; absent when none were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Findings>,
}

/// The JSON Schema (2020-12) of [`Document`].
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Document);
    schema.insert("title".into(), "gradphoto report, schema 1".into());
    schema.to_value()
}

/// Writes `row` as one line.
pub fn write_line(row: &Row, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, row)?;
    out.write_all(b"\n")
}

/// Writes a [`Document`] row by row.
#[derive(Debug, Default)]
pub struct DocumentWriter {
    rows: u64,
}

impl DocumentWriter {
    /// Writes one row, and the head of the document before the first.
    pub fn row(&mut self, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        self.open(out)?;
        serde_json::to_writer(&mut *out, row)?;
        self.rows += 1;
        Ok(())
    }

    /// Writes the summary and closes the document.
    pub fn finish(self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        self.finish_with(summary, None, out)
    }

    /// Writes the summary and the findings, and closes the document.
    pub fn finish_with(
        mut self,
        summary: &Summary,
        findings: Option<&Findings>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if self.rows == 0 {
            self.open(out)?;
        }
        out.write_all(b"\n],\"summary\":")?;
        serde_json::to_writer(&mut *out, summary)?;
        if let Some(findings) = findings {
            out.write_all(b",\"findings\":")?;
            serde_json::to_writer(&mut *out, findings)?;
        }
        out.write_all(b"}\n")
    }

    fn open(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.rows {
            0 => writeln!(out, "{{\"schema\":{SCHEMA},\"rows\":["),
            _ => out.write_all(b",\n"),
        }
    }
}
