//! What is said to a proxy, byte by byte.

/// Returns a request for a tunnel.
pub(crate) fn connect(authority: &str) -> Vec<u8> {
    format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n").into_bytes()
}

/// Returns a request for the page at `authority` that says `host` is meant.
pub(crate) fn get(authority: &str, host: &str) -> Vec<u8> {
    format!("GET http://{authority}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        .into_bytes()
}

/// Returns the first message of a TLS client that wants `name` (RFC 5246, 6066).
pub(crate) fn client_hello(name: &str) -> Vec<u8> {
    // Suites that any server has; groups and signatures that go with them.
    let suites = [0xc0_2f_u16, 0xc0_30, 0xc0_2b, 0xc0_2c, 0x00_9c].map(u16::to_be_bytes).concat();
    let server = [&[0][..], &sized(name.as_bytes())].concat();
    let extensions = [
        extension(0, &sized(&server)),
        extension(10, &sized(&[0, 29, 0, 23, 0, 24])),
        extension(11, &[1, 0]),
        extension(13, &sized(&[4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1])),
    ]
    .concat();
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend(sized(&suites));
    hello.extend([1, 0]);
    hello.extend(sized(&extensions));
    let length = u32::try_from(hello.len()).unwrap_or_default().to_be_bytes();
    let handshake = [&[1][..], &length[1..], &hello].concat();
    [&[22, 3, 1][..], &sized(&handshake)].concat()
}

fn extension(number: u16, body: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &sized(body)].concat()
}

/// Returns bytes behind their number.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or_default();
    [&length.to_be_bytes()[..], bytes].concat()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_client_has_the_lengths_that_it_says() {
        let hello = client_hello("a.example");
        assert_eq!(&hello[..3], [22, 3, 1]);
        assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
        assert_eq!(usize::from(u16::from_be_bytes([hello[7], hello[8]])), hello.len() - 9);
        assert!(hello.windows(9).any(|window| window == b"a.example"));
        assert_eq!(unhex(&hex(&hello)), hello);
    }
}
