//! Server-sent events, both ways (WHATWG HTML, section 9.2).
//!
//! The decoder takes bytes however the network cut them and hands out whole events.
//! It differs from a browser in two ways: an event with text that is not UTF-8 is handed out
//! as unreadable rather than with that text replaced, since what passes here must not be changed
//! silently; and events are bounded.

use std::collections::VecDeque;

/// One event as the wire format of an event stream, blank line included.
///
/// Each line of `data` (ended by LF, CR LF or CR) becomes a `data:` line; a decoder
/// joins them by LF. `event` and `id` cannot have line ends, and an `id` no NUL:
/// these characters are left out, so that no value can forge a field.
#[must_use]
pub fn encode(event: Option<&str>, id: Option<&str>, data: &str) -> String {
    let mut text = String::with_capacity(data.len() + 32);
    for (field, value) in [("event", event), ("id", id)] {
        if let Some(value) = value {
            text.push_str(field);
            text.push_str(": ");
            text.extend(value.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')));
            text.push('\n');
        }
    }
    let mut rest = Some(data);
    while let Some(lines) = rest {
        let (line, after) = match lines.split_once(['\r', '\n']) {
            Some((line, after)) if lines[line.len()..].starts_with("\r\n") => (line, after.strip_prefix('\n')),
            Some((line, after)) => (line, Some(after)),
            None => (lines, None),
        };
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push('\n');
    text
}

/// A comment as the wire format of an event stream: what keeps a connection open without
/// being an event (MCP 2026-07-28, Streamable HTTP, "Receiving Messages"). To be sent
/// between events; line ends in `text` are left out.
#[must_use]
pub fn comment(text: &str) -> String {
    let line: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    format!(": {line}\n\n")
}

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its type; `None` is `message`.
    pub event: Option<String>,
    /// The id given with it; see [`Decoder::last_event_id`] for resuming.
    pub id: Option<String>,
    /// Its data, lines joined by LF; possibly empty.
    pub data: String,
    /// The reconnection time given with it, in milliseconds.
    pub retry: Option<u64>,
    /// A field of it is not UTF-8, and is left out.
    pub unreadable: bool,
}

/// Why a stream cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// An event, or a line of one, is larger than the decoder's bound.
    #[error("an event is larger than {0} bytes")]
    TooLarge(usize),
}

/// What a stream had beside its events: comments, unknown fields, fields that were said again, blocks without data.
/// Nothing bounds how much of that comes before the next event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// How many lines.
    pub lines: usize,
    /// Their bytes, without line ends.
    pub bytes: usize,
}

/// Reads an event stream piece by piece: [`push`](Self::push) bytes as they come,
/// then [`pop`](Self::pop) until there is nothing. What a stream that ends leaves
/// unfinished is no event ([`unfinished`](Self::unfinished)) and is dropped with the decoder.
#[derive(Debug)]
pub struct Decoder {
    max_event_bytes: usize,
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The event that has not ended yet.
    open: Event,
    /// Whether it has a data line; without one it is none.
    has_data: bool,
    after_carriage_return: bool,
    at_start: bool,
    ready: VecDeque<Event>,
    last_event_id: Option<String>,
    failed: Option<DecodeError>,
    passed_over: PassedOver,
}

