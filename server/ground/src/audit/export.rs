//! Audit records as a file: JSON Lines or CSV (RFC 4180), encoded a few at a time.

use api_types::AuditRecordDetail;

use crate::error::{Error, Result};

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object in each line.
    JsonLines,
    /// Comma-separated, with a line of names first; harmless when opened in a spreadsheet.
    Csv,
}

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The names of the columns.
const COLUMNS: [&str; 20] = [
    "id",
    "at",
    "request_id",
    "actor_kind",
    "actor_id",
    "actor_name",
    "actor_org_id",
    "action",
    "toolkit",
    "tool",
    "rule",
    "approval_id",
    "client",
    "status",
    "duration_us",
    "request",
    "response",
    "answer",
    "bodies_left_out",
    "source",
];

impl Format {
    /// The format of this name: `jsonl` or `csv`.
    pub fn named(name: &str) -> Option<Self> {
        [Self::JsonLines, Self::Csv].into_iter().find(|format| format.name() == name)
    }

    /// Its name, which is also how the file's name ends.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/jsonl",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// What stands before the first record. CSV begins with a byte-order mark: spreadsheets take a file without one for text
    /// of an older encoding, and show what is not ASCII as something else.
    ///
    /// # Errors
    /// None that can happen.
    pub fn head(self) -> Result<Vec<u8>> {
        match self {
            Self::JsonLines => Ok(Vec::new()),
            Self::Csv => {
                let mut bytes = BYTE_ORDER_MARK.to_vec();
                bytes.extend(csv_lines([COLUMNS.map(String::from)])?);
                Ok(bytes)
            }
        }
    }

    /// Some records, in their order.
    ///
    /// # Errors
    /// None that can happen.
    pub fn encode(self, records: &[AuditRecordDetail]) -> Result<Vec<u8>> {
        match self {
            Self::JsonLines => {
                let mut bytes = Vec::new();
                for record in records {
                    serde_json::to_writer(&mut bytes, record).map_err(Error::internal)?;
                    bytes.push(b'\n');
                }
                Ok(bytes)
            }
            Self::Csv => csv_lines(records.iter().map(cells)),
        }
    }
}

fn csv_lines(lines: impl IntoIterator<Item = [String; COLUMNS.len()]>) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Always)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for line in lines {
        writer.write_record(line).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(|error| Error::internal(error.to_string()))
}

fn cells(detail: &AuditRecordDetail) -> [String; COLUMNS.len()] {
    let record = &detail.record;
    let maybe = |text: &Option<String>| text.clone().unwrap_or_default();
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let cells = [
        record.id.to_string(),
        record.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        record.request_id.to_string(),
        record.actor_kind.clone(),
        id(record.actor_id),
        record.actor_name.clone(),
        id(record.actor_org_id),
        record.action.clone(),
        maybe(&record.toolkit),
        maybe(&record.tool),
        maybe(&record.rule),
        id(record.approval_id),
        maybe(&record.client),
        record.status.clone(),
        record.duration_us.map(|us| us.to_string()).unwrap_or_default(),
        maybe(&detail.request),
        maybe(&detail.response),
        maybe(&record.answer),
        detail.bodies_left_out.to_string(),
        maybe(&record.source),
    ];
    cells.map(harmless)
}

/// What spreadsheets run as a formula when a cell begins with it (OWASP, "CSV Injection"), also in the
/// full-width forms of Chinese and Japanese keyboards.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// What some split cells at, by the language of who opens the file, and not always with an eye on quotes.
const SEPARATORS: [char; 3] = [';', '\t', '|'];

