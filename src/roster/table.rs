//! The list of candidates: CSV in UTF-8 or GB18030, or a workbook.
//!
//! Which columns hold numbers and names is known by words of the header, wherever the header stands among the first
//! rows, or said by the caller.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use calamine::{Data, Reader, open_workbook_auto};

use crate::batch::names::decoded;

/// Rows the header is looked for in; above it stand titles.
const HEADER_WITHIN: usize = 10;
/// Longest list, in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// Whole numbers above this have lost digits in a workbook's cell of numbers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Header words of the columns with numbers of candidates.
const NUMBER_WORDS: &[&str] =
    &["准考证号", "考生号", "报名号", "考籍号", "学号", "考号", "admission number", "exam number", "number", "no"];
/// Header words of the column with identity numbers.
const ID_WORDS: &[&str] = &["身份证号", "身份证号码", "身份证件号", "证件号码", "证件号", "id number", "id"];
/// Header words of the column with names.
const NAME_WORDS: &[&str] = &["姓名", "考生姓名", "学生姓名", "name"];

/// Why a list of candidates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// The file cannot be read.
    #[error("roster {path}: {source}", path = path.display())]
    Io {
        /// The list.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The text is no CSV.
    #[error("roster {path}: {source}", path = path.display())]
    Csv {
        /// The list.
        path: PathBuf,
        /// Why.
        source: csv::Error,
    },
    /// The workbook cannot be read.
    #[error("roster {path}: {why}; save it as .xlsx or as CSV", path = path.display())]
    Workbook {
        /// The list.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// No column is known.
    #[error(
        "roster {path}: no column is headed 准考证号, 身份证号 or 姓名 (number, id, name); name them with \
         --roster-columns number=...,id=...,name=... The first row is: {first}",
        path = path.display()
    )]
    NoColumns {
        /// The list.
        path: PathBuf,
        /// Its first row.
        first: String,
    },
    /// A column that was named is not there.
    #[error("roster {path}: no column is headed `{column}`", path = path.display())]
    NoSuchColumn {
        /// The list.
        path: PathBuf,
        /// The column that was named.
        column: String,
    },
    /// A long number was stored as one, and the workbook has rounded it.
    #[error(
        "roster {path}, row {row}: the number {value} was rounded by the spreadsheet; format the column as text and \
         enter the numbers again",
        path = path.display()
    )]
    Rounded {
        /// The list.
        path: PathBuf,
        /// The row, from 1.
        row: usize,
        /// What is left of the number.
        value: f64,
    },
    /// A header and nothing else.
    #[error("roster {path}: the list has no candidates", path = path.display())]
    Empty {
        /// The list.
        path: PathBuf,
    },
}

/// Columns as the caller names them; an absent one is found by its header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// Number of admission.
    pub number: Option<String>,
    /// Identity number.
    pub id: Option<String>,
    /// Name.
    pub name: Option<String>,
}

impl std::str::FromStr for Columns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut columns = Self::default();
        for part in text.split(',') {
            let column = part.split_once('=').map(|(key, column)| (key.trim(), column.trim().to_owned()));
            match column {
                Some(("number", column)) => columns.number = Some(column),
                Some(("id", column)) => columns.id = Some(column),
                Some(("name", column)) => columns.name = Some(column),
                _ => return Err(format!("`{part}`: expected number=HEADER, id=HEADER or name=HEADER")),
            }
        }
        Ok(columns)
    }
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidate {
    /// Numbers a photo may be called by, with a capital X: that of admission, that of identity.
    pub numbers: Vec<String>,
    /// Name.
    pub name: Option<String>,
    /// Row of the list, from 1.
    pub row: usize,
}

/// A list of candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// The candidates, in the order of the list.
    pub candidates: Vec<Candidate>,
}

impl Roster {
    /// Reads a list; what does not end like a workbook is CSV.
    ///
    /// # Errors
    /// When it cannot be read, has no known column, or no candidates.
    pub fn read(path: &Path, columns: &Columns) -> Result<Self, RosterError> {
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        let is_workbook =
            ending.is_some_and(|ending| ["xlsx", "xlsm", "xlsb", "xls", "ods"].iter().any(|known| ending == *known));
        let failed = |source| RosterError::Io { path: path.to_owned(), source };
        if fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
            return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "no list of candidates is that long")));
        }
        let rows = if is_workbook { workbook(path)? } else { text(path)? };
        Self::of(path, &rows, columns)
    }

    fn of(path: &Path, rows: &[Vec<String>], columns: &Columns) -> Result<Self, RosterError> {
        let (header, places) = find_columns(path, rows, columns)?;
        let cell = |row: &[String], place: Option<usize>| {
            place
                .and_then(|place| row.get(place))
                .map(|cell| cell.trim())
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
        };
        let candidates: Vec<Candidate> = (header + 2..)
            .zip(&rows[header + 1..])
            .map(|(number, row)| {
                let [admission, id, name] = places;
                let numbers = [admission, id].into_iter().filter_map(|place| cell(row, place));
                // A leading apostrophe is how spreadsheets are told that a number is text.
                let numbers = numbers.map(|number| number.trim_start_matches('\'').to_uppercase()).collect();
                Candidate { numbers, name: cell(row, name), row: number }
            })
            .filter(|candidate| !candidate.numbers.is_empty() || candidate.name.is_some())
            .collect();
        if candidates.is_empty() {
            return Err(RosterError::Empty { path: path.to_owned() });
        }
        Ok(Self { candidates })
    }
}