impl Decoder {
    /// A decoder for a new stream. An event may have `max_event_bytes` in its fields
    /// and its unfinished line together.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            max_event_bytes,
            line: Vec::new(),
            open: Event::default(),
            has_data: false,
            after_carriage_return: false,
            at_start: true,
            ready: VecDeque::new(),
            last_event_id: None,
            failed: None,
            passed_over: PassedOver::default(),
        }
    }

    /// Takes the next bytes of the stream, cut anywhere.
    ///
    /// # Errors
    /// [`DecodeError`], from then on for every call. Events that were whole before
    /// can still be popped.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let pushed = self.split_lines(bytes);
        self.failed = pushed.err();
        pushed
    }

    /// The next whole event.
    pub fn pop(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// What the stream ended in the middle of, as if a blank line had come. By the standard it is no event: whoever takes it
    /// sees to it that it is whole. To be asked when nothing can be popped any more.
    pub fn unfinished(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.end_line(&line);
        }
        self.end_event();
        self.pop()
    }

    /// What was passed over since this was last asked.
    pub fn take_passed_over(&mut self) -> PassedOver {
        std::mem::take(&mut self.passed_over)
    }

    fn pass_over(&mut self, bytes: usize) {
        self.passed_over.lines += 1;
        self.passed_over.bytes += bytes;
    }

    /// The id of the last block that had one, to be sent as `Last-Event-ID` when the
    /// stream is resumed; `None` also after an empty id, which resets it.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    fn split_lines(&mut self, mut bytes: &[u8]) -> Result<(), DecodeError> {
        while let Some(first) = bytes.first() {
            if std::mem::take(&mut self.after_carriage_return) && *first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            let event = &self.open;
            let held = [&event.event, &event.id].into_iter().flatten().map(String::len);
            let held = held.sum::<usize>() + event.data.len() + self.line.len();
            if held + piece.len() > self.max_event_bytes {
                return Err(DecodeError::TooLarge(self.max_event_bytes));
            }
            self.line.extend_from_slice(piece);
            let Some(end) = end else {
                return Ok(());
            };
            self.after_carriage_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            let mut line = std::mem::take(&mut self.line);
            self.end_line(&line);
            line.clear();
            self.line = line;
        }
        Ok(())
    }

    fn end_line(&mut self, line: &[u8]) {
        let line = match std::mem::take(&mut self.at_start) {
            true => line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line),
            false => line,
        };
        if line.is_empty() {
            return self.end_event();
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let Ok(value) = std::str::from_utf8(value) else {
            self.open.unreadable |= matches!(name, b"data" | b"event" | b"id");
            return self.pass_over(line.len());
        };
        match name {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.open.data.push('\n');
                }
                self.open.data.push_str(value);
            }
            b"event" => {
                if self.open.event.replace(value.to_owned()).is_some() {
                    self.pass_over(line.len());
                }
            }
            b"id" if !value.contains('\0') => {
                if self.open.id.replace(value.to_owned()).is_some() {
                    self.pass_over(line.len());
                }
            }
            b"retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.pass_over(line.len());
                self.open.retry = value.parse().ok();
            }
            _ => self.pass_over(line.len()),
        }
    }

    fn end_event(&mut self) {
        let mut event = std::mem::take(&mut self.open);
        if let Some(id) = &event.id {
            self.last_event_id = Some(id.clone()).filter(|id| !id.is_empty());
        }
        if std::mem::take(&mut self.has_data) || event.unreadable {
            event.event = event.event.filter(|name| !name.is_empty());
            self.ready.push_back(event);
        } else {
            let fields = [&event.event, &event.id].into_iter().flatten().map(String::len);
            self.pass_over(fields.sum());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn decode(stream: &[u8]) -> Vec<Event> {
        let mut decoder = Decoder::new(1_000);
        decoder.push(stream).unwrap();
        std::iter::from_fn(|| decoder.pop()).collect()
    }

    fn data(stream: &str) -> Vec<String> {
        let events = decode(stream.as_bytes());
        events.into_iter().map(|event| event.data).collect()
    }

    #[test]
    fn an_event_is_written_as_the_standard_shows() {
        let text = encode(Some("message"), Some("7"), "a\r\n\rb\n");
        assert_eq!(text, "event: message\nid: 7\ndata: a\ndata: \ndata: b\ndata: \n\n");
        assert_eq!(encode(None, None, ""), "data: \n\n");
    }

    #[test]
    fn no_value_can_forge_a_field() {
        let text = encode(Some("a\ndata: x"), Some("1\r\n\0data: y"), "z");
        assert_eq!(text, "event: adata: x\nid: 1data: y\ndata: z\n\n");
    }

    #[test]
    fn a_comment_is_no_event_whatever_it_says() {
        let stream = [comment("keep-alive"), comment("a\r\ndata: x\n\n"), encode(None, None, "1")].concat();
        assert_eq!(data(&stream), ["1"]);
        assert!(stream.starts_with(": keep-alive\n\n"));
    }

    #[test]
    fn all_line_ends_and_a_byte_order_mark_are_understood() {
        assert_eq!(data("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n"), ["a", "b", "c"]);
        assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
        assert_eq!(data("\n\u{feff}data: a\n\n"), [""; 0]);
    }

    #[test]
    fn what_a_stream_ends_in_can_be_asked_for() {
        for (stream, expected) in [
            ("data: a\n\ndata: b\ndata: c", Some("b\nc")),
            ("data: a\n\nid: 1", None),
            ("data: a\n\n", None),
            ("", None),
        ] {
            let mut decoder = Decoder::new(1_000);
            decoder.push(stream.as_bytes()).unwrap();
            while decoder.pop().is_some() {}
            assert_eq!(decoder.unfinished().map(|event| event.data).as_deref(), expected, "{stream:?}");
        }
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        let stream = ": hi\ndata:a\ndata:  b\ndata\nevent:e\nevent: f\nid: 1\nretry: 250\nx: y\n\n";
        let data = "a\n b\n".into();
        let event = Event { event: Some("f".into()), id: Some("1".into()), data, retry: Some(250), ..Event::default() };
        assert_eq!(decode(stream.as_bytes()), [event]);
        let stream = b"event:\nid: \0\nretry: 1x\nretry:\ndata: \xc3\xa9\n\n";
        let event = Event { data: "é".into(), ..Event::default() };
        assert_eq!(decode(stream), [event]);
    }

    #[test]
    fn a_block_without_data_is_no_event_but_its_id_counts() {
        let mut decoder = Decoder::new(100);
        decoder.push(b"event: x\nid: 4\n\n").unwrap();
        assert_eq!((decoder.pop(), decoder.last_event_id()), (None, Some("4")));
        decoder.push(b"id: 5\ndata:\n\ndata: 1\n\nid: 6\n").unwrap();
        assert_eq!(decoder.pop().unwrap().id.as_deref(), Some("5"));
        assert_eq!(decoder.pop().unwrap().id, None);
        assert_eq!(decoder.last_event_id(), Some("5"));
        decoder.push(b"id\n\n").unwrap();
        assert_eq!(decoder.last_event_id(), None);
    }

    #[test]
    fn an_event_over_the_bound_ends_the_stream() {
        for stream in [
            format!("data: {}", "x".repeat(100)),
            format!(": {}", "x".repeat(100)),
            "data: 12345678\n".repeat(13),
            "data\n".repeat(200),
            format!("event: {}\nid: {}\ndata: 1", "e".repeat(50), "i".repeat(45)),
        ] {
            let mut decoder = Decoder::new(100);
            decoder.push(b"data: whole\n\n").unwrap();
            let error = decoder.push(stream.as_bytes()).unwrap_err();
            assert_eq!(error, DecodeError::TooLarge(100), "{stream}");
            assert_eq!(decoder.push(b"\n\n"), Err(error));
            assert_eq!(decoder.pop().map(|event| event.data).as_deref(), Some("whole"));
            assert_eq!(decoder.pop(), None);
        }
    }

    #[test]
    fn what_is_no_event_is_counted_and_what_is_one_is_not() {
        for (stream, lines) in [
            (":\n".repeat(10), 10),
            ("\n".repeat(10), 10),
            ("x: y\n".repeat(10), 10),
            ("id: 1\n\n".repeat(10), 10),
            ("event: 1\n".repeat(10), 9),
            ("id: 1\n".repeat(10), 9),
            ("retry: 1\n".repeat(10), 10),
            ("event: message\nid: 1\ndata: 1\n\n".repeat(10), 0),
        ] {
            let mut decoder = Decoder::new(100);
            decoder.push(stream.as_bytes()).unwrap();
            assert_eq!(decoder.take_passed_over().lines, lines, "{stream:?}");
            assert_eq!(decoder.take_passed_over(), PassedOver::default());
        }
        let mut decoder = Decoder::new(100);
        decoder.push(b": 45678\r\n").unwrap();
        assert_eq!(decoder.take_passed_over().bytes, 7);
    }

    #[test]
    fn the_bound_is_for_each_event_alone() {
        let mut decoder = Decoder::new(100);
        for _ in 0..100 {
            decoder.push(format!(": keep-alive\n\ndata: {}\n\n", "x".repeat(90)).as_bytes()).unwrap();
            assert!(decoder.pop().is_some());
        }
    }

    #[test]
    fn an_event_that_is_not_utf8_is_unreadable_and_the_next_one_is_not() {
        let mut decoder = Decoder::new(100);
        decoder.push(b": \xff\nx: \xff\n\ndata: a\ndata: \xff\n\ndata: b\n\n").unwrap();
        let events: Vec<_> = std::iter::from_fn(|| decoder.pop()).map(|event| (event.unreadable, event.data)).collect();
        assert_eq!(events, [(true, "a".to_owned()), (false, "b".to_owned())]);
        decoder.push(b"event: \xff\n\n").unwrap();
        assert!(decoder.pop().unwrap().unreadable);
    }
}