/// Apostrophes make text of what a spreadsheet would run: before a cell that begins with it, and before
/// each place where a cell could be split in front of it. The one at the very front also tells that the cell
/// is not as it was.
fn harmless(cell: String) -> String {
    let begins = |text: &str| text.trim_start_matches([' ', '"']).starts_with(FORMULA);
    let mut text = String::new();
    let mut rest = cell.as_str();
    while let Some(at) = rest.find(SEPARATORS) {
        // Every separator is one byte.
        let (piece, after) = rest.split_at(at + 1);
        text.push_str(piece);
        if begins(after) {
            text.push('\'');
        }
        rest = after;
    }
    text.push_str(rest);
    if text.len() > cell.len() || begins(&cell) || cell.starts_with(['\t', '\r', '\n']) {
        text.insert(0, '\'');
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails")]
mod tests {
    use super::*;

    fn record(tool: &str, request: Option<&str>) -> AuditRecordDetail {
        serde_json::from_value(serde_json::json!({
            "id": uuid::Uuid::nil(), "at": "2026-11-21T10:00:00.5Z", "request_id": uuid::Uuid::nil(),
            "actor_kind": "key", "actor_id": null, "actor_name": "robot", "actor_org_id": null,
            "action": "tools/call", "toolkit": "bank", "tool": tool, "rule": null, "approval_id": null,
            "client": null, "status": "ok", "duration_us": 12, "request": request, "response": null,
        }))
        .unwrap()
    }

    #[test]
    fn what_a_spreadsheet_would_run_becomes_text() {
        for wicked in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "  =1", "＝1+1", "＋1", "－1", " ＠SUM(A1)"] {
            let bytes = Format::Csv.encode(&[record(wicked, None)]).unwrap();
            let line = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]).records().next().unwrap();
            assert_eq!(&line.unwrap()[9], format!("'{wicked}"));
        }
    }

    #[test]
    fn what_would_begin_a_cell_for_another_separator_becomes_text() {
        for (wicked, text) in [
            ("a;=1+1;b", "'a;'=1+1;b"),
            ("a\t+1", "'a\t'+1"),
            ("a| -1", "'a|' -1"),
            ("a;\"@x", "'a;'\"@x"),
            ("a;;＝1|-2", "'a;;'＝1|'-2"),
            (";=1", "';'=1"),
        ] {
            assert_eq!(harmless(wicked.to_owned()), text);
        }
        for plain in ["pay", "a;b", "a; b=1", "x - 1", "1|2", "a;", "über;ünter", ""] {
            assert_eq!(harmless(plain.to_owned()), plain);
        }
    }

    #[test]
    fn every_cell_is_quoted() {
        let mut bytes = Format::Csv.head().unwrap();
        bytes.extend(Format::Csv.encode(&[record("a;b", None)]).unwrap());
        let text = String::from_utf8(bytes).unwrap();
        let text = text.strip_prefix('\u{feff}').unwrap();
        for line in text.lines() {
            let cells: Vec<_> = line.split(',').collect();
            assert_eq!(cells.len(), COLUMNS.len(), "{line}");
            assert!(cells.iter().all(|cell| cell.len() > 1 && cell.starts_with('"') && cell.ends_with('"')), "{line}");
        }
        assert!(text.contains(",\"a;b\",\"\",\"\","), "{text}");
    }

    #[test]
    fn quotes_commas_and_line_ends_come_back_as_they_were() {
        let request = "{\"a\":\"x, \\\"y\\\"\"}\nsecond";
        let mut bytes = Format::Csv.head().unwrap();
        bytes.extend(Format::Csv.encode(&[record("pay", Some(request))]).unwrap());
        let mut reader = csv::Reader::from_reader(&bytes[BYTE_ORDER_MARK.len()..]);
        assert_eq!(reader.headers().unwrap(), &COLUMNS[..]);
        let line = reader.records().next().unwrap().unwrap();
        assert_eq!((&line[1], &line[14], &line[15]), ("2026-11-21T10:00:00.500000Z", "12", request));
    }

    #[test]
    fn each_record_is_one_line_of_json() {
        let bytes = Format::JsonLines.encode(&[record("a", Some("x\ny")), record("b", None)]).unwrap();
        let lines: Vec<serde_json::Value> =
            std::str::from_utf8(&bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[0]["request"], &lines[1]["tool"]), (&"x\ny".into(), &"b".into()));
    }
}