/// The row of the header, and the places of number, id and name.
fn find_columns(
    path: &Path,
    rows: &[Vec<String>],
    columns: &Columns,
) -> Result<(usize, [Option<usize>; 3]), RosterError> {
    let wanted = [(&columns.number, NUMBER_WORDS), (&columns.id, ID_WORDS), (&columns.name, NAME_WORDS)];
    for (at, row) in rows.iter().enumerate().take(HEADER_WITHIN) {
        let heads: Vec<String> = row.iter().map(|head| simple(head)).collect();
        let place = |words: &[&str]| words.iter().find_map(|word| heads.iter().position(|head| head == word));
        let places = wanted.map(|(named, words)| match named {
            Some(named) => heads.iter().position(|head| *head == simple(named)),
            None => place(words),
        });
        let named_are_there = wanted.iter().zip(places).all(|((named, _), place)| named.is_none() || place.is_some());
        if named_are_there && places.iter().any(Option::is_some) {
            return Ok((at, places));
        }
    }
    let named = [&columns.number, &columns.id, &columns.name].into_iter().flatten().next();
    Err(match named {
        Some(column) => RosterError::NoSuchColumn { path: path.to_owned(), column: column.clone() },
        None => RosterError::NoColumns {
            path: path.to_owned(),
            first: rows.first().map(|row| row.join(", ")).unwrap_or_default(),
        },
    })
}

/// A header without what people put around it.
fn simple(head: &str) -> String {
    head.trim_start_matches('\u{feff}').trim().trim_matches(['*', '＊', ':', '：']).trim().to_lowercase()
}

fn text(path: &Path) -> Result<Vec<Vec<String>>, RosterError> {
    let bytes = fs::read(path).map_err(|source| RosterError::Io { path: path.to_owned(), source })?;
    let text = decoded(&bytes);
    // Excel writes tabs when it is asked for "Unicode text".
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.contains('\t') && !first.contains(',') { b'\t' } else { b',' };
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
        .records()
        .map(|row| row.map(|row| row.iter().map(str::to_owned).collect()))
        .collect::<Result<_, _>>()
        .map_err(|source| RosterError::Csv { path: path.to_owned(), source })
}

/// The rows of the first sheet.
fn workbook(path: &Path) -> Result<Vec<Vec<String>>, RosterError> {
    let refuse = |why: String| RosterError::Workbook { path: path.to_owned(), why };
    let mut workbook = open_workbook_auto(path).map_err(|error| refuse(error.to_string()))?;
    let sheet = workbook
        .worksheet_range_at(0)
        .ok_or_else(|| refuse("it has no sheet".to_owned()))?
        .map_err(|error| refuse(error.to_string()))?;
    let first = sheet.start().map_or(0, |(row, _)| row as usize);
    let mut rows = vec![Vec::new(); first];
    for row in sheet.rows() {
        let number = rows.len() + 1;
        rows.push(row.iter().map(|cell| written(path, number, cell)).collect::<Result<_, _>>()?);
    }
    Ok(rows)
}

/// A cell as it is written; a whole number without decimals.
fn written(path: &Path, row: usize, cell: &Data) -> Result<String, RosterError> {
    match cell {
        Data::Float(value) if value.abs() > EXACT => {
            Err(RosterError::Rounded { path: path.to_owned(), row, value: *value })
        }
        Data::Float(value) if value.fract() == 0.0 => Ok(format!("{value:.0}")),
        Data::Empty => Ok(String::new()),
        cell => Ok(cell.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8], columns: &str) -> Result<Roster, RosterError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        let columns = if columns.is_empty() { Columns::default() } else { columns.parse().unwrap() };
        Roster::read(file.path(), &columns)
    }

    fn candidate(numbers: &[&str], name: &str, row: usize) -> Candidate {
        Candidate { numbers: numbers.iter().map(|n| (*n).to_owned()).collect(), name: Some(name.to_owned()), row }
    }

    #[test]
    fn columns_are_found_by_their_headers() {
        let list = "2024年毕业生名单,,\n序号,*姓名,身份证号码：\n1,张三,11010519491231002x\n2,李四,'123\n,,\n";
        let expected = [candidate(&["11010519491231002X"], "张三", 3), candidate(&["123"], "李四", 4)];
        assert_eq!(read(list.as_bytes(), "").unwrap().candidates, expected);
        let (gbk, ..) = encoding_rs::GB18030.encode(list);
        assert_eq!(read(&gbk, "").unwrap().candidates, expected);
    }

    #[test]
    fn columns_are_named_by_the_caller() {
        let list = b"a,b\n1,Li\n";
        assert!(matches!(read(list, ""), Err(RosterError::NoColumns { .. })));
        assert_eq!(read(list, "number=A,name=b").unwrap().candidates, [candidate(&["1"], "Li", 2)]);
        assert!(matches!(read(list, "number=c"), Err(RosterError::NoSuchColumn { column, .. }) if column == "c"));
        assert!("b".parse::<Columns>().is_err() && "sum=b".parse::<Columns>().is_err());
        assert!(matches!(read(b"name\n", ""), Err(RosterError::Empty { .. })));
    }

    #[test]
    fn a_rounded_number_is_refused() {
        let path = Path::new("x.xlsx");
        assert_eq!(written(path, 1, &Data::Float(12_345_678_901.0)).unwrap(), "12345678901");
        assert!(matches!(written(path, 7, &Data::Float(1.1e17)), Err(RosterError::Rounded { row: 7, .. })));
    }
}
