//! Properties of event streams: what is encoded is decoded, however the network cuts.

use proptest::{collection, prelude::*, sample::Index};
use wire::sse::{Decoder, Event, encode};

fn events() -> impl Strategy<Value = Vec<Event>> {
    let name = || proptest::option::of("[^\r\n\0]{1,6}");
    let data = prop_oneof!["[ab:é😀 \r\n]{0,12}", any::<String>()];
    let event = (name(), name(), data).prop_map(|(event, id, data)| Event { event, id, data, ..Event::default() });
    collection::vec(event, 0..5)
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_under_any_split(
        events in events(),
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        mark in any::<bool>(),
        cuts in collection::vec(any::<Index>(), 0..12),
    ) {
        let mut stream = if mark { "\u{feff}".to_owned() } else { String::new() };
        for event in &events {
            let text = encode(event.event.as_deref(), event.id.as_deref(), &event.data);
            stream.push_str(&text.replace('\n', line_end));
        }
        let bytes = stream.as_bytes();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.push(bytes.len());
        cuts.sort_unstable();

        let mut decoder = Decoder::new(10_000);
        let mut decoded = Vec::new();
        let mut at = 0;
        for cut in cuts {
            decoder.push(&bytes[at..cut]).unwrap();
            decoded.extend(std::iter::from_fn(|| decoder.pop()));
            at = cut;
        }
        let expected: Vec<_> = events
            .into_iter()
            .map(|event| Event {
                data: event.data.replace("\r\n", "\n").replace('\r', "\n"),
                ..event
            })
            .collect();
        prop_assert_eq!(decoded, expected);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic_or_hold_more_than_its_bound(
        pieces in collection::vec(collection::vec(any::<u8>(), 0..40), 0..20),
    ) {
        let mut decoder = Decoder::new(64);
        for piece in pieces {
            let _ = decoder.push(&piece);
            while let Some(event) = decoder.pop() {
                prop_assert!(event.data.len() <= 64);
            }
        }
    }
}
