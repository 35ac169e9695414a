//! Lines of bounded length.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use super::super::notices::Pace;

/// The result of a read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, complete in the buffer.
    Whole,
    /// The beginning of a line that does not fit; its rest comes next.
    Cut,
    /// There is no further line.
    End,
}

/// Reads the next line into `buffer`, without its line break and at most `limit` bytes of it.
pub(super) async fn read_line<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    buffer: &mut Vec<u8>,
    limit: usize,
) -> io::Result<Line> {
    buffer.clear();
    let mut begun = false;
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(if begun { finish(buffer) } else { Line::End });
        }
        begun = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        let room = limit - buffer.len();
        if part.len() > room {
            buffer.extend_from_slice(&part[..room]);
            reader.consume(room);
            return Ok(Line::Cut);
        }
        buffer.extend_from_slice(part);
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            return Ok(finish(buffer));
        }
    }
}

/// Skips the rest of a line, which may never end, as fast as `pace` allows.
pub(super) async fn skip_line<R: AsyncBufRead + Unpin>(reader: &mut R, pace: &Pace) -> io::Result<()> {
    loop {
        let available = reader.fill_buf().await?;
        let end = available.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(available.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() || used == 0 {
            return Ok(());
        }
        pace.pass_over(0, used).await;
    }
}

fn finish(buffer: &mut Vec<u8>) -> Line {
    if buffer.last() == Some(&b'\r') {
        buffer.pop();
    }
    Line::Whole
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails")]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    async fn all(input: &str, capacity: usize, limit: usize) -> Vec<(Line, String)> {
        let mut reader = BufReader::with_capacity(capacity, input.as_bytes());
        let mut buffer = Vec::new();
        let mut lines = Vec::new();
        loop {
            match read_line(&mut reader, &mut buffer, limit).await.unwrap() {
                Line::End => return lines,
                line => {
                    if line == Line::Cut {
                        skip_line(&mut reader, &Pace::default()).await.unwrap();
                    }
                    lines.push((line, String::from_utf8(buffer.clone()).unwrap()));
                }
            }
        }
    }

    #[tokio::test]
    async fn lines_come_whole_however_the_bytes_arrive() {
        for capacity in [1, 2, 3, 100] {
            let lines = all("one\r\n\ntwo\nlast", capacity, 10).await;
            let texts: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(texts, ["one", "", "two", "last"]);
            assert!(lines.iter().all(|(line, _)| *line == Line::Whole));
        }
    }

    #[tokio::test]
    async fn a_line_beyond_the_limit_is_cut_and_the_next_one_is_not_harmed() {
        for capacity in [1, 3, 100] {
            let lines = all("0123456789\n012345\n", capacity, 6).await;
            assert_eq!(lines, [(Line::Cut, "012345".into()), (Line::Whole, "012345".into())]);
        }
    }
}
