//! The file or pipe that is being stored, read once from front to back.

use crate::{limits::READ_AHEAD_BYTES, ClientError};
use std::io::{self, Read};

/// How long the next segment will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SegmentLen {
    /// Exactly so long.
    Exact(u64),
    /// Unknown yet.
    Between {
        /// So much was read ahead.
        least: u64,
        /// As much as a segment can have.
        most: u64,
    },
}

impl SegmentLen {
    /// The plaintext to reserve for.
    pub fn bound(self) -> u64 {
        match self {
            Self::Exact(len) | Self::Between { most: len, .. } => len,
        }
    }

    /// The plaintext that is there for certain.
    pub fn least(self) -> u64 {
        match self {
            Self::Exact(len) | Self::Between { least: len, .. } => len,
        }
    }
}

/// The source, with what was read ahead of it.
pub(crate) struct Plaintext {
    source: Box<dyn Read + Send>,
    /// Bytes announced, if known.
    expected: Option<u64>,
    /// Bytes given out.
    given: u64,
    ahead: Vec<u8>,
    /// Bytes of `ahead` given out.
    taken: usize,
    ended: bool,
}

impl Plaintext {
    pub fn new(source: impl Read + Send + 'static, expected: Option<u64>) -> Self {
        let source = Box::new(source);
        Self { source, expected, given: 0, ahead: Vec::new(), taken: 0, ended: false }
    }

    /// The size announced, or else `found`.
    pub fn announced(&self, found: u64) -> u64 {
        self.expected.unwrap_or(found)
    }

    /// Bytes given out so far.
    pub fn given(&self) -> u64 {
        self.given
    }

    /// How long the next segment is. `None` once everything was given out, which a source of no bytes
    /// is only after its one, empty segment (`first`).
    pub fn next_segment(
        &mut self,
        segment_bytes: u64,
        first: bool,
    ) -> Result<Option<SegmentLen>, ClientError> {
        if let Some(expected) = self.expected {
            let len = (expected.saturating_sub(self.given)).min(segment_bytes);
            return Ok((len > 0 || first).then_some(SegmentLen::Exact(len)));
        }
        let wanted = READ_AHEAD_BYTES.min(usize::try_from(segment_bytes).unwrap_or(usize::MAX));
        self.fill(wanted).map_err(ClientError::Source)?;
        let ahead = u64::try_from(self.ahead.len()).unwrap_or(u64::MAX);
        Ok(match self.ended {
            true if ahead == 0 && !first => None,
            true => Some(SegmentLen::Exact(ahead)),
            false if ahead == segment_bytes => Some(SegmentLen::Exact(ahead)),
            false => Some(SegmentLen::Between { least: ahead, most: segment_bytes }),
        })
    }

    /// Reads up to `buffer.len()` bytes of a segment of which `left` bytes are still to come; 0 at the
    /// end of the source.
    pub fn read(&mut self, buffer: &mut [u8], left: u64) -> Result<usize, ClientError> {
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let buffer = &mut buffer[..room];
        let read = if self.taken < self.ahead.len() {
            let ahead = &self.ahead[self.taken..];
            let len = ahead.len().min(room);
            buffer[..len].copy_from_slice(&ahead[..len]);
            self.taken += len;
            if self.taken == self.ahead.len() {
                self.ahead = Vec::new();
                self.taken = 0;
            }
            len
        } else {
            read_some(&mut self.source, buffer).map_err(ClientError::Source)?
        };
        self.given = self.given.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }

    /// Whether the source is as long as announced, once all announced bytes were given out.
    pub fn check_end(&mut self) -> Result<(), ClientError> {
        let Some(expected) = self.expected.filter(|expected| *expected == self.given) else {
            return Ok(());
        };
        match read_some(&mut self.source, &mut [0]).map_err(ClientError::Source)? {
            0 => Ok(()),
            _ => Err(ClientError::SourceSize { expected, actual: format!("longer than {expected} bytes") }),
        }
    }

    /// Reads ahead until `wanted` bytes are there or the source ends.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        self.ahead.drain(..self.taken);
        self.taken = 0;
        let have = self.ahead.len();
        if self.ended || have >= wanted {
            return Ok(());
        }
        let limit = u64::try_from(wanted - have).unwrap_or(u64::MAX);
        let read = self.source.by_ref().take(limit).read_to_end(&mut self.ahead)?;
        self.ended = read < wanted - have;
        Ok(())
    }
}

fn read_some(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(plaintext: &mut Plaintext, segment_bytes: u64) -> Vec<(SegmentLen, Vec<u8>)> {
        let mut segments = Vec::new();
        while let Some(len) = plaintext.next_segment(segment_bytes, segments.is_empty()).unwrap() {
            let mut bytes = Vec::new();
            let mut buffer = [0; 3];
            loop {
                let left = len.bound() - u64::try_from(bytes.len()).unwrap();
                match plaintext.read(&mut buffer, left).unwrap() {
                    0 => break,
                    read => bytes.extend_from_slice(&buffer[..read]),
                }
            }
            segments.push((len, bytes));
        }
        segments
    }

    #[test]
    fn known_and_unknown_sizes_make_the_same_segments() {
        for size in [0u8, 1, 9, 10, 11, 20, 25] {
            let bytes: Vec<u8> = (0..size).collect();
            let expected: Vec<u64> = crate::placement::segments(size.into(), 10).collect();
            for announced in [None, Some(u64::from(size))] {
                let mut plaintext = Plaintext::new(io::Cursor::new(bytes.clone()), announced);
                let segments = drain(&mut plaintext, 10);
                let lens: Vec<u64> = segments.iter().map(|(len, _)| len.bound()).collect();
                assert_eq!(lens, expected, "{size} {announced:?}");
                assert_eq!(segments.concat_bytes(), bytes);
                plaintext.check_end().unwrap();
            }
        }
    }

    trait ConcatBytes {
        fn concat_bytes(&self) -> Vec<u8>;
    }

    impl ConcatBytes for Vec<(SegmentLen, Vec<u8>)> {
        fn concat_bytes(&self) -> Vec<u8> {
            self.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
        }
    }

    #[test]
    fn a_long_pipe_is_not_read_into_memory() {
        let mut plaintext = Plaintext::new(io::repeat(1), None);
        let len = plaintext.next_segment(1 << 30, true).unwrap();
        let least = u64::try_from(READ_AHEAD_BYTES).unwrap();
        assert_eq!(len, Some(SegmentLen::Between { least, most: 1 << 30 }));
        assert_eq!(plaintext.ahead.len(), READ_AHEAD_BYTES);
    }

    #[test]
    fn a_grown_file_is_noticed() {
        let mut plaintext = Plaintext::new(io::Cursor::new(vec![0; 11]), Some(10));
        drain(&mut plaintext, 4);
        assert!(matches!(plaintext.check_end(), Err(ClientError::SourceSize { expected: 10, .. })));
    }
}
