//! Event streams: how the network cuts a stream changes nothing, and what is encoded is
//! decoded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::sse::{DecodeError, Decoder, Event, comment, encode};

const MAX_EVENT_BYTES: usize = 256;

fuzz_target!(|data: &[u8]| {
    let whole = decode(data.chunks(data.len().max(1)));
    for size in [1, 2, 3, 5, 7, 64] {
        assert_eq!(decode(data.chunks(size)), whole, "in pieces of {size}");
    }
    for event in &whole.0 {
        assert!(event.data.len() <= MAX_EVENT_BYTES);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        encoded_is_decoded(text);
    }
});

type Decoded = (Vec<Event>, Option<String>, Option<DecodeError>);

fn decode<'d>(pieces: impl Iterator<Item = &'d [u8]>) -> Decoded {
    let mut decoder = Decoder::new(MAX_EVENT_BYTES);
    let mut events = Vec::new();
    let mut failed = None;
    for piece in pieces {
        let pushed = decoder.push(piece);
        assert!(failed.is_none() || pushed.err() == failed, "an error is for good");
        failed = pushed.err();
        events.extend(std::iter::from_fn(|| decoder.pop()));
    }
    (events, decoder.last_event_id().map(str::to_owned), failed)
}

/// `text` is three pieces with the character U+001E between: type, id and data.
fn encoded_is_decoded(text: &str) {
    let mut parts = text.splitn(3, '\u{1e}');
    let data = parts.next().unwrap_or_default();
    let (event, id) = (parts.next(), parts.next());
    let stream = [comment(text), encode(event, id, data), comment(text), encode(None, None, "end")].concat();

    let line = |text: &str| text.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')).collect::<String>();
    let expected = Event {
        event: event.map(line).filter(|event| !event.is_empty()),
        id: id.map(line),
        data: data.replace("\r\n", "\n").replace('\r', "\n"),
        ..Event::default()
    };
    // A server may end its lines in any of the three ways.
    for line_end in ["\n", "\r\n", "\r"] {
        let stream = stream.replace('\n', line_end);
        let mut decoder = Decoder::new(2 * stream.len());
        for piece in stream.as_bytes().chunks(7) {
            decoder.push(piece).expect("it is not too large");
        }
        assert_eq!(decoder.pop().as_ref(), Some(&expected), "{stream:?}");
        assert_eq!(decoder.pop().map(|event| event.data).as_deref(), Some("end"));
        assert_eq!(decoder.pop(), None);
    }
}
