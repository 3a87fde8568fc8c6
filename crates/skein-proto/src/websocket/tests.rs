//! The rules of RFC 6455 one by one, then streams that nobody thought of.

use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1_000;
const MASK: [u8; 4] = [9, 8, 7, 6];

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_frame(&mut out, 0, payload, Some(MASK));
    out[0] = first;
    out
}

fn decode_all(bytes: &[u8]) -> Result<Vec<WsEvent>, WsError> {
    let mut decoder = WebSocketDecoder::new(Role::Server, LIMIT);
    let (mut input, mut events) = (BytesMut::from(bytes), Vec::new());
    while let Some(event) = decoder.decode(&mut input)? {
        events.push(event);
    }
    Ok(events)
}

#[test]
fn the_handshake_example_of_the_rfc() {
    assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn control_frames_may_come_between_fragments() {
    let bytes = [frame(0x01, b"he"), frame(0x89, b"?"), frame(0x80, b"llo")].concat();
    let expected = [WsEvent::Ping(Bytes::from("?")), WsEvent::Text(Bytes::from("hello"))];
    assert_eq!(decode_all(&bytes).unwrap(), expected);
}

#[test]
fn a_character_may_be_cut_between_fragments_but_not_at_the_end() {
    let bytes = [frame(0x01, &[0xe9, 0xb8]), frame(0x80, &[0xbf])].concat();
    assert_eq!(decode_all(&bytes).unwrap(), [WsEvent::Text(Bytes::from("鸿"))]);
    assert_eq!(decode_all(&frame(0x81, &[0xe9, 0xb8])), Err(WsError::NotUtf8));
}

#[test]
fn each_breach_has_its_close_code() {
    let close = |code: u16, reason: &[u8]| frame(0x88, &[&code.to_be_bytes()[..], reason].concat());
    for (name, bytes, code) in [
        ("unmasked", vec![0x81, 1, b'x'], 1002),
        ("reserved bit", frame(0xc1, b"x"), 1002),
        ("reserved opcode", frame(0x83, b"x"), 1002),
        ("reserved control opcode", frame(0x8b, b"x"), 1002),
        ("nothing to continue", frame(0x80, b"x"), 1002),
        ("nested message", [frame(0x01, b"x"), frame(0x81, b"y")].concat(), 1002),
        ("fragmented ping", frame(0x09, b"x"), 1002),
        ("long ping", frame(0x89, &[0; 126]), 1002),
        ("length with the top bit", vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], 1002),
        ("length not minimal", vec![0x82, 0xfe, 0, 5], 1002),
        ("close of one byte", frame(0x88, &[3]), 1002),
        ("close code 1005", close(1005, b""), 1002),
        ("close code 999", close(999, b""), 1002),
        ("close reason not UTF-8", close(1000, &[0xff]), 1007),
        ("text not UTF-8", frame(0x81, &[0xc0, 0x80]), 1007),
        ("too large", vec![0x82, 0xfe, 0x10, 0], 1009),
        ("false length", vec![0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1009),
        ("fragments too large together", [frame(0x02, &[0; 600]), frame(0x80, &[0; 600])].concat(), 1009),
    ] {
        assert_eq!(decode_all(&bytes).map_err(WsError::close_code), Err(code), "{name}");
    }
    assert_eq!(decode_all(&close(4206, b"bye")).unwrap(), [WsEvent::Close(Some((4206, "bye".to_owned())))]);
}

#[test]
fn a_client_takes_unmasked_frames_only() {
    let mut decoder = WebSocketDecoder::new(Role::Client, 10);
    assert!(decoder.decode(&mut BytesMut::from(frame(0x81, b"x").as_slice())).is_err());
    let plain = decoder.decode(&mut BytesMut::from(&[0x81, 1, b'x'][..]));
    assert_eq!(plain, Ok(Some(WsEvent::Text(Bytes::from("x")))));
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<WebSocketDecoder>() <= 16);
}

/// Everything a decoder says about a stream that comes in pieces, up to its first error.
fn decode_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<WsEvent>, Option<WsError>) {
    let mut decoder = WebSocketDecoder::new(Role::Server, LIMIT);
    let (mut input, mut events) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
        assert!(decoder.fragments.as_ref().is_none_or(|fragments| fragments.payload.len() <= LIMIT));
    }
    (events, None)
}

/// One message, cut into fragments with a ping between them.
fn message_stream() -> impl Strategy<Value = (Vec<u8>, Vec<WsEvent>)> {
    let payload = prop_oneof![
        ".{0,60}".prop_map(|text| (true, text.into_bytes())),
        prop::collection::vec(any::<u8>(), 0..LIMIT).prop_map(|bytes| (false, bytes)),
    ];
    (payload, prop::collection::vec(any::<prop::sample::Index>(), 0..4), any::<bool>()).prop_map(
        |((text, payload), cuts, pinged)| {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
            cuts.extend([0, payload.len()]);
            cuts.sort_unstable();
            let (mut stream, mut events) = (Vec::new(), Vec::new());
            for (at, ends) in cuts.windows(2).enumerate() {
                let last = at + 2 == cuts.len();
                let opcode = if at > 0 { opcode::CONTINUATION } else { 2 - u8::from(text) };
                stream.extend(frame(if last { 0x80 } else { 0 } | opcode, &payload[ends[0]..ends[1]]));
                if pinged && !last {
                    stream.extend(frame(0x80 | opcode::PING, &[7]));
                    events.push(WsEvent::Ping(Bytes::from_static(&[7])));
                }
            }
            let payload = Bytes::from(payload);
            events.push(if text { WsEvent::Text(payload) } else { WsEvent::Binary(payload) });
            (stream, events)
        },
    )
}

/// Frames that are nearly right: any first byte, any payload, sometimes without a mask.
fn crooked_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![8 => prop::sample::select(vec![0x00_u8, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89]), 1 => any::<u8>()];
    (first, prop::collection::vec(any::<u8>(), 0..400), prop::bool::weighted(0.95)).prop_map(
        |(first, payload, masked)| {
            let mut out = Vec::new();
            encode_frame(&mut out, 0, &payload, masked.then_some(MASK));
            out[0] = first;
            out
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_fragmentation_and_chunking_gives_the_same_messages(
        messages in prop::collection::vec(message_stream(), 1..5),
        chunk in 1_usize..64,
    ) {
        let (streams, events): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        prop_assert_eq!(decode_pieces(streams.concat().chunks(chunk)), (events.concat(), None));
    }

    #[test]
    fn crooked_streams_fail_the_same_way_whatever_the_chunking(
        frames in prop::collection::vec(crooked_frame(), 1..8),
        chunk in 1_usize..64,
    ) {
        let stream = frames.concat();
        let whole = decode_pieces(std::iter::once(&stream[..]));
        prop_assert_eq!(decode_pieces(stream.chunks(chunk)), whole);
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..400), chunk in 1_usize..64) {
        decode_pieces(noise.chunks(chunk));
    }

    #[test]
    fn masking_by_words_is_masking_by_bytes(
        payload in prop::collection::vec(any::<u8>(), 0..70),
        mask in any::<[u8; 4]>(),
    ) {
        let expected: Vec<u8> = payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
        let mut masked = payload;
        apply_mask(&mut masked, mask);
        prop_assert_eq!(masked, expected);
    }
}
